"""Replies of a Messages upstream, streamed or whole, to neutral events. One mapping: a whole reply is read as the events it
would have been.

Tolerant of what servers really send (missing ids, doubled starts and stops, no `event:` names, vLLM's empty text block). The
content is read by `_messages_in_blocks`; here are the message around it, its usage and its ending.
Source: anthropic 2.11 `RawMessageStreamEvent`, `lib/streaming/_messages.py`; vLLM 0.33 `entrypoints/anthropic`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.dialects._messages_in_blocks import Blocks
from gateway.dialects._messages_in_frames import HOLES, proven
from gateway.dialects._messages_in_json import (
    DeltaJson,
    EventJson,
    MessageJson,
    StopDetailsJson,
    a_delta,
    a_message,
    an_error,
    an_event,
)
from gateway.dialects._messages_json import given
from gateway.dialects._messages_usage import Meter, WireUsage
from gateway.dialects._shared import status_of_words, understood
from gateway.errors import UpstreamProtocol
from gateway.ir.events import Event, Failed, Finished, FinishReason, Response, Started, UsageReport, fold
from gateway.ir.usage import Usage
from gateway.wire.frame import Frame, hole
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


class MessagesDecoder:
    """See StreamDecoder. Usage and stop reason are kept until `message_stop`, so that Finished comes once and last."""

    def __init__(self) -> None:
        self._done = False
        self._started = False
        self._blocks = Blocks()
        self._meter = Meter()
        self._reason: str | None = None
        self._stop_sequence: str | None = None
        self._detail: str | None = None

    @property
    def call_pieces(self) -> int:
        return self._blocks.call_pieces

    @property
    def calls_open(self) -> int:
        return sum(open_.kind == "tool_use" for open_ in self._blocks.open.values())

    @property
    def finished(self) -> bool:
        return self._done

    def feed(self, event: bytes) -> list[Event]:
        if self._done:
            return []
        data = data_of(event)
        if data is None or data.strip() in (b"", b"[DONE]"):  # some proxies let chat's end mark through
            return []
        told = understood(an_event, data, "a stream event")
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
        for key, kind in HOLES:
            place = hole(event, key)
            if place is not None:
                return proven(self._blocks, event[: place[0]], event[place[1] :], kind)
        return None

    def more(self, frame: Frame, text: str) -> None:
        if frame.kind == "call":
            self._blocks.call_pieces += 1
            self._blocks.open[frame.key].fed |= bool(text)

    def _on(self, kind: str, told: EventJson, data: bytes) -> list[Event]:
        if kind != "content_block_start" and given(told.content_block):
            raise UpstreamProtocol(f"an event of the type {kind!r} holds a block")
        if kind != "message_start" and given(told.message) and b"tool" in bytes(told.message):
            raise UpstreamProtocol(f"an event of the type {kind!r} holds a message")
        match kind:
            case "content_block_delta":
                events = self._blocks.delta(told)
                return events if self._started else self._begun(events)
            case "content_block_start":
                return [*self._ensure_started(), *self._blocks.start(told.index, told.content_block)]
            case "content_block_stop":
                return self._blocks.stop(told.index)
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

    def _start(self, told: EventJson) -> list[Event]:
        message = understood(a_message, told.message, "message_start") if given(told.message) else MessageJson()
        self._meter.add(message.usage)
        if self._started:  # sent twice by some proxies (litellm#32357)
            return []
        self._started = True
        self._blocks.reply_id = message.id or ""
        events: list[Event] = [
            Started(self._blocks.reply_id, message.model or "", None, self._meter.usage() if self._meter.told else None)
        ]
        for number, raw in enumerate(message.content or ()):
            events += self._blocks.start(number, raw)
            events += self._blocks.stop(number)
        return events

    def _message_delta(self, told: EventJson) -> list[Event]:
        events = self._ensure_started()
        delta = understood(a_delta, told.delta, "message_delta") if given(told.delta) else DeltaJson()
        self._finish(delta.stop_reason, delta.stop_sequence, delta.stop_details)
        if told.usage is not None:
            self._meter.add(told.usage)
            events.append(UsageReport(self._meter.usage()))
        return events

    def _finish(self, reason: str | None, sequence: str | None, details: StopDetailsJson | None) -> None:
        self._reason = reason or self._reason
        self._stop_sequence = sequence or self._stop_sequence
        if details is not None:
            self._detail = details.category or details.explanation or self._detail

    def _stop(self) -> list[Event]:
        events = self._ensure_started()
        for number in list(self._blocks.open):
            events += self._blocks.stop(number)
        self._done = True
        reason = REASONS.get(self._reason or "end_turn", "stop")
        if reason == "stop" and self._blocks.calls:
            reason = "tool_calls"  # said wrongly by some servers; the client would not run the calls
        elif reason == "tool_calls" and not self._blocks.calls:
            reason = "stop"
        detail = self._detail if self._reason is None or self._reason in REASONS else self._reason
        return [*events, Finished(reason, self._stop_sequence, detail)]

    def _begun(self, events: list[Event]) -> list[Event]:
        """Events of a delta that opened its block, which begin the reply where nothing else did."""
        return [*self._ensure_started(), *events] if events else []

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
            error = an_error.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [Failed(bytes(raw).decode("utf-8", "replace")[:500])]
        kind = error.type or "api_error"
        code = error.details.error_code if error.details else None
        code = code or (str(error.code) if error.code is not None else None)
        status = _STATUS.get(error.type or "") or status_of_words(kind, code, error.message or "")
        return [Failed(error.message or kind, kind, code, status)]


def decode_response(body: bytes) -> Response:
    """A whole reply, read as the events it would have been. An error body or another dialect's: UpstreamProtocol."""
    message = understood(a_message, body, "the reply")
    if message.type == "error" or given(message.error):
        raise UpstreamProtocol(f"an error body under status 200: {body[:500].decode('utf-8', 'replace')}")
    if message.content is None:
        raise UpstreamProtocol("the reply has no content: this is not a Messages reply")
    decoder = MessagesDecoder()
    events = decoder._start(EventJson(message=msgspec.Raw(body)))
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
