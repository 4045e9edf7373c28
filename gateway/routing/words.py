r"""Words by which a task is told: the rules of gateway.routing.tasks as patterns, and the scan that finds them.

English first, other languages where they are cheap. Patterns are for lower-case text; gaps between words are bounded,
so hostile text costs linear time. Those that begin at a word (`\b`) are indexed by its first two letters and tried only
there: a scan for all rules costs one step per word, about 20 µs for a sentence, where one search per rule would cost
milliseconds on a long text. The others are of scripts without spaces and are tried on non-ASCII text only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

PATH: Final = re.compile(
    r"(?<![\w/.@-])(?:[\w.-]+/)*[\w-]+\.(?:[a-zA-Z]{1,4}|toml|json[c5]?|yaml|ipynb|proto|swift)\b(?!\()"
)
"""A path or file name with an extension; not a call of a method."""

LONG: Final = (
    r"\bover ?night\b",
    r"\bin the background\b",
    r"\bkeep (?:going|working|trying|iterating)\b.{0,40}\buntil\b",
    r"\bfor (?:the next )?(?:\d+|several|a few) hours\b",
    r"\bevery (?:hour|night|day|\d+ minutes)\b",
    r"\bwhile i(?:'m| am) (?:away|asleep|sleeping)\b",
    r"\blong[- ]running (?:task|job|session)\b",
    r"\b(?:continuously|periodically) (?:run|check|monitor|watch)\b",
    r"\bmonitor (?:the|this|my)\b.{0,40}\b(?:and|until|for)\b",
    r"\büber nacht\b",
    r"\bim hintergrund\b",
    r"\bpendant la nuit\b",
    r"\ben segundo plano\b",
    r"后台运行",
    r"通宵",
    r"持续运行",
)
"""Work that nobody waits for."""

DOC: Final = (
    r"\bdoc[- ]?strings?\b",
    r"\bjs-?doc\b",
    r"\bjavadocs?\b",
    r"\bdoxygen\b",
    r"\brustdoc\b",
    r"\bgodoc\b",
    r"\b(?:add|write|improve|update|missing)\b.{0,30}\b(?:code |inline )?comments?\b",
    r"\b(?:add|missing)\b.{0,30}\btype (?:hints?|annotations?)\b",
    (
        r"\bdocument (?:the|this|these|all|each|every|public|my)\b.{0,40}\b(?:functions?|class(?:es)?|methods?|"
        r"modules?|api|code|parameters?)\b"
    ),
    r"\bkommentier",
    r"\bcommente(?:r|z)?\b.{0,20}\b(?:code|fonction)",
    r"文档字符串",
    r"(?:添加|加上|增加|写).{0,6}注释",
    r"コメントを(?:追加|書)",
)
"""Docstrings, comments, type hints."""

TEST: Final = (
    (
        r"\b(?:add|write|create|generate|scaffold|implement|make|need|cover)\b.{0,40}\b(?:(?:unit|integration|e2e|"
        r"end-to-end|regression|smoke|pytest|jest|vitest)[- ])?(?:tests?|test[- ](?:cases?|suite|file|"
        r"scaffold(?:ing)?|stubs?|skeletons?)|specs?|fixtures?)\b(?! (?:fail|is|are|was|were|pass))"
    ),
    r"\b(?:increase|improve|raise) (?:the )?(?:test )?coverage\b",
    r"\bcover\b.{0,40}\bwith tests\b",
    r"\btest scaffold",
    r"\b(?:schreibe?|erstelle)\b.{0,30}\btests?\b",
    r"\b(?:écri[st]|ajoute)\b.{0,30}\btests?\b",
    r"\b(?:escribe|añade|agrega)\b.{0,30}\b(?:tests?|pruebas)\b",
    r"\bнапиши\b.{0,30}\bтест",
    r"(?:编写|写|添加|生成).{0,10}测试",
    r"テストを(?:書|追加|作成)",
)
"""New tests."""

TEST_REPAIR: Final = (
    r"\b(?:fix|repair|debug|why)\b.{0,40}\btests?\b",
    r"\b(?:failing|broken|flaky) tests?\b",
)
"""Tests that fail: an edit, whatever else is said."""

REACH: Final = (
    (
        r"\b(?:across|throughout)\b.{0,30}\b(?:files?|modules?|packages?|project|code ?base|repo(?:sitory)?|"
        r"services?|app(?:lication)?)\b"
    ),
    (
        r"\b(?:whole|entire|all (?:of )?the|all|every|each)\b.{0,20}\b(?:files?|modules?|packages?|project|"
        r"code ?base|repo(?:sitory)?|call ?sites?|callers?|usages?|services?|components?|endpoints?)\b"
    ),
    r"\b(?:everywhere|code ?base-wide|repo-wide|project-wide|multi-?file|monorepo)\b",
    r"\b(?:split|break)\b.{0,40}\binto\b.{0,20}\b(?:modules|packages|files|services|components)\b",
    r"\bfrom\b.{1,30}\bto\b.{1,30}\b(?:everywhere|across|throughout)\b",
    r"\bim ganzen projekt\b",
    r"\bin allen dateien\b",
    r"\bdans tout le (?:projet|code)\b",
    r"\ben todo el (?:proyecto|código)\b",
    r"整个项目",
    r"所有文件",
    r"全局",
    r"プロジェクト全体",
    r"во всём проекте",
)
"""A change that reaches beyond a file."""

MIGRATE: Final = (
    r"\bmigrat(?:e|ion|ing)\b.{0,80}\b(?:to|from|off|onto)\b",
    (
        r"\bport\b.{0,60}\b(?:from|to)\b.{0,20}\b(?:python|rust|go|typescript|java|kotlin|swift|c\+\+|react|vue|"
        r"svelte)\b"
    ),
    r"\b(?:re-?architect|restructure|modulari[sz]e)\b",
    r"\brewrite the (?:whole|entire|project|app|backend|frontend|service)\b",
    r"\bupgrade\b.{0,40}\b(?:major|breaking)\b",
    r"\bmigriere\b",
    r"迁移到",
    r"を移行",
)
"""A change of the whole."""

NOVEL: Final = (
    r"\broot[- ]cause\b",
    r"\brace conditions?\b",
    r"\bdead-?locks?\b",
    r"\bmemory leaks?\b",
    r"\bdata races?\b",
    r"\bheisenbug\b",
    r"\b(?:intermittent|sporadic|nondeterministic|non-deterministic)",
    r"\bprove\b",
    r"\bproof\b",
    r"\bformal(?:ly)? verif",
    r"\bcorrectness\b",
    r"\binvariants?\b",
    r"\bdesign (?:a|an|the|our)\b",
    r"\barchitect(?:ure|ural)?\b",
    r"\btrade-?offs?\b",
    r"\balgorithms?\b",
    r"\b(?:time|space|asymptotic) complexity\b",
    r"\bbig-?o\b",
    r"\bconsensus\b",
    r"\bdistributed\b",
    r"\bconcurren(?:t|cy)\b",
    r"\block-?free\b",
    r"\bcrypto(?:graph|graphic)",
    r"\bvulnerabilit",
    r"\bexploit\b",
    r"\bthreat model\b",
    r"\breverse[- ]engineer",
    r"\bderive\b",
    r"\bnovel\b",
    r"\bresearch\b",
    r"\bfrom first principles\b",
    r"\bundefined behaviou?r\b",
    r"\b(?:segfault|segmentation fault|corrupts?|corruption)\b",
    r"\bnumerical(?:ly)? (?:stab|unstab)",
    r"\btheorem\b",
    r"\bursache\b",
    r"\barchitektur\b",
    r"死锁",
    r"竞态",
    r"内存泄漏",
    r"根本原因",
    r"架构",
    r"算法",
    r"証明",
    r"アルゴリズム",
    r"競合状態",
)
"""Hard thinking."""

BOILER: Final = (
    r"\bboiler-?plate\b",
    r"\bscaffold(?:ing)?\b",
    r"\bskeleton\b",
    r"\bhello[- ]world\b",
    r"\bcrud\b",
    r"\bgetters?\b",
    r"\bsetters?\b",
    (
        r"\b(?:create|generate|scaffold|write|set ?up|bootstrap|init(?:ialise|ialize)?|start|add|make|new|"
        r"erstelle|crée|crea|crie|создай|创建|生成|作成)\b.{0,40}\b(?:template|stubs?|dockerfile|docker-compose|"
        r"\.?gitignore|\.?editorconfig|makefile|readme|license|changelog|package\.json|pyproject|tsconfig|"
        r"config(?:uration)? file|ci (?:workflow|pipeline|config)|github actions? workflow|dto|data ?class|"
        r"pydantic model|enum|interface|migration file|helm chart|manifest|project structure|empty (?:file|class|"
        r"module)|module layout)\b"
    ),
    r"样板",
    r"脚手架",
    r"模板",
    r"雛形",
    r"заготовк",
)
"""Something new of a known form."""

_CHANGE = (
    r"add|change|fix|repair|correct|update|implement|rename|refactor|remove|delete|drop|replace|edit|modify|make|convert|"
    r"move|extract|improve|adjust|tweak|handle|extend|rewrite|simplify|clean ?up|port|bump|enable|disable|wire|"
    r"optimi[sz]e|speed up|insert|append|turn|switch|introduce|inline|split|merge|apply|patch|revert|"
    r"create|write|generate|build|develop|set"
)
_CHANGE_WORDS = (  # other languages that put spaces between words
    r"füge|ändere|ersetze|korrigiere|behebe|implementiere|entferne|erstelle|ajoute|corrige|modifie|remplace|supprime|crée|"
    r"añade|agrega|arregla|cambia|elimina|crea|adicione|corrija|altere|crie|исправь|добавь|измени|удали|создай"
)
_CHANGE_SIGNS = "修改|修复|添加|增加|删除|替换|实现|重构|修正|创建|编写|追加|変更|実装|作成"

EDIT: Final = (
    rf"\b(?:{_CHANGE})\b",
    rf"\b(?:{_CHANGE_WORDS})\b",
    _CHANGE_SIGNS,
)
"""Any change."""

NEW_FILE: Final = (
    (
        rf"\b(?:create|write|make|add)\b.{{0,30}}?{PATH.pattern}.{{0,30}}?"
        r"\b(?:containing|contains|with|that (?:says|prints|contains)|saying)\b"
    ),
    rf"\b(?:erstelle|crée|crea|crie)\b.{{0,30}}?{PATH.pattern}.{{0,30}}?\b(?:mit|contenant|avec|con|com)\b",
)
"""A file whose content is given."""

QUESTION: Final = re.compile(
    r"(?:what|why|how|where|when|who|which|is|are|does|do|did|can|could|should|would|explain|describe|tell me|show me|"
    r"summari[sz]e|list|compare|was|warum|wie|wo|wann|wer|erkläre|pourquoi|comment|où|quel|explique|qué|por qué|cómo|dónde|"
    r"explica|что|почему|как|где|объясни)\b|什么|为什么|如何|怎么|解释|何|なぜ|どう|説明"
)
"""How questions begin."""

ASKS_CHANGE: Final = (rf"\b(?:can|could|would|will) you (?:please )?(?:{_CHANGE})\b", rf"\bplease (?:{_CHANGE})\b")
"""A change in the form of a question."""

CONFIRMS: Final = re.compile(
    r"(?:(?:ok(?:ay)?|yes|yep|yeah|sure|please|pls|go|go ahead|go on|do it|do that|do so|continue|proceed|keep going|next|"
    r"resume|carry on|sounds good|looks good|lgtm|perfect|great|right|correct|fine|approved?|y|k|thanks?|thank you|"
    r"try again|retry|again|now|and|then|with (?:it|that)|the plan|to|ja|weiter|mach weiter|bitte|los|oui|vas-y|"
    r"continuer?|d'accord|sí|si|sigue|contin[uú]a|adelante|sim|continue por favor|да|продолжай|давай|"
    r"好的?|继续|是的?|可以|はい|続けて|続行|お願いします)(?![a-zа-я])[\s,.!;:…。，！、]*)+"
)
"""Words that confirm an earlier ask and say nothing else."""

CONFIRM_CHARS: Final = 80
"""A longer text says something of its own."""

RULES: Final[dict[str, tuple[str, ...]]] = {
    "long": LONG,
    "doc": DOC,
    "test": TEST,
    "test_repair": TEST_REPAIR,
    "reach": REACH,
    "migrate": MIGRATE,
    "novel": NOVEL,
    "boiler": BOILER,
    "new_file": NEW_FILE,
    "edit": EDIT,
    "asks_change": ASKS_CHANGE,
}

# --- the scan ----------------------------------------------------------------------------------------------------

_WORD: Final = re.compile(r"[^\W\d_]{2,}")


def _options(pattern: str) -> Iterator[str]:
    """The alternatives of the group that a pattern begins with; the pattern itself if it begins with a letter."""
    if not pattern.startswith("(?:"):
        yield pattern
        return
    depth, start = 0, 3
    for place in range(3, len(pattern)):
        sign = pattern[place]
        if pattern[place - 1] == "\\":
            continue
        if sign == "|" and depth == 0:
            yield from _options(pattern[start:place])
            start = place + 1
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            yield from _options(pattern[start:place])
            return


def _letters(option: str) -> str:
    """The first two letters of all words that an option can begin with. Every option must begin with two plain letters."""
    if len(option) < 2 or not option[:2].isalpha() or option[2:3] in ("?", "*", "{", "|"):
        raise ValueError(f"a word rule must begin with two letters: {option!r}")
    return option[:2]


def _indexed() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    index: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for name, patterns in RULES.items():
        for pattern in patterns:
            if pattern.startswith(r"\b"):
                compiled = re.compile(pattern)
                for letters in sorted({_letters(option) for option in _options(pattern[2:])}):
                    index.setdefault(letters, []).append((name, compiled))
    return index


_INDEX: Final = _indexed()
_SIGNS: Final = tuple(
    (name, re.compile("|".join(rest)))
    for name, patterns in RULES.items()
    if (rest := [p for p in patterns if not p.startswith(r"\b")])
)


def scan(text: str) -> dict[str, str]:
    """Rule to the first words in `text` (lower case) that it matches, at most 60 characters of them."""
    said: dict[str, str] = {}
    for word in _WORD.finditer(text):
        start = word.start()
        for name, pattern in _INDEX.get(text[start : start + 2], ()):
            if name not in said and (found := pattern.match(text, start)) is not None:
                said[name] = " ".join(found[0].split())[:60]
    if not text.isascii():
        for name, pattern in _SIGNS:
            if name not in said and (found := pattern.search(text)) is not None:
                said[name] = found[0][:60]
    return said
