"""Chat messages of the plain kind, read for what the judge remembers of a conversation: the human's words, the calls, the
results. A tool's result is left undecoded: of nearly all of them only the id of the call matters.

Plain is what nearly every client sends and what means one thing: known fields, texts as strings, calls with id and name. For
anything else the answer is None, and the dialect's own reader (gateway.dialects) reads all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from gateway.ir.request import ToolCall


class _System(msgspec.Struct, tag_field="role", tag="system", forbid_unknown_fields=True):
    content: str
    name: str | None = None


class _Developer(msgspec.Struct, tag_field="role", tag="developer", forbid_unknown_fields=True):
    content: str
    name: str | None = None


class _User(msgspec.Struct, tag_field="role", tag="user", forbid_unknown_fields=True):
    content: str
    name: str | None = None


class _Function(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    arguments: str


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    function: _Function
    type: Literal["function"] = "function"
    index: int | None = None


class _Assistant(msgspec.Struct, tag_field="role", tag="assistant", forbid_unknown_fields=True):
    content: str | None = None
    tool_calls: list[_Call] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    name: str | None = None


class _Result(msgspec.Struct, tag_field="role", tag="tool", forbid_unknown_fields=True):
    tool_call_id: str
    content: msgspec.Raw
    name: str | None = None


_message: Final = msgspec.json.Decoder(_User | _Assistant | _Result | _System | _Developer)
_text: Final = msgspec.json.Decoder(str)


@dataclass(slots=True)
class Turns:
    """In the order of the messages. `results` are (id of the call, its text as JSON)."""

    own: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    results: list[tuple[str, bytes]] = field(default_factory=list)


def plain_turns(raws: Sequence[msgspec.Raw]) -> Turns | None:
    """None where one of them is not plain."""
    turns = Turns()
    try:
        for raw in raws:
            if not _told(_message.decode(raw), turns):
                return None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return turns


def text_of(content: bytes) -> str:
    """A result's text. The body was proven to be UTF-8, and the walk over it to hold no half characters."""
    return _text.decode(content)


def _told(message: _User | _Assistant | _Result | _System | _Developer, turns: Turns) -> bool:
    if type(message) is _Result:
        content = bytes(message.content)
        turns.results.append((message.tool_call_id, content))
        return bool(message.tool_call_id) and content.startswith(b'"')
    if type(message) is _Assistant:
        for call in message.tool_calls or ():
            if not call.id or not call.function.name:
                return False
            turns.calls.append(ToolCall(call.id, call.function.name, call.function.arguments))
    elif type(message) is _User:
        turns.own.append(message.content)
    return True
