"""What kind of call a request is: the human's own turn, or something the harness does by itself. Deterministic, pure.

Order: sub-calls that the recognised harness is known to make (its file in gateway/harnesses), then the generic rules here
for any client, then sub-agents, then tool results, then `main`. So every turn of a sub-agent is "subagent", also one that
brings tool results: its model must not change within its conversation. When in doubt the answer is `main` or `tool_result`:
a title answered by a strong model costs a cent, a task answered by the title model costs the task.

The generic rules ask for all of: no tools, a short system text or a single message, and plain words for the purpose.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.harnesses.contract import Found, Shape
from gateway.harnesses.registry import all_harnesses
from gateway.ir.exchange import Call, Exchange
from gateway.reading import Role

SHORT_SYSTEM_BYTES: Final = 6144
"""A system text longer than this (raw JSON) describes an agent, not a single purpose; the longest title prompt seen has
2.3 k characters."""
FEW_TURNS: Final = 3
"""A sub-call brings its material in one message, at times with an instruction before or after it."""

_PROBE_WORDS: Final = frozenset({"hi", "hello", "test", "ping", "quota", "count", "foo", "ok", "hey"})

_GENERIC: Final[tuple[tuple[Call, re.Pattern[bytes]], ...]] = (
    (
        "commit_message",
        re.compile(
            rb"(?i)(?:generate|write|create|produce)s?\b[^.\\]{0,60}\bcommit messages?\b|commit message generator"
        ),
    ),
    (
        "title",
        re.compile(
            rb"(?i)you are an? (?:\w+ )?title generator"
            rb"|(?:generate|write|create|come up with|reply with|suggest|produce)\b[^.\\]{0,60}"
            rb"\btitles?\b(?! (?:component|bar|attribute|tag|element|field|prop|case|page|screen|widget|column))"
            rb"[^.\\]{0,40}\b(?:conversation|chat|thread|session)\b"
            rb"(?! (?:page|component|app|window|ui|view|screen|room|box|header|bar|list|model|class|table))"
            rb"|\b(?:conversation|chat|thread|session) title\b[^.\\]{0,80}\b(?:only|words|characters)\b"
        ),
    ),
    (
        "compaction",
        re.compile(
            rb"(?i)\bcontext (?:summarization|compaction|compression) (?:agent|assistant)"
            rb"|\bsummari[sz]\w+\b[^.\\]{0,80}\bconversation\b[^\\]{0,200}\bcontinue\b"
            rb"|\b(?:handoff|continuation|checkpoint) summary\b|compact(?:ing|s)? the conversation"
        ),
    ),
    (
        "summary",
        re.compile(rb"(?i)\bsummari[sz]\w*\b[^.\\]{0,60}\b(?:conversation|chat|session|dialog(?:ue)?|discussion)\b"),
    ),
    (
        "safety",
        re.compile(
            rb"(?i)you are an? (?:security|safety|permission|command) (?:classifier|judge|checker|reviewer)\b"
            rb"|\bdecide (?:if|whether)\b[^.\\]{0,60}\b(?:command|action|tool call)\b"
            rb"[^.\\]{0,40}\b(?:safe|allowed|dangerous|harmful)\b"
        ),
    ),
)


def detect(exchange: Exchange) -> Found:
    """The call, and the evidence for it in words."""
    shape = Shape(dict(exchange.headers), exchange.view, exchange.dialect)
    harness = all_harnesses().get(exchange.identity.harness)
    found = harness.call(shape) if harness else None
    if found is not None:
        return found
    found = _probe(shape) or (_generic(shape) if harness is None else None)
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


def _generic(shape: Shape) -> Found | None:
    """For clients nobody described: an instruction alone in the system text, or alone in a single message."""
    view = shape.view
    if view.tool_names or shape.turns > FEW_TURNS:
        return None
    if shape.head:
        if _system_bytes(shape) > SHORT_SYSTEM_BYTES:
            return None
        place, where = shape.head, "system text"
    elif shape.turns == 1:
        place, where = shape.first[:600], "only message"
    else:
        return None
    for call, pattern in _GENERIC:
        if pattern.search(place):
            return call, f"its {where} asks for a {call.replace('_', ' ')} and there are no tools"
    return None


def _system_bytes(shape: Shape) -> int:
    view = shape.view
    separate = len(view.system) if view.system is not None else 0
    return separate + sum(len(raw) for raw in view.messages[: len(view.messages) - shape.turns])
