"""Words of asks by what they stand for, in eight languages: a small lexicon, written for this project. Pure.

A linear model knows the words it was trained on and no others. A word that is listed here is read as its concept too, so
that `scaffold`, `esqueleto` and `雛形` are one thing to it, seen in training or not. The lexicon says nothing of tasks: what
a concept means for a task, and beside which other, is learned. A word has one concept, the one it has most often in asks;
what it misses costs no more than before.

A word that ends in `*` stands for all words that begin so. Chinese and Japanese are listed as pairs of signs, which is how
they are read (`classifiers.features.text`).
"""

from __future__ import annotations

from typing import Final

MARK: Final = "xconcepts"
"""The token that stands before an ask's concepts."""
MEMO_MAX: Final = 8192
STEM_MIN: Final = 3

_LEXICON: Final[dict[str, str]] = {
    "make": """create* generat* write writing make making add adding produce* build building setup bootstrap* init*
        spin start new give whip draft prepare* provide* lay drop put stamp erstell* schreib* erzeug* anleg* leg*
        neue* neu richte* baue* crea crear cree crée créer génère* génér* ajoute* écris écrire prépare* nouveau
        nouvelle escrib* añad* agreg* genera* nuevo nueva prepara* crie criar gere gerar adicion* escrev* novo nova
        создай* создать сделай* добав* напиши* написать сгенер* нов* подготов* 创建 新建 生成 添加 编写 写一 加一
        增加 建一 搭建 初始 作成 作っ 作る 追加 書い 生や 用意 新規""",
    "edit": """fix* chang* renam* remov* delet* replac* correct* updat* bump* set adjust* tweak* handle* return*
        swap* switch* drop* strip* revert* toggle* enable* disable* invert* patch* repair* turn move inline trim*
        clamp* round* sort* shorten* guard* catch* convert* pass passing änder* behebe* repar* korrigier* entfern*
        lösch* ersetz* umbenenn* benenn* setz* verschieb* corrig* répar* modifi* chang* remplac* supprim* renomm*
        enlev* arregl* cambi* elimin* borra* reemplaz* quita* renombr* corrij* conserte* alter* mude* mudar remov*
        substitu* renomei* исправ* почин* измен* удал* убер* замен* переимен* поправ* 修复 修改 改成 改为 修正 删除
        去掉 替换 重命 命名 调整 改一 直し 直す 変更 変え 修正 削除 消し 置き 外し""",
    "document": """document* docstring* comment* annotat* jsdoc* javadoc* rustdoc* godoc* doxygen* tsdoc* phpdoc*
        kdoc* yard describ* doc docs type-hint* hints readme dokumentier* kommentar* kommentier* beschreib*
        typhinweis* erläuter* commentaire* commenter documente* décri* annoter docstrings comentari* coment*
        documenta* describ* anota* anotac* comentár* documente* descrev* docstring комментар* докстринг* документ*
        опиши* описан* аннотац* закоммент* 注释 文档 说明 档字 类型 解注 コメ メン ドキ 説明 注釈 型ヒ""",
    "test": """test tests testing tested spec specs coverage fixture* mock* assert* pytest jest vitest junit
        testcase* regress* parametriz* parametris* unittest* cypress playwright edge snapshot* stub* teste*
        testfall* testfäll* abdeck* prueba* test cobertura cubr* testes couverture couvr* тест* покры* фикстур*
        мок* 测试 单测 用例 覆盖 断言 テス スト 検証 カバ 単体""",
    "ask": """what why how when where which who whose does is are was explain* difference* meaning mean means
        understand tell compare* versus vs should could worth better can do did was warum wie wo wann wieso weshalb
        erklär* unterschied bedeut* welche* pourquoi comment où quand quel* explique* différence qu'est-ce signifie
        qué cómo dónde cuándo cuál* explica* diferencia significa por qual como onde quando porque diferença o-que
        что почему зачем как где когда како* объясн* разниц* чем значит 什么 为什 怎么 如何 哪里 哪个 区别 解释
        是否 意思 吗 なぜ どう どこ いつ 何が 何を 違い 教え ですか 意味""",
    "think": """prove* proof design* derive* analy* investigat* root cause* causes reason* diagnos* invent* theor*
        hypothes* devis* optimal* argue figure track hunt trade-off* tradeoff* architect* algorithm* strateg*
        beweis* entwirf entwerf* entwurf ursache* herleit* untersuch* algorithmus analysier* prouv* preuve conçois
        concev* concevoir analys* algorithme déduis* démontr* cause demuestr* diseñ* analiz* algoritmo* demostr*
        causa* deriva* prov* projet* desenh* analis* докаж* доказ* спроектир* разработ* алгоритм* причин*
        проанализ* выясн* 证明 设计 分析 算法 推导 原因 根因 方案 架构 証明 設計 原因 解析 アル ゴリ 考え 突き""",
    "hard": """race races deadlock* leak leaks leaking intermittent* sporadic* flaky concurren* distributed
        consensus invariant* complexity lock-free lockfree latency throughput corrupt* nondetermin* heisenbug*
        ordering consistency linearizab* crdt raft paxos scheduler quorum convergence numeric* precision
        cryptograph* vulnerab* segfault* starvation contention skew occasionally sometimes rarely randomly
        wettlauf* verklemm* manchmal gelegentlich nebenläufig* verteilt* konsist* parfois concurrence interblocage
        fuite* cohérence réparti* a-veces carrera concurren* fuga* consist* bloqueo às vezes corrida vazamento*
        конкурен* гонк* взаимн* утечк* блокиров* иногда согласован* распредел* сложност* 死锁 竞态 竞争 泄漏 偶尔
        偶发 并发 一致 分布 复杂 性能 競合 デッ ドロ リー まれに 時々 並行 整合 分散 一貫""",
    "scope": """all every each everywhere across entire whole throughout codebase repo repos repository
        project-wide monorepo modules packages services callers callsites usages occurrences files components both
        globally consistently alle allen jede* überall gesamt* ganze* sämtlich* projektweit tous toutes partout
        chaque entier* ensemble l'ensemble todo todos toda todas cada entero entera dondequiera cada inteiro
        inteira tudo все всех всё весь всю везде каждый каждом каждо* целик* повсюду 所有 全部 整个 全局 每个 各个
        到处 全て すべ 全体 全部 各フ 全フ 横断""",
    "migrate": """migrat* port porting upgrade* split* extract* consolidat* unify decouple* restructur* reorganiz*
        reorganis* rewrite* rewrit* modulariz* modularis* refactor* transition* adopt* introduce* move* replatform*
        convert deprecat* propagat* migrier* portier* umstell* umbau* aufteil* zerleg* refaktor* vereinheitlich*
        migre* migrer porter découp* restructur* réorganis* refactoris* migra* porta* dividir divid* separa*
        reestructur* refactoriz* reestrutur* refator* перенес* перевед* мигрир* миграц* раздел* рефактор* перепиш*
        перейд* 迁移 重构 拆分 升级 移植 统一 抽取 重写 移行 リフ ファク 分割 移植 書き換 統一 切り出""",
    "keep": """overnight night nights tonight hours hour hourly daily nightly weekend* background meanwhile away
        asleep sleep sleeping until till continuously repeatedly loop looping nonstop unattended autonomously
        monitor* watch* poll polling keep keeps keeping periodically minutes morning tomorrow lunch forever
        endlessly batch thousands nachts nacht stunden stündlich täglich wochenende hintergrund solange
        ununterbrochen überwach* fortlaufend morgen nuit heures jusqu'à continu* fond surveill* demain boucle noche
        horas hasta continuamente fondo vigila* mañana bucle madrugada noite até fundo monitor* amanhã ночь ночью
        ночи часов часа фоне пока непрерывно следи* постоянно каждые утра утром круглосут* 整晚 通宵 夜里 今晚 小时
        后台 持续 不停 直到 每小 每天 监控 循环 明早 一晩 夜間 夜中 時間 バッ 監視 続け 朝ま 毎時 毎日 ずっ まで""",
    "form": """skeleton* boilerplate template* stub stubs placeholder* dto dtos enum enums crud scaffold* starter
        blank empty minimal basic vanilla standard usual typical default gitignore dockerfile makefile editorconfig
        license licence getter* setter* accessor* pojo struct record dataclass hello-world hello project app config
        workflow pipeline manifest layout folder folders directory directories package.json tsconfig pyproject
        gerüst grundgerüst vorlage* leere* leer üblich* squelette modèle gabarit vide vides basique esqueleto
        plantilla* vacío vacía vacíos básico vazio vazia modelo padrão каркас* шаблон* заготовк* пуст* заглуш*
        скелет* базов* 模板 骨架 样板 脚手 空的 框架 空项 雛形 空の ひな テン 骨組 スケ""",
    "fault": """error errors bug bugs crash* wrong broken fails failing null none undefined exception* typo*
        off-by-one missing duplicate* incorrect unused warning* twice trace traceback npe 404 500 fehler* falsch*
        kaputt stürzt abstürz* erreur* bug plante cassé faux fallo* falla error* roto mal quebrado erro erros
        falha* ошибк* баг* падает сломан* неправильн* 报错 错误 异常 崩溃 空指 失败 不对 エラ 例外 バグ 落ち 失敗
        不具 おかし""",
    "report": """expected actual observed reproduc* steps reproduction version versions environment behaviour
        behavior description output stacktrace platform regression example snippet linux macos ubuntu windows pip
        issue issues ticket reported checklist workaround additional context erwartet* tatsächlich* umgebung
        schritte attendu obtenu étapes esperado obtenido pasos passos ожидаем* версия воспроизвед* шаги 期望 实际
        版本 复现 步骤 環境 期待 再現 手順""",
    "part": """function* method* class line lines parameter* param params argument* variable* field fields
        constant* import imports regex timeout value flag button label color text string column header funktion*
        methode* zeile* feld variable* parameter fonction* méthode* ligne* champ variable* función método* línea*
        campo* função método* linha* campo* функци* метод* строк* пол* параметр* переменн* 函数 方法 字段 参数 变量
        一行 按钮 関数 メソ 引数 変数 行目 ボタ""",
    "little": """just only simply quick quickly tiny small single one nur bloß einfach kurz schnell kleine* juste
        seulement petit* rapide* simple* solo sólo solamente pequeñ* rápido só apenas somente pequen* просто только
        быстро маленьк* один одну 只要 只需 简单 一下 一个 だけ ちょっ 簡単 一つ""",
}  # fmt: skip


def _tables() -> tuple[dict[str, str], dict[str, str]]:
    words: dict[str, str] = {}
    stems: dict[str, str] = {}
    for concept, listed in _LEXICON.items():
        for word in listed.split():
            table, key = (stems, word[:-1]) if word.endswith("*") else (words, word)
            table.setdefault(key, f"c{concept}x")
    return words, stems


_WORDS, _STEMS = _tables()


def _by_start() -> dict[str, list[tuple[str, str]]]:
    """Stems by their first letters, long ones first: most words begin like none."""
    found: dict[str, list[tuple[str, str]]] = {}
    for stem in sorted(_STEMS, key=len, reverse=True):
        found.setdefault(stem[:STEM_MIN], []).append((stem, _STEMS[stem]))
    return found


_BY_START: Final = _by_start()
TOKENS: Final = frozenset({MARK, *(f"c{concept}x" for concept in _LEXICON)})
"""Everything that `concepts_of` gives, and the mark."""


class _Memo(dict[str, str]):
    """Token to its concept, "" where it has none."""

    def __missing__(self, token: str) -> str:
        found = _WORDS.get(token) or _stem(token)
        if len(self) >= MEMO_MAX:
            self.clear()
        self[token] = found
        return found


def _stem(token: str) -> str:
    """The longest stem that the token begins with decides."""
    for stem, concept in _BY_START.get(token[:STEM_MIN], ()):
        if token.startswith(stem):
            return concept
    return ""


_memo: Final = _Memo()


def concepts_of(tokens: list[str]) -> list[str]:
    """The concepts of those tokens that have one, in order."""
    return list(filter(None, map(_memo.__getitem__, tokens)))
