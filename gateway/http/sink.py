"""The ASGI side of `ports.Sink`, and reading a request body with its bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, MutableMapping, Sequence
from typing import Any

from gateway.errors import BodyTooLarge, MalformedRequest

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class Cut(Exception):
    """Raised out of the app on purpose so that the server closes the connection without a proper ending."""


class _Begun:
    """An awaitable that was run up to its first wait already. Its wait is passed on to the task that awaits this."""

    __slots__ = ("_steps", "_waits_for")

    def __init__(self, steps: Generator[Any, None, Any], waits_for: Any) -> None:
        self._steps = steps
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, None, None]:
        try:
            yield self._waits_for
            yield from self._steps
        finally:
            self._steps.close()


class AsgiSink:
    """Writes one response. Not safe for concurrent writers: the flight serialises them."""

    __slots__ = ("_send", "cut", "finished", "started", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.finished = False
        self.cut = False
        self.status = 0

    async def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.started = True
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, data: bytes) -> None:
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def push(self, data: bytes) -> Awaitable[None] | None:
        # uvicorn's send only ever waits while its client does not read: run as far as it goes, it is mostly done.
        steps = self._send({"type": "http.response.body", "body": data, "more_body": True}).__await__()
        try:
            waits_for = next(steps)
        except StopIteration:
            return None
        return _Begun(steps, waits_for)

    async def whole(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        length = (b"content-length", str(len(body)).encode())
        await self.start(status, [*headers, length])
        self.finished = True
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def finish(self, last: bytes = b"") -> None:
        if not self.finished:
            await self.write(last)  # by itself: until it is out the client may still leave
            self.finished = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def abort(self) -> None:
        self.cut = True


async def read_body(receive: Receive, *, length: int | None, limit_bytes: int, timeout_s: float) -> bytes:
    """The whole body. BodyTooLarge at the limit (by Content-Length before a byte is read), MalformedRequest when it does not
    arrive in time, ClientGone when the client leaves."""
    if length is not None and length > limit_bytes:
        raise too_large(limit_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            first = await receive()
            if first["type"] == "http.request" and not first.get("more_body"):
                body: bytes = first.get("body", b"")
                if len(body) > limit_bytes:
                    raise too_large(limit_bytes)
                return body
            return await _collect(first, receive, limit_bytes)
    except TimeoutError:
        raise MalformedRequest(f"the request body did not arrive within {timeout_s:g} s") from None


async def _collect(message: Message, receive: Receive, limit_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit_bytes:
            raise too_large(limit_bytes)
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)
        message = await receive()


def too_large(limit_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"the request body is over {limit_bytes} bytes", accepted=f"up to {limit_bytes} bytes (server.max_body_bytes)"
    )
