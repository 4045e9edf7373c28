"""Content blocks of a Messages reply while they are open: their starts, deltas and stops as neutral events.

Tolerant of missing and doubled indices, starts and stops, and of inputs told in one shot; strict where a tool call could
slip by unseen: a block or delta that might be one and cannot be read is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gateway.dialects._messages_ids import from_wire
from gateway.dialects._messages_in_json import (
    BlockJson,
    DeltaJson,
    EventJson,
    a_block,
    a_delta,
    a_text,
    an_object,
    citations,
)
from gateway.dialects._messages_json import given
from gateway.dialects._shared import minted, understood
from gateway.errors import UpstreamProtocol
from gateway.ir.events import Annotated, BlockStart, BlockStop, Delta, Event, Sealed
from gateway.ir.request import Opaque, Reasoning, Text, ToolCall

SERVER_BLOCKS: Final = frozenset(
    {
        "server_tool_use",
        "mcp_tool_use",
        "mcp_tool_result",
        "container_upload",
        "compaction",
        "fallback",
        "advisor_tool_result",
    }
)
"""Blocks of work that the vendor did itself; kinds that end in `_tool_result` belong here too."""


@dataclass(slots=True)
class OpenBlock:
    """An open block: our index, its kind, and what is only said when it ends."""

    index: int
    kind: str
    initial: bytes = b""  # input told at the start of a tool call, used if no fragment follows
    fed: bool = False
    raw: dict[str, Any] = field(default_factory=dict)  # opaque blocks are told as a whole at their end
    pieces: list[str] = field(default_factory=list)


class Blocks:
    """`open` by the upstream's index; `calls`: tool calls begun so far; `call_pieces` as in contract.StreamDecoder."""

    __slots__ = ("_count", "call_pieces", "calls", "open", "reply_id")

    def __init__(self) -> None:
        self.open: dict[int, OpenBlock] = {}
        self._count = 0
        self.calls = 0
        self.call_pieces = 0
        self.reply_id = ""

    def start(self, number: int | None, raw: msgspec.Raw) -> list[Event]:
        if not given(raw):
            raise UpstreamProtocol("content_block_start without a block")
        block = understood(a_block, raw, "a content block")
        key = self._count if number is None else number
        events = self.stop(key) if key in self.open else []
        kind = block.type or ("tool_use" if block.name else "text")
        open_ = self.open[key] = OpenBlock(self._count, kind)
        self._count += 1
        match kind:
            case "text":
                events.append(BlockStart(open_.index, Text("")))
                if block.text:
                    events.append(Delta(open_.index, block.text))
                if given(block.citations):
                    notes = understood(citations, block.citations, "citations")
                    events += [Annotated(open_.index, bytes(note)) for note in notes]
            case "thinking":
                events.append(BlockStart(open_.index, Reasoning()))
                if block.thinking:
                    events.append(Delta(open_.index, block.thinking))
                if block.signature:
                    events.append(Sealed(open_.index, block.signature))
            case "redacted_thinking":
                data = understood(a_text, block.data, "redacted thinking") if given(block.data) else None
                events.append(BlockStart(open_.index, Reasoning(encrypted=data, redacted=True)))
            case "tool_use":
                events += self._call_start(open_, block)
            case _:
                self._opaque_start(open_, block, raw)
        return events

    def _call_start(self, open_: OpenBlock, block: BlockJson) -> list[Event]:
        if not block.name:
            raise UpstreamProtocol("a tool call without a name")
        self.calls += 1
        self.call_pieces += 1
        call_id = from_wire(block.id) if block.id else minted("call_", self.reply_id, open_.index, block.name)
        if given(block.input) and bytes(block.input).replace(b" ", b"") != b"{}":
            open_.initial = bytes(block.input)
        return [BlockStart(open_.index, ToolCall(call_id, block.name, ""))]

    def _opaque_start(self, open_: OpenBlock, block: BlockJson, raw: msgspec.Raw) -> None:
        kind = open_.kind
        safe = kind in SERVER_BLOCKS or kind.endswith("_tool_result")
        named = block.name is not None or given(block.input)
        if not safe and (named or "tool" in kind or "call" in kind or "use" in kind):
            raise UpstreamProtocol(f"a block of the unknown type {kind!r} could be a tool call")
        open_.initial = bytes(raw)
        open_.raw = understood(an_object, raw, "a content block")

    def delta(self, told: EventJson) -> list[Event]:
        delta = understood(a_delta, told.delta, "a delta")
        kind = delta.type or _guessed(delta)
        open_ = self.open.get(-1 if told.index is None else told.index)
        events: list[Event] = []
        if open_ is None and told.index is None and self.open:
            open_ = self.open[next(reversed(self.open))]
        if open_ is None:
            if kind not in ("text_delta", "thinking_delta"):
                if kind == "input_json_delta" or delta.partial_json is not None:
                    raise UpstreamProtocol("arguments for a tool call that was never started")
                return []
            head = b'{"type":"text"}' if kind == "text_delta" else b'{"type":"thinking"}'
            events = self.start(told.index, msgspec.Raw(head))
            open_ = self.open[next(reversed(self.open))]
        return events + self._delta_of(open_, kind, delta, told.delta)

    def _delta_of(self, open_: OpenBlock, kind: str, delta: DeltaJson, raw: msgspec.Raw) -> list[Event]:
        if open_.raw:
            self._opaque_delta(open_, kind, delta, raw)
            return []
        if open_.kind == "tool_use":
            self.call_pieces += 1
            if kind != "input_json_delta":
                raise UpstreamProtocol(f"a {kind} inside a tool call")
            if not delta.partial_json:
                return []
            open_.fed = True
            return [Delta(open_.index, delta.partial_json)]
        if delta.partial_json is not None:
            raise UpstreamProtocol(f"tool arguments inside a {open_.kind} block")
        match kind:
            case "text_delta":
                return [Delta(open_.index, delta.text)] if delta.text else []
            case "thinking_delta":
                return [Delta(open_.index, delta.thinking)] if delta.thinking else []
            case "signature_delta":
                return [Sealed(open_.index, delta.signature)] if delta.signature else []
            case "citations_delta":
                return [Annotated(open_.index, bytes(delta.citation))] if given(delta.citation) else []
            case "input_json_delta":
                raise UpstreamProtocol(f"tool arguments inside a {open_.kind} block")
            case _:
                return []

    def _opaque_delta(self, open_: OpenBlock, kind: str, delta: DeltaJson, raw: msgspec.Raw) -> None:
        """Pieces of server tool input are joined at the end; any other delta is merged field by field."""
        if kind == "input_json_delta":
            open_.pieces.append(delta.partial_json or "")
            return
        open_.fed = True
        for key, value in understood(an_object, raw, "a delta").items():
            if key == "type":
                continue
            before = open_.raw.get(key)
            both = isinstance(before, str) and isinstance(value, str)
            open_.raw[key] = before + value if both else value

    def stop(self, number: int | None) -> list[Event]:
        if number is None:
            number = next(reversed(self.open), None)
        open_ = self.open.pop(number, None) if number is not None else None
        if open_ is None:
            return []
        self.call_pieces += open_.kind == "tool_use"
        if open_.raw:
            return [BlockStart(open_.index, self._opaque(open_)), BlockStop(open_.index)]
        if open_.kind == "tool_use" and not open_.fed:
            whole = open_.initial.decode("utf-8", "replace") or "{}"
            return [Delta(open_.index, whole), BlockStop(open_.index)]
        return [BlockStop(open_.index)]

    def _opaque(self, open_: OpenBlock) -> Opaque:
        told = "".join(open_.pieces)
        if told.strip():
            raw = told.encode("utf-8", "replace")
            understood(an_object, raw, "the input of a server tool")
            open_.raw["input"] = msgspec.Raw(raw)
        changed = bool(told.strip()) or open_.fed
        return Opaque("messages", open_.kind, msgspec.json.encode(open_.raw) if changed else open_.initial)


def _guessed(delta: DeltaJson) -> str:
    """The kind of a delta whose type is missing, by the field it carries."""
    if delta.partial_json is not None:
        return "input_json_delta"
    if delta.thinking is not None:
        return "thinking_delta"
    return "signature_delta" if delta.signature is not None else "text_delta"
