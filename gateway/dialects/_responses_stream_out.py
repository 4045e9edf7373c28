"""Neutral events to the bytes of a Responses stream, in the order that Codex insists on (protocols.md 1.2).

One item is open at a time: what belongs to other blocks waits in its own queue and is replayed in order, nothing lost.
An item is announced with its first content, so a block that stays empty leaves no trace. The items themselves are written by
`_responses_out_message`, `_responses_out_calls` and `_responses_out_reasoning`. A whole reply is the response object of the
terminal event. Source of the events' fields: openai 3.52 `types/responses/*_event.py`.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import msgspec

from gateway.dialects._responses_names import Directory
from gateway.dialects._responses_out_calls import CustomWriter, FunctionWriter
from gateway.dialects._responses_out_message import SpokenWriter
from gateway.dialects._responses_out_reasoning import ReasoningWriter
from gateway.dialects._responses_output import Output, OwnItemWriter, Writer
from gateway.dialects._responses_reply import Frame, reply_id, stream_error
from gateway.dialects._shared import encode
from gateway.dialects.contract import ReplyContext
from gateway.ir.events import (
    Annotated,
    BlockStart,
    BlockStop,
    Delta,
    Event,
    Failed,
    Finished,
    Response,
    Sealed,
    Started,
    UsageReport,
    unfold,
)
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage

_INCOMPLETE: Final = {
    "length": "max_output_tokens",
    "context_window": "max_output_tokens",
    "pause": "max_output_tokens",
    "content_filter": "content_filter",
}


class Encoder:
    """contract.StreamEncoder. `response` is the final response object (raw JSON) once the stream has ended."""

    def __init__(self, context: ReplyContext) -> None:
        self._out = Output(context)
        self._directory = Directory.of_context(context)
        self._usage: Usage | None = None
        self._writer: Writer | None = None
        self._current: int | None = None
        self._queues: dict[int, deque[Event]] = {}
        self._ended = False
        self.response: bytes | None = None

    # --- contract ---

    def feed(self, event: Event) -> bytes:
        if type(event) is Delta and self._writer is not None and event.index == self._current:
            return self._writer.add(event)
        if self._ended:
            return b""
        match event:
            case Started():
                return self._begin(event)
            case UsageReport(counts):
                self._usage = self._usage.merged(counts) if self._usage else counts
                return b""
            case Finished():
                return self._begin() + self._drain() + self._finish(event)
            case Failed():
                return self._begin() + self._drain() + self._fail(event)
            case BlockStart() | Delta() | Sealed() | Annotated() | BlockStop():
                return self._begin() + self._block(event)

    def close(self) -> bytes:
        if self._ended:
            return b""
        return self.feed(Failed("the stream of the upstream was cut", "api_error", "upstream_protocol", 502))

    # --- frame ---

    def _begin(self, started: Started | None = None) -> bytes:
        out = self._out
        if out.frame is not None:
            return b""
        started = started or Started("", "")
        if started.usage is not None:
            self._usage = started.usage
        frame = out.frame = Frame(reply_id(started.id, out.context), out.context, started.created_s)
        response = frame.build("in_progress", [])
        raw = msgspec.Raw(encode(response))
        return out.emit("response.created", {"response": raw}) + out.emit("response.in_progress", {"response": raw})

    def _finish(self, event: Finished) -> bytes:
        reason = _INCOMPLETE.get(event.reason)
        if event.reason == "refusal" and not self._out.refused:
            reason = "content_filter"
        if reason is None:
            return self._end("response.completed", "completed")
        return self._end("response.incomplete", "incomplete", incomplete=reason)

    def _fail(self, event: Failed) -> bytes:
        return self._end("response.failed", "failed", error=stream_error(event))

    def _end(self, kind: str, status: str, **details: Any) -> bytes:
        assert self._out.frame is not None
        self._ended = True
        self.response = encode(self._out.frame.build(status, self._out.items, self._usage, **details))
        return self._out.emit(kind, {"response": msgspec.Raw(self.response)})

    # --- blocks ---

    def _block(self, event: BlockStart | Delta | Sealed | Annotated | BlockStop) -> bytes:
        index = event.index
        if self._current is None and isinstance(event, BlockStart):
            self._current = index
        if index != self._current:
            self._queues.setdefault(index, deque()).append(event)
            return b""
        out = [self._write(event)]
        while isinstance(event, BlockStop):
            event = self._next(out)
            if event is None:
                break
        return b"".join(out)

    def _next(self, out: list[bytes]) -> Any:
        """After a block ended: replays the next one that waits. The last event replayed; None if nothing waits."""
        self._current = None
        if not self._queues:
            return None
        self._current = min(self._queues)
        event: Any = None
        for event in self._queues.pop(self._current):
            out.append(self._write(event))
        return event

    def _drain(self) -> bytes:
        """Everything still open or waiting, closed: the terminal event comes next."""
        out: list[bytes] = []
        while self._current is not None:
            out.append(self._block(BlockStop(self._current)))
        return b"".join(out)

    def _write(self, event: Event) -> bytes:
        match event:
            case BlockStart(_, block):
                self._writer = self._writer_for(block)
                return self._writer.begin()
            case BlockStop():
                writer, self._writer = self._writer, None
                return writer.end() if writer else b""
            case _:
                return self._writer.add(event) if self._writer else b""

    def _writer_for(self, block: Any) -> Writer:
        match block:
            case ToolCall():
                known = self._directory.find(block.name, block.namespace)
                if block.kind == "custom" or known.kind == "custom":
                    return CustomWriter(self._out, block, known)
                return FunctionWriter(self._out, block, known)
            case Reasoning():
                return ReasoningWriter(self._out, block)
            case Refusal(text):
                return SpokenWriter(self._out, text, refusal=True)
            case Text(text):
                return SpokenWriter(self._out, text, annotations=block.annotations)
            case Opaque("responses", _, raw):
                return OwnItemWriter(self._out, raw)
            case _:
                return Writer(self._out)  # a server tool of another vendor: its record means nothing to this client


def encode_response(response: Response, context: ReplyContext) -> bytes:
    encoder = Encoder(context)
    for event in unfold(response):
        encoder.feed(event)
    encoder.close()
    assert encoder.response is not None
    return encoder.response


__all__ = ["Encoder", "encode_response"]
