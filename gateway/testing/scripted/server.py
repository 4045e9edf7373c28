"""`ScriptedServer`: the scripted vendor on a real loopback socket, written byte by byte so that it can misbehave.

HTTP/1.1 with keep-alive, chunked bodies for streams, and no library in between: what a test asks for is what goes out.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from gateway.testing.scripted.model import Headers, Recorded, ScriptedModel
from gateway.testing.scripted.turns import Answer, Cut, Pause

MAX_HEAD_BYTES = 256 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
}


class ScriptedServer:
    """`async with ScriptedServer(fault="cut") as server: server.origin`. Keyword arguments are those of `ScriptedModel`.

    `port` 0 takes a free one. Every connection is closed on exit, whatever it is doing."""

    def __init__(
        self, model: ScriptedModel | None = None, *, host: str = "127.0.0.1", port: int = 0, **script: Any
    ) -> None:
        self.model = model if model is not None else ScriptedModel(**script)
        self.host, self.port = host, port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def requests(self) -> list[Recorded]:
        return self.model.requests

    async def start(self) -> ScriptedServer:
        self._server = await asyncio.start_server(self._connected, self.host, self.port, limit=MAX_HEAD_BYTES)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> ScriptedServer:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        self._writers.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (
            ConnectionError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            ValueError,
            asyncio.CancelledError,
        ):
            pass  # the other side left, or spoke no HTTP, or the server is stopping
        finally:
            self._writers.discard(writer)
            if task is not None:
                self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer. Returns whether the connection stays open."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        method, target, headers = _parse_head(head)
        named = dict(headers)
        if named.get(b"expect", b"").lower() == b"100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _body(reader, named)
        answer, record = self.model.answer(method, target, headers, body)
        close = named.get(b"connection", b"").lower() == b"close"
        play = asyncio.ensure_future(self._play(answer, method, writer, close))
        gone = asyncio.ensure_future(_gone(reader, writer))
        try:
            await asyncio.wait({play, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            record.aborted = not play.done() or play.cancelled() or play.exception() is not None
            for waiting in (play, gone):
                waiting.cancel()
            await asyncio.gather(play, gone, return_exceptions=True)
        return not record.aborted and play.result() and not close

    async def _play(self, answer: Answer, method: str, writer: asyncio.StreamWriter, close: bool) -> bool:
        """Write the answer. Returns False when it ended in a cut."""
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        cut = any(isinstance(step, Cut) for step in answer.steps)
        writer.write(_head(answer, close, cut))
        await writer.drain()
        if method == "HEAD":
            return True
        for step in answer.steps:
            if isinstance(step, Cut):
                await _abort(writer)
                return False
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            elif step:
                writer.write(step if answer.whole or answer.unframed else b"%x\r\n%b\r\n" % (len(step), step))
                await writer.drain()
        if answer.unframed:
            return False
        if not answer.whole:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return True


async def _abort(writer: asyncio.StreamWriter) -> None:
    """Drop the connection, after what was written has had a moment to leave."""
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()


async def _gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Returns when the other side has closed its end. A pipelined request does not count, so nothing is read here."""
    while not reader.at_eof() and not writer.transport.is_closing():  # noqa: ASYNC110 (StreamReader has no such event)
        await asyncio.sleep(0.02)


def _parse_head(head: bytes) -> tuple[str, str, Headers]:
    first, *lines = head.rstrip(b"\r\n").split(b"\r\n")
    method, target, _ = first.split(b" ", 2)
    pairs = [line.partition(b":") for line in lines]
    headers = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
    return method.decode("latin-1"), target.decode("latin-1"), headers


async def _body(reader: asyncio.StreamReader, named: dict[bytes, bytes]) -> bytes:
    if named.get(b"transfer-encoding", b"").lower() == b"chunked":
        return await _chunked(reader)
    length = int(named.get(b"content-length", b"0"))
    if length > MAX_BODY_BYTES:
        raise ValueError("body too large")
    return await reader.readexactly(length)


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if len(body) + size > MAX_BODY_BYTES:
            raise ValueError("body too large")
        body += await reader.readexactly(size)
        await reader.readuntil(b"\r\n")
        if size == 0:
            return body


def _head(answer: Answer, close: bool, cut: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}".encode()]
    lines += [name + b": " + value for name, value in answer.headers]
    if answer.whole:
        # A cut body promises more than it delivers.
        lines.append(b"content-length: %d" % (len(answer.body) * 2 + 64 if cut else len(answer.body)))
    elif not answer.unframed:
        lines.append(b"transfer-encoding: chunked")
    lines.append(b"connection: close" if close or answer.unframed else b"connection: keep-alive")
    return b"\r\n".join(lines) + b"\r\n\r\n"
