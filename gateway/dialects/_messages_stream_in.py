"""Replies of a Messages upstream, streamed or whole, to neutral events. One mapping: a whole reply is read as the events it
would have been.

Tolerant of what servers really send (missing ids, doubled starts and stops, no `event:` names, one-shot inputs, vLLM's empty
text block); strict where a tool call could slip by unseen: a block or delta that might be one and cannot be read is refused.
Source: anthropic 2.11 `RawMessageStreamEvent`, `lib/streaming/_messages.py`; vLLM 0.33 `entrypoints/anthropic`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gateway.dialects._messages_ids import from_wire
from gateway.dialects._messages_json import NONE, given
from gateway.dialects._messages_usage import Meter, WireUsage
from gateway.dialects._shared import Bad, minted, status_of_words, understood
from gateway.errors import UpstreamProtocol
from gateway.ir.events import (
    Annotated,
    BlockStart,
    BlockStop,
    Delta,
    Event,
    Failed,
    Finished,
    FinishReason,
    Response,
    Sealed,
    Started,
    UsageReport,
    fold,
)
from gateway.ir.request import Opaque, Reasoning, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.frame import Frame, FrameKind, hole
from gateway.wire.sse import data_of, name_of

REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop": "stop",
    "max_tokens": "length",
    "length": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "tool_calls": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
    "content_filter": "content_filter",
    "model_context_window_exceeded": "context_window",
}

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

_STATUS: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""protocols.md 1.4."""


class _StopDetails(msgspec.Struct):
    category: str | None = None
    explanation: str | None = None


class _Delta(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: msgspec.Raw = NONE
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: _StopDetails | None = None


class _ErrorDetails(msgspec.Struct):
    error_code: str | None = None


class _Error(msgspec.Struct):
    type: str | None = None
    message: str | None = None
    code: str | int | None = None
    details: _ErrorDetails | None = None


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    content: list[msgspec.Raw] | None = None
    usage: WireUsage | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: _StopDetails | None = None
    type: str | None = None
    error: msgspec.Raw = NONE


class _Event(msgspec.Struct):
    type: str | None = None
    index: int | None = None
    message: msgspec.Raw = NONE
    content_block: msgspec.Raw = NONE
    delta: msgspec.Raw = NONE
    usage: WireUsage | None = None
    error: msgspec.Raw = NONE


class _Block(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: msgspec.Raw = NONE
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = NONE
    citations: msgspec.Raw = NONE


_event = msgspec.json.Decoder(_Event)
_message = msgspec.json.Decoder(_Message)
_block = msgspec.json.Decoder(_Block)
_delta = msgspec.json.Decoder(_Delta)
_error = msgspec.json.Decoder(_Error)
_text = msgspec.json.Decoder(str)
_object: Final[msgspec.json.Decoder[dict[str, Any]]] = msgspec.json.Decoder(dict[str, Any])
_citations: Final[msgspec.json.Decoder[list[msgspec.Raw]]] = msgspec.json.Decoder(list[msgspec.Raw])


_HOLES: Final[tuple[tuple[bytes, FrameKind], ...]] = (
    (b'"text":', "text"),
    (b'"partial_json":', "call"),
    (b'"thinking":', "reasoning"),
)
_FRAMED: Final[dict[FrameKind, tuple[str, str]]] = {
    "text": ("text_delta", "text"),
    "call": ("input_json_delta", "tool_use"),
    "reasoning": ("thinking_delta", "thinking"),
}
"""Kind of the delta, kind of the block it must be in."""
_PROBE: Final = b"-probe-"


@dataclass(slots=True)
class _Open:
    """An open block: our index, its kind, and what is only said when it ends."""

    index: int
    kind: str
    initial: bytes = b""  # input told at the start of a tool call, used if no fragment follows
    fed: bool = False
    raw: dict[str, Any] = field(default_factory=dict)  # opaque blocks are told as a whole at their end
    pieces: list[str] = field(default_factory=list)


class MessagesDecoder:
    """See StreamDecoder. Usage and stop reason are kept until `message_stop`, so that Finished comes once and last."""

    def __init__(self) -> None:
        self._done = False
        self._started = False
        self._blocks: dict[int, _Open] = {}
        self._count = 0
        self._calls = 0
        self._meter = Meter()
        self._reason: str | None = None
        self._stop_sequence: str | None = None
        self._detail: str | None = None
        self._id = ""
        self._call_pieces = 0

    @property
    def call_pieces(self) -> int:
        return self._call_pieces

    @property
    def calls_open(self) -> int:
        return sum(open_.kind == "tool_use" for open_ in self._blocks.values())

    @property
    def finished(self) -> bool:
        return self._done

    def feed(self, event: bytes) -> list[Event]:
        if self._done:
            return []
        data = data_of(event)
        if data is None or data.strip() in (b"", b"[DONE]"):  # some proxies let chat's end mark through
            return []
        told = understood(_event, data, "a stream event")
        kind = told.type
        if kind is None:
            name = name_of(event)
            kind = name.decode("utf-8", "replace") if name else "error" if given(told.error) else ""
        return self._on(kind, told, data)

    def close(self) -> list[Event]:
        """A stream that told its stop reason is complete even without `message_stop`; anything else was cut."""
        if self._done:
            return []
        if self._reason is None:
            raise UpstreamProtocol("cut: the stream ended before its stop reason")
        return self._stop()

    def frame(self, event: bytes) -> Frame | None:
        for key, kind in _HOLES:
            place = hole(event, key)
            if place is not None:
                return self._proven(event[: place[0]], event[place[1] :], kind)
        return None

    def _proven(self, before: bytes, after: bytes, kind: FrameKind) -> Frame | None:
        try:
            told = _event.decode(data_of(before + _PROBE + after) or b"")
            delta = _delta.decode(told.delta)
        except Bad:
            return None
        others = (told.message, told.content_block, told.error)
        if told.type != "content_block_delta" or told.index is None or told.usage or any(map(given, others)):
            return None
        open_ = self._blocks.get(told.index)
        said = (delta.text, delta.thinking, delta.partial_json, delta.signature, delta.stop_reason)
        if open_ is None or open_.raw or (delta.type, open_.kind) != _FRAMED[kind] or given(delta.citation):
            return None
        if [text for text in said if text is not None] != [_PROBE.decode()]:
            return None
        return Frame(before, after, kind, open_.index, told.index)

    def more(self, frame: Frame, text: str) -> None:
        if frame.kind == "call":
            self._call_pieces += 1
            self._blocks[frame.key].fed |= bool(text)

    def _on(self, kind: str, told: _Event, data: bytes) -> list[Event]:
        if kind != "content_block_start" and given(told.content_block):
            raise UpstreamProtocol(f"an event of the type {kind!r} holds a block")
        if kind != "message_start" and given(told.message) and b"tool" in bytes(told.message):
            raise UpstreamProtocol(f"an event of the type {kind!r} holds a message")
        match kind:
            case "content_block_delta":
                return self._block_delta(told)
            case "content_block_start":
                return self._block_start(told.index, told.content_block)
            case "content_block_stop":
                return self._block_stop(told.index)
            case "message_start":
                return self._start(told)
            case "message_delta":
                return self._message_delta(told)
            case "message_stop":
                return self._stop()
            case "error":
                return self._failed(told.error)
            case "ping":
                return []
        if b"tool" in data or b"function" in data or b"partial_json" in data:
            raise UpstreamProtocol(f"an event of the unknown type {kind!r} could carry a tool call")
        return []

    # --- message ----------------------------------------------------------------------------------------------------

    def _start(self, told: _Event) -> list[Event]:
        message = understood(_message, told.message, "message_start") if given(told.message) else _Message()
        self._meter.add(message.usage)
        if self._started:  # sent twice by some proxies (litellm#32357)
            return []
        self._started = True
        self._id = message.id or ""
        events: list[Event] = [
            Started(self._id, message.model or "", None, self._meter.usage() if self._meter.told else None)
        ]
        for number, raw in enumerate(message.content or ()):
            events += self._block_start(number, raw)
            events += self._block_stop(number)
        return events

    def _message_delta(self, told: _Event) -> list[Event]:
        events = self._ensure_started()
        delta = understood(_delta, told.delta, "message_delta") if given(told.delta) else _Delta()
        self._finish(delta.stop_reason, delta.stop_sequence, delta.stop_details)
        if told.usage is not None:
            self._meter.add(told.usage)
            events.append(UsageReport(self._meter.usage()))
        return events

    def _finish(self, reason: str | None, sequence: str | None, details: _StopDetails | None) -> None:
        self._reason = reason or self._reason
        self._stop_sequence = sequence or self._stop_sequence
        if details is not None:
            self._detail = details.category or details.explanation or self._detail

    def _stop(self) -> list[Event]:
        events = self._ensure_started()
        for number in list(self._blocks):
            events += self._block_stop(number)
        self._done = True
        reason = REASONS.get(self._reason or "end_turn", "stop")
        if reason == "stop" and self._calls:
            reason = "tool_calls"  # said wrongly by some servers; the client would not run the calls
        elif reason == "tool_calls" and not self._calls:
            reason = "stop"
        detail = self._detail if self._reason is None or self._reason in REASONS else self._reason
        return [*events, Finished(reason, self._stop_sequence, detail)]

    def _ensure_started(self) -> list[Event]:
        if self._started:
            return []
        self._started = True
        return [Started("", "")]

    def _failed(self, raw: msgspec.Raw) -> list[Event]:
        self._done = True
        if not given(raw):
            return [Failed("the upstream reported an error without a description")]
        try:
            error = _error.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [Failed(bytes(raw).decode("utf-8", "replace")[:500])]
        kind = error.type or "api_error"
        code = error.details.error_code if error.details else None
        code = code or (str(error.code) if error.code is not None else None)
        status = _STATUS.get(error.type or "") or status_of_words(kind, code, error.message or "")
        return [Failed(error.message or kind, kind, code, status)]

    # --- blocks -----------------------------------------------------------------------------------------------------

    def _block_start(self, number: int | None, raw: msgspec.Raw) -> list[Event]:
        events = self._ensure_started()
        if not given(raw):
            raise UpstreamProtocol("content_block_start without a block")
        block = understood(_block, raw, "a content block")
        key = self._count if number is None else number
        if key in self._blocks:
            events += self._block_stop(key)
        kind = block.type or ("tool_use" if block.name else "text")
        open_ = self._blocks[key] = _Open(self._count, kind)
        self._count += 1
        match kind:
            case "text":
                events.append(BlockStart(open_.index, Text("")))
                if block.text:
                    events.append(Delta(open_.index, block.text))
                if given(block.citations):
                    notes = understood(_citations, block.citations, "citations")
                    events += [Annotated(open_.index, bytes(note)) for note in notes]
            case "thinking":
                events.append(BlockStart(open_.index, Reasoning()))
                if block.thinking:
                    events.append(Delta(open_.index, block.thinking))
                if block.signature:
                    events.append(Sealed(open_.index, block.signature))
            case "redacted_thinking":
                data = understood(_text, block.data, "redacted thinking") if given(block.data) else None
                events.append(BlockStart(open_.index, Reasoning(encrypted=data, redacted=True)))
            case "tool_use":
                events += self._call_start(open_, block)
            case _:
                self._opaque_start(open_, block, raw)
        return events

    def _call_start(self, open_: _Open, block: _Block) -> list[Event]:
        if not block.name:
            raise UpstreamProtocol("a tool call without a name")
        self._calls += 1
        self._call_pieces += 1
        call_id = from_wire(block.id) if block.id else minted("call_", self._id, open_.index, block.name)
        if given(block.input) and bytes(block.input).replace(b" ", b"") != b"{}":
            open_.initial = bytes(block.input)
        return [BlockStart(open_.index, ToolCall(call_id, block.name, ""))]

    def _opaque_start(self, open_: _Open, block: _Block, raw: msgspec.Raw) -> None:
        kind = open_.kind
        safe = kind in SERVER_BLOCKS or kind.endswith("_tool_result")
        named = block.name is not None or given(block.input)
        if not safe and (named or "tool" in kind or "call" in kind or "use" in kind):
            raise UpstreamProtocol(f"a block of the unknown type {kind!r} could be a tool call")
        open_.initial = bytes(raw)
        open_.raw = understood(_object, raw, "a content block")

    def _block_delta(self, told: _Event) -> list[Event]:
        delta = understood(_delta, told.delta, "a delta")
        kind = delta.type or _guessed(delta)
        open_ = self._blocks.get(-1 if told.index is None else told.index)
        events: list[Event] = []
        if open_ is None and told.index is None and self._blocks:
            open_ = self._blocks[next(reversed(self._blocks))]
        if open_ is None:
            if kind not in ("text_delta", "thinking_delta"):
                if kind == "input_json_delta" or delta.partial_json is not None:
                    raise UpstreamProtocol("arguments for a tool call that was never started")
                return []
            head = b'{"type":"text"}' if kind == "text_delta" else b'{"type":"thinking"}'
            events = self._block_start(told.index, msgspec.Raw(head))
            open_ = self._blocks[next(reversed(self._blocks))]
        return events + self._delta_of(open_, kind, delta, told.delta)

    def _delta_of(self, open_: _Open, kind: str, delta: _Delta, raw: msgspec.Raw) -> list[Event]:
        if open_.raw:
            self._opaque_delta(open_, kind, delta, raw)
            return []
        if open_.kind == "tool_use":
            self._call_pieces += 1
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

    def _opaque_delta(self, open_: _Open, kind: str, delta: _Delta, raw: msgspec.Raw) -> None:
        """Pieces of server tool input are joined at the end; any other delta is merged field by field."""
        if kind == "input_json_delta":
            open_.pieces.append(delta.partial_json or "")
            return
        open_.fed = True
        for key, value in understood(_object, raw, "a delta").items():
            if key == "type":
                continue
            before = open_.raw.get(key)
            both = isinstance(before, str) and isinstance(value, str)
            open_.raw[key] = before + value if both else value

    def _block_stop(self, number: int | None) -> list[Event]:
        if number is None:
            number = next(reversed(self._blocks), None)
        open_ = self._blocks.pop(number, None) if number is not None else None
        if open_ is None:
            return []
        self._call_pieces += open_.kind == "tool_use"
        if open_.raw:
            return [BlockStart(open_.index, self._opaque(open_)), BlockStop(open_.index)]
        if open_.kind == "tool_use" and not open_.fed:
            whole = open_.initial.decode("utf-8", "replace") or "{}"
            return [Delta(open_.index, whole), BlockStop(open_.index)]
        return [BlockStop(open_.index)]

    def _opaque(self, open_: _Open) -> Opaque:
        told = "".join(open_.pieces)
        if told.strip():
            raw = told.encode("utf-8", "replace")
            understood(_object, raw, "the input of a server tool")
            open_.raw["input"] = msgspec.Raw(raw)
        changed = bool(told.strip()) or open_.fed
        return Opaque("messages", open_.kind, msgspec.json.encode(open_.raw) if changed else open_.initial)


def _guessed(delta: _Delta) -> str:
    """The kind of a delta whose type is missing, by the field it carries."""
    if delta.partial_json is not None:
        return "input_json_delta"
    if delta.thinking is not None:
        return "thinking_delta"
    return "signature_delta" if delta.signature is not None else "text_delta"


def decode_response(body: bytes) -> Response:
    """A whole reply, read as the events it would have been. An error body or another dialect's: UpstreamProtocol."""
    message = understood(_message, body, "the reply")
    if message.type == "error" or given(message.error):
        raise UpstreamProtocol(f"an error body under status 200: {body[:500].decode('utf-8', 'replace')}")
    if message.content is None:
        raise UpstreamProtocol("the reply has no content: this is not a Messages reply")
    decoder = MessagesDecoder()
    events = decoder._start(_Event(message=msgspec.Raw(body)))
    decoder._finish(message.stop_reason, message.stop_sequence, message.stop_details)
    if message.usage is not None:
        events.append(UsageReport(decoder._meter.usage()))
    folded = fold([*events, *decoder._stop()])
    assert isinstance(folded, Response)  # no error event was fed
    return folded


class _UsageOnly(msgspec.Struct):
    usage: WireUsage | None = None


_usage_only = msgspec.json.Decoder(_UsageOnly)


def usage_of(body: bytes) -> Usage | None:
    """Usage of a whole reply, None if it tells none or cannot be read."""
    try:
        wire = _usage_only.decode(body).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if wire is None:
        return None
    meter = Meter()
    meter.add(wire)
    return meter.usage()
