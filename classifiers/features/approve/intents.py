"""What a sentence asks to be done, by stems in eight languages, and what kind of ask would justify what a call does.

A lexicon, not a grammar: it may miss an ask (then a human is asked), and a stem that is used in passing adds an intent (then
the model and the names in the ask must still agree). What the human rules out ("without pushing") is found by clause.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_STEMS: Final[dict[str, str]] = {
    "delete": "delet|remov|clean|clear|wip(?:e|ing)|purg|drop|prun|eras|trash|discard|uninstall|lösch|entfern"
    "|aufräum|räum"
    "|bereinig|verwerf|borr|elimin|limpi|limp|quit(?:a|ar)|descart|supprim|effac|nettoy|nettoi|enlev|vider"
    "|удал|стер|очист"
    "|убер|убра|сотр|почист|apag|remov|exclu",
    "revert": "revert|undo|reset|restore|rückgängig|zurücksetz|revier|deshac|deshaz|annul|rétabl|откат|верн|desfa"
    "|reponh",
    "install": "install|dependenc|upgrade|bump|updat|setup|requirements"
    "|package|librar|instal|abhängig|aktualisier|einricht|bibliothek|paket|paquet|dépendanc|actualiz"
    "|установ|постав|обнов|зависимост|библиотек|пакет|atualiz|dependênc|pacote|biblioteca",
    "publish": "push|publish|release|upload|pr\\b"
    "|tag\\b|comment|share|send|post\\b|veröffentlich|hochlad|schick|send|teil(?:e|en)|public|sub(?:e|ir|a)\\b|envi"
    "|publi|pousse|envoi|envoy|пуш|запуш|опублик|отправ|залей|выложи|выпуст|suba|empurr",
    "deploy": "deploy|ship|apply|provision|scale|helm|kubectl|terraform|production|staging|ausroll|bereitstell|desplieg"
    "|despleg|implant|déploi|déploy|разверн|деплой|задепло|раскат|implement",
    "commit": "commit|stage|amend|rebase|merge|cherry|branch|stash|squash|einchecken|zweig|confirm|fusion"
    "|rama|branche|коммит|закоммит|ветк|ребейз|слей|влей|mescl|ramo",
    "run": "run|test|build|compil|execut|start|launch|lint|format|bench|check|verif|try|debug|fix|pass|fail"
    "|green|broken|crash|ausführ"
    "|führ|prüf|bau(?:e|en)|teste|starte|läuft|repar|ejecut|prueb|compila|arregl|lanc|exécut|vérif|corrig"
    "|répar|запус|тест"
    "|собер|собир|провер|почин|исправ|падает|rod(?:e|ar)|execut|corrij|consert|verifiq",
    "write": "write|edit|chang|creat|add|implement|refactor|renam|mov|updat|replac|fix|generat|document"
    "|comment|modif|extract|split"
    "|port|migrat|convert|schreib|änder|erstell|hinzufüg|füg|umbenenn|ersetz|implementier|verschieb|escrib"
    "|cambi|cre(?:a|ar|e)\\b"
    "|añad|renombr|mueve|agreg|écri|modifi|cré|ajout|renomm|remplac|déplac|напиш|измен|созда|добав|переимен"
    "|замен|перенес"
    "|реализ|допиш|escrev|mud(?:e|ar)|adicion|renomei|substitu|mova|implement",
    "fetch": "download|fetch|curl|wget|clone|pull|request|ping|api|endpoint|url|http|website|webpage|docs?\\b"
    "|search|browse|online|herunterlad|lade|abruf|such|descarg|baix|consult|télécharg|récupèr|cherch|скач|загруз|запрос"
    "|открой|найд|склон|busc|baixar|procur",
    "system": "sudo|root|system|apt|brew|service|systemd|daemon|restart|kill|stop|port|process|permission"
    "|chmod|chown|docker|container"
    "|neustart|beend|stopp|dienst|rechte|proceso|servicio|reinici|permiso|processus|redémarr|arrêt|droits"
    "|перезапус|останов|убей"
    "|процесс|служб|прав|reinici|serviço|processo|contêiner",
    "schedule": "cron|schedul|nightly|daily|autostart|hook|alias|profile|bashrc|zshrc"
    "|täglich|stündlich|geplant|programa(?:r|da)?\\b|planifi|chaque|крон|кажд|расписан|автозапус"
    "|agend|todo dia|diari",
    "secret": "secret|token|password|credential|login|auth|passwort|zugangs|schlüssel"
    "|contraseñ|clave|mot de passe|identifiant|clé|парол|токен|ключ|senha|chave",
    "data": "database|db\\b|table|sql|query|migrat|seed|row|column|dump|backup|datenbank|tabell|abfrag|datos"
    "|données|dados"
    "|tabla|consulta|requête|баз[аыу]|таблиц|миграц|banco|tabela",
    "outside": "home|outside|elsewhere|dotfile|global|machine|heimverz|carpeta|"
    "dossier|домашн|глобальн|pasta",
}  # fmt: skip
_DENSE: Final[dict[str, str]] = {
    "delete": "删除|删掉|清理|移除|清空|去掉|削除|消し|消す|クリーン|片付け",
    "revert": "撤销|回滚|还原|恢复|取り消|元に戻|リセット|ロールバック",
    "install": "安装|升级|更新依赖|依赖|装上|更新|インストール|依存|アップデート|導入",
    "publish": "推送|发布|提交pr|拉取请求|上传|发送|プッシュ|公開|リリース|アップロード|送信|プルリク",
    "deploy": "部署|上线|应用到|デプロイ|反映",
    "commit": "提交|合并|分支|变基|コミット|マージ|ブランチ",
    "run": "运行|测试|构建|编译|执行|跑|检查|修复|实行|実行|テスト|ビルド|走らせ|確認|直し|修正",
    "write": "写|改|编辑|创建|添加|实现|重构|重命名|替换|修复|移动|書|変更|作成|作っ|追加|実装|リファクタ|置き換|移動",
    "fetch": "下载|抓取|获取|克隆|请求|查询|搜索|打开网页|ダウンロード|取得|クローン|検索|調べ",
    "system": "重启|服务|进程|权限|停止|容器|系统|再起動|サービス|プロセス|権限|止め|コンテナ",
    "schedule": "定时|每天|每晚|计划任务|开机|毎日|毎晩|定期|自動起動",
    "secret": "密码|密钥|令牌|凭证|登录|パスワード|トークン|鍵|秘密|ログイン",
    "data": "数据库|表|迁移|备份|データベース|テーブル|マイグレーション|バックアップ",
    "outside": "主目录|全局|ホーム|グローバル",
}
NAMES: Final = tuple(_STEMS)
_LATIN: Final = {name: re.compile(stems) for name, stems in _STEMS.items()}
_HAN: Final = {name: re.compile(stems) for name, stems in _DENSE.items()}
_PHRASES: Final = (
    (re.compile(r"(?:pull|merge) request"), "publish"),
    (re.compile(r"roll(?:ing)? (?:it |this |that )?back"), "revert"),
    (re.compile(r"get(?:ting)? rid of"), "delete"),
    (re.compile(r"log ?in|api key|env(?:ironment)? var"), "secret"),
    (re.compile(r"roll(?:ing)? (?:it |this )?out"), "deploy"),
    (re.compile(r"set(?:ting)? up"), "install"),
    (re.compile(r"look(?:ing)? (?:it |this )?up|hit(?:ting)? the|call(?:ing)? the"), "fetch"),
    (re.compile(r"every (?:day|hour|night|morning|week|minute)|cada (?:d\u00eda|hora|noche)"), "schedule"),
    (re.compile(r"~/|/tmp|/etc|/opt|/usr|/var|my config|system-wide"), "outside"),
    (re.compile(r"\.env\b"), "secret"),
)
_ANY_HAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_WORD: Final = re.compile(r"[^\W_]+")
_NONE: Final[frozenset[str]] = frozenset()

NEGATIVE: Final = re.compile(
    r"(?<![^\W_])(?:do not|don['’]?t|never|without|not to|avoid|hold off|refrain from|nicht|nichts|ohne"
    r"|kein\w*|niemals|sin|nunca"
    r"|ne|n['’](?=\w)|sans|jamais|не|без|никогда|ничего|não|sem)(?![^\W_])|不要|别|不用|请勿|勿|しない|ないで|せずに|不许|不能",
    re.IGNORECASE,
)
NO_BEFORE: Final = re.compile(r"(?<![^\W_])no (?=(\w+))", re.IGNORECASE)
"""Spanish, where the verb follows at once; in English "no" rules nothing out by itself."""
KEEP: Final = re.compile(
    r"(?<![^\W_])(?:leave|keep|except|but not|other than|besides|außer|behalte|lass|excepto|salvo|sauf|garde"
    r"|laisse|кроме|оставь"
    r"|exceto|deixe|mantenha)(?![^\W_])|除了|保留|以外|残し",
    re.IGNORECASE,
)
"""Names that follow stay as they are; nothing is said of what is to be done."""
CLAUSE: Final = re.compile(
    r"[.,;:!?](?=\s|$)|[\n。，、；！？]|\b(?:but|then|aber|dann|sondern|pero|luego|mais|puis|но|потом|затем|mas"
    r"|depois)\b|但是|然后",
    re.IGNORECASE,
)

JUSTIFIES: Final[dict[str, frozenset[str]]] = {
    "network": frozenset({"fetch", "install", "publish", "deploy", "data"}),
    "write_outside": frozenset({"outside", "install", "schedule", "system"}),
    "privilege": frozenset({"system", "install"}),
    "exec_data": frozenset({"run", "data"}),
    "destructive": frozenset({"delete", "revert"}),
    "persistence": frozenset({"schedule", "system"}),
    "publish": frozenset({"publish", "deploy"}),
    "install": frozenset({"install"}),
    "project_code": frozenset({"run", "write", "data", "deploy", "install"}),
    "secrets": frozenset({"secret"}),
}
"""By effect, the intents of which one must be there for the call to be what was asked for."""
GUARDED: Final = frozenset(
    {"delete", "revert", "install", "publish", "deploy", "commit", "system", "schedule", "secret"}
)
"""What a call's own words may announce (`npm run deploy`, `dropdb`, `delete_issue`) and must not do unasked."""
BARRING: Final[dict[str, frozenset[str]]] = {
    "network": frozenset({"fetch"}),
    "destructive": frozenset({"delete", "revert"}),
    "publish": frozenset({"publish", "deploy"}),
    "install": frozenset({"install"}),
    "persistence": frozenset({"schedule"}),
    "privilege": frozenset({"system"}),
    "secrets": frozenset({"secret"}),
    "write_outside": frozenset({"outside"}),
    "write": frozenset({"write"}),
    "commit": frozenset({"commit"}),
}
"""By what a call does, the intents that rule it out where the human says not to."""


def intents_of(text: str) -> frozenset[str]:
    """The intents a text names."""
    low = text.lower()
    found: set[str] = set()
    for word in set(_WORD.findall(low)):
        found |= _of_word(word[:24])
    found.update(name for pattern, name in _PHRASES if pattern.search(low) is not None)
    if _ANY_HAN.search(low) is not None:
        found.update(name for name, pattern in _HAN.items() if pattern.search(low) is not None)
    return frozenset(found)


@lru_cache(maxsize=8192)
def _of_word(word: str) -> frozenset[str]:
    """Words of asks repeat: each is looked up once."""
    return frozenset(name for name, pattern in _LATIN.items() if pattern.match(word) is not None) or _NONE
