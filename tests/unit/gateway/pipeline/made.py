"""A flight with a client that only listens, and upstream replies made of chunks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from gateway.dialects import registry
from gateway.errors import Headers
from gateway.ir.exchange import Exchange, Identity, Labels, Session
from gateway.ir.request import DialectName
from gateway.pipeline.flight import Flight
from gateway.pipeline.readings import Reading
from gateway.ports import Sink, UpstreamReply
from gateway.testing.clock import ManualClock

SSE: Headers = ((b"content-type", b"text/event-stream; charset=utf-8"),)
JSON: Headers = ((b"content-type", b"application/json"),)


class HeardSink:
    """Implements `ports.Sink`: remembers what the client would have got."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.data = b""
        self.finished = self.aborted = self._started = False

    @property
    def started(self) -> bool:
        return self._started

    async def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        assert not self._started, "the head goes out once"
        self._started, self.status, self.headers = True, status, dict(headers)

    async def write(self, data: bytes) -> None:
        self.data += data

    def push(self, data: bytes) -> None:
        self.data += data

    async def finish(self, last: bytes = b"") -> None:
        self.data += last
        self.finished = True

    async def whole(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        await self.start(status, headers)
        self.data, self.finished = body, True

    def abort(self) -> None:
        self.aborted = True


class MadeReply:
    """Implements `ports.UpstreamReply` over chunks; an exception among them is raised in its place."""

    def __init__(self, *chunks: bytes | Exception, status: int = 200, headers: Headers = SSE) -> None:
        self._chunks, self._status, self._headers = chunks, status, headers
        self.closed = 0
        self.given = 0

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> Headers:
        return self._headers

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, Exception):
                raise chunk
            self.given += 1
            yield chunk

    async def read(self, limit_bytes: int) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def aclose(self) -> None:
        self.closed += 1


_: tuple[type[Sink], type[UpstreamReply]] = (HeardSink, MadeReply)


def event(value: dict[str, Any] | str) -> bytes:
    """A chat event."""
    return b"data: " + (value if isinstance(value, str) else json.dumps(value)).encode() + b"\n\n"


def delta(**what: Any) -> bytes:
    finish = what.pop("finish_reason", None)
    choice = {"index": 0, "delta": what, "finish_reason": finish}
    return event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


ROLE, END, DONE = delta(role="assistant", content=""), delta(finish_reason="stop"), event("[DONE]")


def usage_event(**counts: int) -> bytes:
    return event(
        {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": counts}
    )


def exchange(body: dict[str, Any] | None = None, *, dialect: DialectName = "chat", **more: Any) -> Exchange:
    messages = [{"role": "user", "content": "hi"}]
    raw = json.dumps({"model": "auto", "messages": messages, "max_tokens": 99, **(body or {})}).encode()
    view = registry.by_name(dialect).read(raw)
    return Exchange(
        request_id="req_abc",
        received_s=1_770_000_000.0,
        dialect=dialect,
        path="/v1/chat/completions",
        body=raw,
        view=view,
        reading=Reading(raw, view),
        model_asked=view.model,
        stream=view.stream,
        **{
            "query": "",
            "headers": (),
            "identity": Identity(),
            "session": Session("ses_1"),
            "labels": Labels(),
            "context_tokens": 7,
            **more,
        },
    )


def flight(body: dict[str, Any] | None = None, *, dialect: DialectName = "chat", **more: Any) -> Flight:
    clock = ManualClock()
    made = exchange(body, dialect=dialect, **more)
    return Flight(made, registry.by_name(dialect), HeardSink(), clock, clock.monotonic())


def heard(made: Flight) -> HeardSink:
    assert isinstance(made.sink, HeardSink)
    return made.sink
