r"""What a short instruction without tools is for, told by its parts instead of its wording. Pure, deterministic.

A call that a client makes by itself names a thing (a title, a summary, a commit message, a verdict), mostly what it is
made of (this conversation, the diff, the command) and how the answer must look (one line, at most six words, JSON, only).
Which words stand for these parts is listed here in eight languages; a purpose is a combination of parts, so a wording that
nobody has seen is told as long as its parts are known. A text that asks for a piece of program about such a thing ("write a
function that titles chats") is no purpose, and questions are none: in doubt the answer is None, because a title answered by
a strong model costs a cent and a task answered by the title model costs the task.

`gateway.routing.calls` has wordings of known clients and the shape of the request; it asks here last.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.ir.exchange import Call

PLACE_CHARS: Final = 900
"""Of the text, where a single purpose must be said. A longer text is an agent's or carries the material."""


BARE_CHARS: Final = 30
"""So short an order for a title names nothing else that it could be the title of."""


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts))


_TALK: Final = _any(
    r"\b(?:conversation|chat|thread|session|dialog(?:ue)?|discussion|transcript|interaction|exchange|trajectory|"
    r"history)s?\b",
    r"\b(?:first|opening|following|user'?s|older|old|all|new|these|the) (?:user )?(?:messages?|request|question|"
    r"prompt|turns)\b",
    r"\bthe agent'?s (?:run|work|session)\b|\buser and (?:agent|assistant)\b",
    r"\bcontext window\b|\bevents of an agent\b|\beverything above\b|\bwhat the (?:agent|assistant) (?:did|"
    r"accomplished)\b",
    r"\b(?:gesprächs?|unterhaltung|chatverlauf|chats?|nachrichten|historial|mensajes|messages précédents|"
    r"discussion|conversation|histórico|mensagens|\w*verlauf|sitzung|conversación|charla|échange|sesión|"
    r"conversa)\b",
    r"диалог|переписк|бесед|сообщени|чата|разговор|消息|聊天|對話|對话|メッセージ|チャット|履歴|对话|会话|"
    r"聊天|会話|やりとり",
)
"""What people and agents said to each other."""
_TITLE: Final = _any(
    r"(?<![a-z])tit(?:le|el|re)s?\b(?! (?:bar|component|page|tag|field|column|attribute|element|case|view|screen|"
    r"box|layout|prop|class))|\bt[ií]tulo|\bheadline\b|\bheading\b|\btitler\b|\bentitle\b|\bcaption\b|"
    r"\bsubject line\b|\büberschrift|\bbetreff|\bencabezado|\bassunto|\bobjet de\b|заголов|тем[ау]\b|标题|標題|题目|"
    r"タイトル|見出し|件名"
)
_KEY: Final = re.compile(r"[\"'`]title[\"'`] ?:|\bkey,? title\b")
_NAME: Final = _any(
    r"\b(?:re)?nam(?:e|es|er|ing)\b|\blabel\b|\bslug\b|\btopic\b|\babout\b.{0,20}\?|\bnoun phrase\b|\bnombre\b|"
    r"\bnom\b|\bnome\b|\bnamen?\b|\bbezeichnung\b|назван|назови|определи|сформулируй|取名|命名|名字|名称|名前"
)
_SHOWN: Final = _any(r"\b(?:sidebar|tab|recents|task list|notification|history)\b")
_SUM: Final = _any(
    r"\bsummar(?:y|i[sz])|\bsum(?:s|ming)? up\b|\bwrap[- ]up\b|\bhand-?over\b|\bcompact (?:the|this|our|all)\b|"
    r"\bpr[eé]cis\b|\bparaphras|\brecap\b|\bsynops[ie]s\b|\btakeaways\b|\boutline\b|\boverview\b|\bhighlights\b|"
    r"\bkey points\b|\bminutes of\b|\brecord of\b|\bdistil|\bzusammenfass|\büberblick\b|\brésumé|\bsynthès|"
    r"\bsynth[eé]tis|\bresúm|\bsíntesis|\bsintetiz|\bdigest\b|\btl;?dr\b|\bgist\b|\bcondens|\bcompress\b|"
    r"\bshrink\b|\babstract of\b|\bbriefing\b|\bnotes?\b",
    r"\bsnapshot\b|\bbullet points\b|\bin (?:a|one) (?:single )?(?:line|sentence)\b|\bzusammen\b|\bfass(?:e|en)\b|"
    r"\brésum",
    r"\bresum(?:e|en|o|a|ir|ez|an|ar)\b|\bcondensa|\bverdicht|\bcontinuation prompt\b|итог|сводк|обобщ|перескаж|"
    r"сожми|резюм|总结|概括|压缩|摘要|归纳|提炼|梳理|總結|要点|要約|まとめ|整理|圧縮",
    r"\bwrite down (?:everything|all)\b",
)
_REMEMBER: Final = _any(
    r"\b(?:facts|preferences|memories)\b.{0,80}\b(?:json|list|remember|worth)|\blong-term memory\b|\bnew memories\b"
)
_LATER: Final = _any(
    r"\bcontinu(?:e|ed|ing|ation)\b|\bgo on\b|\bso far\b[^\n]{0,60}\b(?:pending|next|errors|files|requests)|"
    r"\bcurrent step\b|\bnew (?:session|context|window)\b|\bnearly full\b|\bresume[- ]from|\bwhat is (?:done|"
    r"next)\b|\bno other information\b|\bcarry on\b|\bpick up\b|\bsuccessor\b|\bhand-?(?:off|over)\b|\bretain\b|"
    r"\bpreserve\b|\bkeep (?:every|all|the)\b|\btransfer note|\bfresh instance\b",
    r"\b(?:another|next|different) (?:agent|model|turn|instance|assistant)\b|\bcontext (?:window|limit|length)\b|"
    r"\bout of tokens\b",
    r"\breplace[sd]? (?:it|the|all)\b|\bwithout the originals\b|\bwill be (?:deleted|removed|dropped)\b|"
    r"\bneeded later\b",
    r"\b(?:unfinished|remaining|pending|open) (?:tasks?|work|todos?|points)\b|\bwhat (?:remains|is left)\b",
    r"\bstate snapshot\b|\bfortsetz|\bfortsetzung|\bweiterführ|\bfolgeaufgab|\bcontexto nuevo|\bnouveau contexte|"
    r"\bnovo contexto|\bseguir\b|\bweiterarbeit|\boffene\b|\bersetzt\b|\bcontinuar|\bpendientes\b|\bpoursuiv|"
    r"\breprendre\b",
    r"продолж|осталось|дальше|контекст|继续|待办|剩余|交接|接着|上下文|下一步|引き継|再開|続け|残す",
)
_COMMIT: Final = _any(
    r"\b(?:git[- ])?commits?\b(?! hook| template| graph| history| log)|коммит|提交(?:信息|说明|消息|訊息|"
    r"日志)|提交记录|コミット|"
    r"\bpull request title\b"
)
_DIFF: Final = _any(
    r"\bdiff|\bpatch\b|\bhunks?\b|\bstaged\b|\bchanges?\b|\bmessages?\b|\bmsg\b|\bsubjects?\b|\bnachricht\b|"
    r"\bmensa(?:je|gem)\b|\bmodifications\b|\bmudanças\b|改动"
    r"|\bcambios\b|сообщени|дифф|信息|メッセージ|差分|变更|變更|変更|изменени|änderung|modificaç|changement|"
    r"\btext\b|\bfirst line\b"
)
_DEED: Final = _any(
    r"\b(?:command|tool call|action|content|text)s?\b(?! line)|\bbefehl|\baktion\b|\bcomando|\borden\b|"
    r"\bacci[oó]n\b|\bação\b|\baction\b|操作|действи|\bcommands? before\b|\bcomando\b|\bcommande\b|команд|命令|コマンド"
)
_HARM: Final = _any(
    r"\b(?:un)?safe\b|\bdanger|\bharm|\brisky?\b|\ballow(?:ed)?\b|\bdeny\b|\bblock\b|\bflagged\b|\bmalicious\b|"
    r"\bside effects\b"
    r"|\bviolat|\bmoderate\b|\bunattended\b|\bwithout (?:confirmation|asking)\b|\bguard\b|injection|"
    r"\bmodify anything\b|\bdestructive\b|\bapproval\b"
    r"|\bgefährlich|\bsicher\b|\bschädlich|\briskant|\briesg|\bsegur[oa]\b|\bperigos|\bs[ûu]re?\b|\brisqu|"
    r"\bread_only\b|\bexfiltrat|\bapprove\b|\breject\b|\bverdict\b|\bvet\b|风险|リスク|риск|вред|\bpeligros|\bdangereu|"
    r"опасн|безопасн|安全|危险|危険"
)
_VERDICT: Final = _any(
    r"\byes(?: or |/)no\b|\btrue(?: or |\|)false\b|\bone (?:word|label)\b|\bsingle word\b|\bthe number\b|\blow, medium",
    r"\b(?:answer|reply|respond|output|classify|label)\b[^.\n]{0,40}[`\"{']|\bor none\b|\bfrom \d to \d|\bjson\b",
    r"\b(?:allow|safe)\w*\b[\"'`]?[,/| ]+(?:or )?[\"'`]?(?:ask|deny|unsafe|block)",
    r"只回答|只输出|только (?:да|слово)|\bja oder nein\b|\bsí o no\b|\bsim ou não\b|\bthe class\b|"
    r"\bgive one word\b|是或否|"
    r"是否|да или нет|はいか|\boui ou non\b|command_injection|のみ|だけで?答",
)
_LABELS: Final = re.compile(
    r"(?i:\b(?:answer|reply|respond|output|say|mit|classify|label|as|otherwise|return|"
    r"print))\b[^.\n]{0,40}\b[A-Z][A-Z_]+\b"
)
"""The answer is one of a few words. Labels are written in capitals: the case of the text counts."""
_BOUND: Final = _any(
    r"\bonly\b|\bnothing (?:else|more|besides)\b|\bthen stop\b|\bnot? (?:quotes|markdown|explanation|punctuation|"
    r"verbs|emoji|period)",
    r"\b(?:words?|char(?:acter)?s?|letters)\b|\b(?:one|single|first)[- ](?:line|sentence|paragraph|word)\b|"
    r"\bone per line\b",
    r"\bmax(?:imum)? \d|\bat most\b|\bjust the\b|\bno more\b|\d-word\b|\bvery short\b|\bdo not try\b",
    r"\bjson\b|\bplain text\b|\btitle case\b|\bsentence case\b|\bsame language\b|\bdo not answer\b|\bfilename-safe\b",
    r"\b(?:reply|respond|answer|hand back)\b|\b(?:short|concise|brief|descriptive)\b|\b(?:two|three|"
    r"\d) sentences\b|\bbullet points\b",
    r"\b(?:nur|kurze?n?|sätzen|solo|sólo|breve|corto|seulement|court|phrases|palabras|wörter|prägnante?n?|apenas|"
    r"curto|palavras|mots)\b",
    r"\bsans guillemets\b|только|коротк|кратк|слов\b|символ|предложени|строк|只|简短|不要解释|不超过|个字|"
    r"文字以内|句话|のみ|だけ|短い|二文|一行",
)
"""How the answer must look."""

_PROGRAM: Final = _any(
    r"\b(?:write|create|build|implement|add|make|develop|design|fix|change|put|store|rename|refactor|test|code|"
    r"return only the)"
    r"(?: me)?(?: an?| the| some| this| our| my)? (?:[\w()./:-]+ ){0,4}?(?:function|component|endpoint|class|"
    r"method|script|cli|tool"
    r"|app|application|program|api|tests?|page|prompt|regex|query|sql|module|service|hook|schema|migration|column|"
    r"feature|bot"
    r"|button|widget|generator|action|workflow|dataclass|struct|interface|type|library|plugin|code|handler|field|"
    r"table|file|bug|sidebar|view|ui)s?\b",
    r"\b(?:schreibe?|entwirf|implementiere|erstelle) (?:\w+ ){0,2}(?:funktion|klasse|methode|skript|test|komponente)",
    r"\b(?:écris|écrire|crée|implémente) (?:\w+ ){0,2}(?:fonction|classe|méthode|script|test|composant)",
    r"\b(?:escribe|crea|implementa|escreva|crie) (?:\w+ ){0,2}(?:funci[oó]n|função|clase|classe|script|prueba|"
    r"teste|componente)",
    r"(?:напиши|создай|реализуй) (?:\w+ ){0,2}(?:функци|класс|метод|скрипт|тест|компонент)",
    r"(?:写|编写|实现|添加|创建).{0,14}(?:函数|组件|接口|脚本|测试|类|方法|字段|属性|按钮|页面)|(?:関数|"
    r"テスト|クラス|コンポーネント)を?(?:書|作|追加|実装)",
)
"""A piece of program is asked for."""
_PATH: Final = re.compile(
    r"\b[\w-]+\.(?:py|ts|tsx|js|jsx|go|rs|java|rb|php|cs|cpp|c|h|md|sql|yaml|yml|toml|css|html)\b|\w\(\)"
)
_ASKED: Final = re.compile(
    r"(?:explain (?:how|what|why)|what|why|how|where|when|who|which|can|could|would|should|do|does|did|are|was|"
    r"warum|wie|wo|pourquoi|comment|qué|cómo"
    r"|почему|как|где)\b|为什么|如何|怎么|なぜ"
)
_TO_ONE: Final = _any(
    r"\byou (?:are|will|write|name|guard|decide|turn|maintain|summari[sz]e|generate)\b|\byour (?:only )?(?:job|task)\b"
)


def purpose_of(text: str, *, alone: bool, small: bool = False, material: bool = False) -> Call | None:
    """The purpose of an instruction (not lower-cased; the beginning of it suffices), None if it has none that is sure.

    `alone`: the instruction stands in a human's message, with its material; then more parts must agree. `small`: only a
    short answer is allowed for, which says as much as a wish for a short one; so does an order before `material`."""
    text = text.strip()[:PLACE_CHARS]
    low = text.lower()
    if is_work(low, alone=alone):
        return None
    bound = small or _BOUND.search(low) is not None or (material and _asks(low))
    return _commit(low, alone, bound) or _safety(text, low) or _of_talk(low, alone, bound)


def is_work(low: str, *, alone: bool) -> bool:
    """A lower-case text that asks for a piece of program, or (`alone`) is a human's question, whatever it speaks of."""
    if _PROGRAM.search(low) is not None or (alone and _PATH.search(low) is not None):
        return True
    answer = _BOUND.search(low) is not None or _VERDICT.search(low) is not None
    return alone and not answer and _ASKED.match(low) is not None


def _commit(low: str, alone: bool, bound: bool) -> Call | None:
    if _COMMIT.search(low) is None or _DIFF.search(low) is None or (alone and _ASKED.match(low) is not None):
        return None
    return "commit_message" if not alone or bound or _asks(low) else None


def _safety(text: str, low: str) -> Call | None:
    if _HARM.search(low) is None or _DEED.search(low) is None:
        return None
    return "safety" if _VERDICT.search(low) is not None or _LABELS.search(text) is not None else None


def _of_talk(low: str, alone: bool, bound: bool) -> Call | None:
    """Titles, summaries and compactions: what they are made of is a conversation."""
    talk, summed = _TALK.search(low) is not None, _SUM.search(low) is not None
    later = len(set(_LATER.findall(low))) if summed else 0
    titled, named = _TITLE.search(low) is not None, _NAME.search(low) is not None
    if later and (talk or not alone or later > 1):
        return "compaction"
    if titled and len(low) <= BARE_CHARS and _IMPERATIVE.match(low) is not None:
        return "title"
    if titled and (bound or talk) and (talk or not alone or _KEY.search(low) is not None):
        return "title" if not alone or bound or _asks(low) else None
    if named and (bound or _asks(low)) and (talk or (bound and _SHOWN.search(low) is not None)):
        return "title"
    if _REMEMBER.search(low) is not None:
        return "summary"
    return "summary" if summed and talk and (bound or not alone or _asks(low)) else None


def _asks(low: str) -> bool:
    """Begins by telling what to do, or what the model is, rather than by a thing or a question."""
    return _IMPERATIVE.match(low) is not None or _TO_ONE.search(low) is not None


_IMPERATIVE: Final = re.compile(
    r"(?:please |now |pls |bitte )?(?:write|generate|creat|produc|compos|formulat|suggest|provid|give|draft|"
    r"describ|summari|recap"
    r"|digest|merge|return|read|set |choose|make a|act as|given|based|here is|commit|update|extract|condens|"
    r"as the|as an?\b"
    r"|propose|name |assess|review|check|classify|turn |compress|suggest|entitle|distil|sum up|compact |conden|"
    r"tell|trouve|écris|propos|intitul|indique|dé[cf]|schreib|formulier|nenne|zusammenfass|propón|ponle|haz |"
    r"redacta|propose|sugira|escreva|назови|сделай|составь|最初|请|請|erzeug|erstell|vergib|fass|résum|rédig|génèr|"
    r"donne|escrib|resum|gener|gere|ponle|faça|crea|cri"
    r"|напиш|сожми|кратко|придумай|сгенерир|подведи|请|给|用|把|写|为|根据|次の|以下|この|会話)"
)
