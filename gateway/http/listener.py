"""uvicorn's HTTP/1.1 protocol, with what ASGI has no word for.

- The connection says at once that its client has left; ASGI knows that only from a task that waits in `receive` (25 µs).
- A request body is handed over whole, collected without copying it anew for each read.
- A response goes to the transport as bytes: its head with the first of its body, no message dicts, no search of each header
  (25 µs of a request's 140, all measured on the machine of performance.md).

Parsing, keep-alive, pipelining, limits and shutdown are uvicorn's, and so is everything that is no inference request: to
uvicorn a response written here looks like one that went through `send`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.errors import MalformedRequest
from gateway.http.front import CONNECTION
from gateway.http.sink import ClientGone, too_large


class ListenerProtocol(HttpToolsProtocol):
    """One client connection. Requests on it are answered one after another, so one callback and one body are enough."""

    _departure: Callable[[], None] | None = None
    _pieces: list[bytes] | None = None
    _size = 0
    _whole: asyncio.Future[None] | None = None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: Any = self.scope
        scope["extensions"] = {CONNECTION: self}

    def on_body(self, body: bytes) -> None:
        if self._pieces is None:
            super().on_body(body)
            return
        self._pieces.append(body)
        self._size += len(body)
        if self._size > self._limit and self._whole is not None and not self._whole.done():
            self._whole.set_exception(too_large(self._limit))

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._whole is not None and not self._whole.done():
            self._whole.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._whole is not None and not self._whole.done():
            self._whole.set_exception(ClientGone())
        callback, self._departure = self._departure, None
        if callback is not None:
            callback()

    # --- front.Connection -------------------------------------------------------------------------------------

    @property
    def shared(self) -> bool:
        """More requests are pipelined behind the one being answered: uvicorn's state speaks of the newest of them."""
        return bool(self.pipeline)

    def on_departure(self, callback: Callable[[], None] | None) -> None:
        """See front.Connection. A client that left before anybody listened is told at once."""
        self._departure = callback
        if callback is not None and self.cycle.disconnected:
            self._departure = None
            callback()

    async def body(self, limit_bytes: int, timeout_s: float) -> bytes:
        """See front.Connection."""
        cycle = self.cycle
        if cycle.disconnected:
            raise ClientGone
        begun, cycle.body = cycle.body, bytearray()
        if len(begun) > limit_bytes:
            raise too_large(limit_bytes)
        if not cycle.more_body:
            cycle.message_event.clear()
            return bytes(begun)
        if cycle.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            cycle.waiting_for_100_continue = False
        loop = asyncio.get_running_loop()
        self._pieces, self._size, self._limit = [bytes(begun)], len(begun), limit_bytes
        whole = self._whole = loop.create_future()
        alarm = loop.call_later(timeout_s, _late, whole, timeout_s)
        self.flow.resume_reading()
        try:
            await whole
            cycle.message_event.clear()
            return b"".join(self._pieces)
        finally:
            alarm.cancel()
            self._pieces = self._whole = None

    def sink(self) -> ListenerSink:
        return ListenerSink(self, self.cycle)


def _late(whole: asyncio.Future[None], timeout_s: float) -> None:
    if not whole.done():
        whole.set_exception(MalformedRequest(f"the request body did not arrive within {timeout_s:g} s"))


class ListenerSink:
    """`ports.Sink` on the connection itself. Bodies of unknown length are chunked; HTTP/1.0 clients get uvicorn's own rule:
    chunked as well, and the connection closed."""

    __slots__ = ("_cycle", "_flow", "_head", "_sized", "_transport", "cut", "finished", "started", "status")

    def __init__(self, connection: ListenerProtocol, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._flow: FlowControl = connection.flow
        self._transport = connection.transport
        self._head = b""
        self._sized = False
        self.started = False
        self.finished = False
        self.cut = False
        """Never set: the connection is closed here, nobody has to be told by an exception."""
        self.status = 0

    async def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """The head waits for the first piece of the body, which follows at once: one write for both."""
        self._begin(status, headers, b"transfer-encoding: chunked\r\n")

    def _begin(self, status: int, headers: Sequence[tuple[bytes, bytes]], framing: bytes) -> None:
        self.started = True
        self.status = status
        cycle = self._cycle
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        lines = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        lines.append(framing if cycle.keep_alive else framing + b"connection: close\r\n")
        lines.append(b"\r\n")
        head = b"".join(lines)
        ends = len(headers) + len(cycle.default_headers) + (3 if cycle.keep_alive else 4)
        if head.count(b"\n") != ends or head.count(b"\r") != ends:
            raise RuntimeError("a response header holds a line end")
        self._head = head

    async def write(self, data: bytes) -> None:
        if self._flow.write_paused and not self._cycle.disconnected:
            await self._flow.drain()
        self._put(data)

    def push(self, data: bytes) -> Awaitable[None] | None:
        if self._flow.write_paused and not self._cycle.disconnected:
            return self.write(data)
        self._put(data)
        return None

    def _put(self, data: bytes) -> None:
        if not data or self._cycle.disconnected:
            return
        head, self._head = self._head, b""
        self._transport.write(b"%b%x\r\n%b\r\n" % (head, len(data), data))

    async def whole(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        self._begin(status, headers, b"content-length: %d\r\n" % len(body))
        if self._flow.write_paused and not self._cycle.disconnected:
            await self._flow.drain()
        self._end(self._head + body)

    async def finish(self) -> None:
        if not self.finished:
            if self._flow.write_paused and not self._cycle.disconnected:
                await self._flow.drain()
            self._end(self._head + b"0\r\n\r\n")

    def _end(self, data: bytes) -> None:
        """What uvicorn's `send` does at the end of a response."""
        self._head = b""
        self.finished = True
        cycle = self._cycle
        if cycle.disconnected:
            return
        self._transport.write(data)
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self._transport.close()
        cycle.on_response()

    def abort(self) -> None:
        if not self._cycle.disconnected:
            self._transport.write(self._head)
            self._head = b""
            self._cycle.disconnected = True
            self._transport.close()
