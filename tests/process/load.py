"""Many slow streams at a real gateway: an upstream that drips, clients that count what they get, and the process's memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from tests.support.gateways import model_at

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PIECE = 'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}\n\n'


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    data = (PIECE % (json.dumps(delta), json.dumps(finish))).encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


DONE = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class Dripping:
    """A vendor whose every stream is `pieces` words, one each `every_s`; with `held` set it stops in the middle and waits
    until it is cleared. Written on bare transports: thousands of streams cost it next to nothing."""

    def __init__(self, pieces: int = 10, every_s: float = 0.2) -> None:
        self.pieces, self.every_s = pieces, every_s
        self.streams: dict[asyncio.Transport, int] = {}
        self.begun = 0
        self.held = False
        self._server: asyncio.Server | None = None

    @property
    def origin(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Dripping:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Vendor(self), "127.0.0.1", 0, backlog=4096
        )
        self._ticking = asyncio.ensure_future(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ticking.cancel()
        for transport in list(self.streams):
            transport.abort()
        assert self._server is not None
        self._server.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.every_s)
            for transport, said in list(self.streams.items()):
                if self.held and said >= self.pieces // 2:
                    continue
                if said < self.pieces:
                    transport.write(chunk({"content": f"word{said} "}))
                    self.streams[transport] = said + 1
                else:
                    del self.streams[transport]
                    transport.write(chunk({}, "stop") + DONE)


class _Vendor(asyncio.Protocol):
    def __init__(self, owner: Dripping) -> None:
        self._owner, self._data = owner, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end:
            return
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
        if len(body) >= length:
            self._data = b""
            self._transport.write(HEAD + chunk({"role": "assistant", "content": ""}))
            self._owner.begun += 1
            self._owner.streams[self._transport] = 0

    def connection_lost(self, error: Exception | None) -> None:
        self._owner.streams.pop(self._transport, None)


class Client(asyncio.Protocol):
    """One streaming request on a connection of its own. `done` is set at the end of the connection or the stream."""

    def __init__(self, number: int, model: str, sessions: int) -> None:
        self.number, self.model, self.sessions, self.data = number, model, sessions, b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        body = json.dumps(
            {"model": self.model, "stream": True, "messages": [{"role": "user", "content": f"question {self.number}"}]}
        ).encode()
        transport.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"x-interlock-session: s%d\r\ncontent-length: %d\r\n\r\n" % (self.number % self.sessions, len(body)) + body
        )

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.data.endswith(b"0\r\n\r\n") and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    @property
    def status(self) -> int:
        return int(self.data[9:12] or b"0")

    @property
    def words(self) -> int:
        return self.data.count(b"word")

    @property
    def whole(self) -> bool:
        return b"data: [DONE]" in self.data


async def ask(port: int, count: int, model: str = "auto", sessions: int = 1 << 30) -> list[Client]:
    """That many streams of that many sessions, begun in small groups as people would."""
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    for start in range(0, count, 50):
        for number in range(start, min(start + 50, count)):
            _, client = await loop.create_connection(
                lambda number=number: Client(number, model, sessions), "127.0.0.1", port
            )  # type: ignore[misc]
            clients.append(client)
        await asyncio.sleep(0.02)
    return clients


async def ended(clients: list[Client], limit_s: float) -> None:
    await asyncio.wait_for(asyncio.gather(*(client.done for client in clients)), limit_s)
    for client in clients:
        client.transport.close()


def config(origin: str, **more: Any) -> dict[str, Any]:
    server = {"drain_s": 10, **more.pop("server", {})}
    return {"models": {"up/model": model_at(origin)}, "retry": {"max_attempts": 1}, "server": server, **more}


def rows(folder: Path, query: str = "SELECT request_id, outcome FROM calls") -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "state" / "ledger.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return db.execute(query).fetchall()


def rss_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def until(what: Any, limit_s: float = 10.0) -> Any:
    """Like `eventually`, in steps that leave a small machine something for the gateway."""
    end = time.monotonic() + limit_s
    while not (value := what()):
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.05)
    return value
