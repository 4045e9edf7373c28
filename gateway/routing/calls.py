"""What kind of call a request is: the human's own turn, or something the harness does by itself. Deterministic, pure.

Order: sub-calls that the recognised harness is known to make (its file in gateway/harnesses), then the generic rules here
for any client, then sub-agents, then tool results, then `main`. So every turn of a sub-agent is "subagent", also one that
brings tool results: its model must not change within its conversation. When in doubt the answer is `main` or `tool_result`:
a title answered by a strong model costs a cent, a task answered by the title model costs the task.

The generic rules ask for all of: no tools, a short system text or a single message, and plain words for the purpose.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from gateway.harnesses.contract import Found, Shape
from gateway.harnesses.registry import all_harnesses
from gateway.ir.exchange import Call, Exchange
from gateway.reading import Role
from gateway.routing.purposes import is_work, purpose_of

SHORT_SYSTEM_BYTES: Final = 6144
"""A system text longer than this (raw JSON) describes an agent, not a single purpose; the longest title prompt seen has
2.3 k characters."""
NOTHING_BYTES: Final = 4
"""An empty system field (`[]`, `""`, null) says nothing: the instruction is in the message."""
FEW_TURNS: Final = 3
"""A sub-call brings its material in one message, at times with an instruction before or after it."""

SMALL_TOKENS: Final = 160
"""An answer of at most so many tokens is no coding turn; titles are asked for with 16 to 100."""

_PROBE_WORDS: Final = frozenset({"hi", "hello", "test", "ping", "quota", "count", "foo", "ok", "hey"})

PURPOSE_BYTES: Final = 1200
"""Of a system text, where its purpose is said: an agent's long text may well speak of titles further down."""
MESSAGE_BYTES: Final = 600
"""Of a message, where an instruction must begin and end."""

_ASKS: Final = (
    rb"(?:generat|writ|creat|produc|craft|compos|draft|suggest|provid|output|return|extract|com(?:e|ing) up with|reply"
    rb"(?:ing)? with|giv)(?:e|es|ing|s)?\b"
)
_TALK: Final = (
    rb"(?:conversation|chat|thread|session|dialog(?:ue)?|discussion|transcript|interaction|message history)s?\b"
    rb"(?![._/-]\w)"
)
_THING: Final = (
    rb"(?! (?:page|component|app|window|ui|view|screen|room|box|header|bar|list|model|class|table|module|service|endpoint"
    rb"|field|column|prop|attribute|tag|element|case|widget|template|hook|generator in|in the))"
)
"""What makes of a conversation or title a part of somebody's program."""

_GENERIC: Final[tuple[tuple[Call, re.Pattern[bytes]], ...]] = (
    (
        "commit_message",
        re.compile(
            rb"(?i)\b" + _ASKS + rb"[^.\n]{0,80}\bcommit messages?\b(?! (?:template|hook|format|check|lint))"
            rb"|you are an? [^.\n]{0,40}\bcommit[- ]message (?:generator|writer|assistant|expert)"
        ),
    ),
    (
        "title",
        re.compile(
            rb"(?i)(?:you are|act as|as) (?:an? |the )?[^.\n]{0,40}\btitle[- ]generat(?:or|ion)\b"
            rb"|\b" + _ASKS + rb"[^.\n]{0,80}\btitles?\b" + _THING + rb"[^.\n]{0,60}\b"
            rb"(?:" + _TALK + _THING + rb"|(?:first|user'?s?|following) (?:message|request|prompt|task|query|intent)\b"
            rb"|\d+ ?(?:words|char(?:acter)?s)\b"
            rb"|(?:three|four|five|six|seven|eight|few) words\b)"
            rb"|\b"
            + _ASKS
            + rb"[^.\n]{0,60}\b(?:conversation|chat|thread|session|topic)[- ]titles?\b"
            + _THING
            + rb"|\b"
            + _ASKS
            + rb"[^.\n]{0,40}\bname for (?:this|the|an?) (?:\w+ ){0,2}"
            + _TALK
            + rb"|\b(?:conversation|chat|thread|session) title\b[^.\n]{0,80}\b(?:only|words|characters)\b"
        ),
    ),
    (
        "compaction",
        re.compile(
            rb"(?i)\bcontext (?:summari[sz]ation|compaction|compression|checkpoint)\b"
            rb"|\b(?:hand-?off|continuation|checkpoint|resumption) summary\b"
            rb"|\bcompact(?:ing|s)? (?:the|this|our) conversation"
            rb"|\bsummari[sz]\w+\b[^.\n]{0,120}\b" + _TALK + rb"[^\n]{0,240}\b(?:continu(?:e|ing)|resume|next steps)\b"
            rb"|\bsummary of (?:the|this|our) (?:entire |whole |full )?(?:conversation|session|chat)(?: history)? so far\b"
            rb"|\b(?:summary|snapshot)\b[^.\n]{0,160}\b(?:conversation|chat) history\b"
            rb"|\b(?:conversation|chat) history\b[^\n]{0,160}\bsnapshot\b"
        ),
    ),
    (
        "summary",
        re.compile(
            rb"(?i)\bsummari[sz](?:e|es|ing)\b[^.()\n]{0,80}\b"
            + _TALK
            + _THING
            + rb"|\b"
            + _ASKS
            + rb"[^.\n]{0,40}\bsummary of (?:the|this|our|an?) [^.\n]{0,40}\b"
            + _TALK
            + _THING
            + rb"|\byou(?: are|'re) (?:an? |the )?[^.\n]{0,60}\bsummari[sz](?:er|ation)\b"
            rb"|\b(?:condens|digest|extract)\w*\b[^.\n]{0,60}\b" + _TALK + _THING
        ),
    ),
    (
        "safety",
        re.compile(
            rb"(?i)you are an? (?:\w+ ){0,2}(?:security|safety|permission|command|risk) "
            rb"(?:classifier|judge|checker|reviewer|monitor|guard)\b"
            rb"|\b(?:decide|determine|assess|classify|judge) (?:if|whether)\b[^.\n]{0,60}\b(?:command|action|tool call)\b"
            rb"[^.\n]{0,40}\b(?:safe|allowed|dangerous|harmful|destructive|malicious)\b"
            rb"|\bis this (?:\w+ )?(?:command|action|tool call) (?:safe|allowed|dangerous|harmful|destructive)\b"
        ),
    ),
)

_TEXT: Final = re.compile(rb'"(?:text|content)" ?: ?"((?:[^"\\]|\\.)*)')
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def detect(exchange: Exchange) -> Found:
    """The call, and the evidence for it in words."""
    shape = Shape(dict(exchange.headers), exchange.view, exchange.dialect)
    harness = all_harnesses().get(exchange.identity.harness)
    found = harness.call(shape) if harness else None
    if found is not None:
        return found
    found = _probe(shape) or _generic(shape, known=harness is not None)
    if found is not None:
        return found
    if exchange.session.agent is not None:
        return "subagent", f"sub-agent {exchange.session.agent[:64]}"
    if shape.last_role == "tool":
        return "tool_result", "the last message is a tool result"
    return "main", _main_why(shape.last_role)


def _main_why(role: Role) -> str:
    return "the human's turn" if role == "user" else "no sub-call was recognised"


def _probe(shape: Shape) -> Found | None:
    """A request for a single token is no work. max_tokens 0 is: Messages warms its cache with it (protocols.md 1.3)."""
    view = shape.view
    if view.tool_names or view.max_output_tokens != 1 or shape.turns > 1 or len(view.messages[-1:]) == 0:
        return None
    words = shape.last_text.strip().lower().rstrip(".!?")
    if words in _PROBE_WORDS or len(view.messages[-1]) <= 256:
        return "probe", "a single token is asked for"
    return None


def _generic(shape: Shape, *, known: bool) -> Found | None:
    """An instruction alone in the system text, or, for clients nobody described, alone in a single message. Prompts change
    between versions (routing.md 2), so a known client's new wording is found by its shape too."""
    view = shape.view
    if view.tool_names or shape.turns > FEW_TURNS:
        return None
    small = 0 < (view.max_output_tokens or 0) <= SMALL_TOKENS
    system = _system_bytes(shape)
    if system > NOTHING_BYTES:
        return None if system > SHORT_SYSTEM_BYTES else _of_system(shape.head[:PURPOSE_BYTES], small)
    return _of_message(shape.first[:MESSAGE_BYTES], small) if shape.turns == 1 and not known else None


@lru_cache(maxsize=256)
def _of_system(raw: bytes, small: bool) -> Found | None:
    """Clients send the same system text over and over: 0.3 MB at most, and a tenth of a millisecond saved."""
    return _worded(raw, "system text") or _parted(purpose_of(_plain(raw), alone=False, small=small), "system text")


def _of_message(raw: bytes, small: bool) -> Found | None:
    """What precedes the first empty line is the instruction, the rest its material."""
    text, _, rest = _plain(raw).partition("\n\n")
    if is_work(text.lower(), alone=True):
        return None
    told = purpose_of(text, alone=True, small=small, material=bool(rest))
    return _worded(raw, "only message") or _parted(told, "only message")


def _worded(raw: bytes, where: str) -> Found | None:
    place = raw.replace(b"\\n", b"\n")  # raw JSON: an escape would glue its letter to the next word
    for call, pattern in _GENERIC:
        if pattern.search(place):
            return call, f"its {where} asks for a {call.replace('_', ' ')} and there are no tools"
    return None


def _parted(call: Call | None, where: str) -> Found | None:
    if call is None:
        return None
    return call, f"its {where} has the parts of a {call.replace('_', ' ')} and there are no tools"


def _plain(raw: bytes) -> str:
    """The words of the beginning of a raw message: what stands in its first text, escapes undone. It may be cut anywhere."""
    found = _TEXT.search(raw)
    text = (found[1] if found else raw).decode("utf-8", "replace")
    text = _ESCAPE.sub(lambda sign: chr(int(sign[1], 16)), text)
    return text.replace('\\"', '"').replace("\\n", "\n")


def _system_bytes(shape: Shape) -> int:
    view = shape.view
    separate = len(view.system) if view.system is not None else 0
    return separate + sum(len(raw) for raw in view.messages[: len(view.messages) - shape.turns])
