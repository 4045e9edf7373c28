"""An ASGI client without sockets that can do what real clients do: read slowly, leave in the middle, send a slow body.

Plays the server's part as uvicorn does: `receive` tells of a disconnect when the client left or the response is complete,
`send` waits while the client does not read, and what is sent to a client that has gone is dropped.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

Message = MutableMapping[str, Any]
App = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
Body = bytes | Iterable[bytes] | AsyncIterator[bytes]
GIVE_UP_S = 20.0
"""Seconds of the event loop after which a test that waits for the app has hung."""


@dataclass(slots=True)
class Reply:
    """A whole answer. `cut`: the app ended without a proper end of the body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Exchange:
    """One request in progress; an async context manager that leaves at its end."""

    def __init__(self, app: App, scope: dict[str, Any], body: Body, buffer: int, give_up_s: float = GIVE_UP_S) -> None:
        self._app, self._scope, self._body = app, scope, body
        self._give_up_s = give_up_s
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(buffer)
        self._started: asyncio.Event = asyncio.Event()
        self._left = asyncio.Event()
        self._over = asyncio.Event()
        self._complete = False
        self._sending = self._messages()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.error: BaseException | None = None
        self.cut = False

    async def __aenter__(self) -> Exchange:
        self._task = asyncio.get_running_loop().create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
        done, _ = await asyncio.wait({self._task}, timeout=self._give_up_s)
        if not done:
            self._task.cancel()
            raise TimeoutError("the app did not end after its client had left")

    def leave(self) -> None:
        """The client closes the connection."""
        self._left.set()
        self._over.set()
        while not self._pieces.empty():
            self._pieces.get_nowait()

    @property
    def ended(self) -> bool:
        """The app has returned."""
        return self._task.done()

    async def wait(self) -> None:
        """Returns when the app has returned."""
        await asyncio.wait_for(asyncio.shield(self._task), self._give_up_s)

    async def head(self) -> int:
        """The status, once it is there."""
        await self._either(self._started.wait())
        return self.status

    async def read(self) -> bytes | None:
        """The next piece of the body; None at its end (see `cut`)."""
        piece: bytes | None = await self._either(self._pieces.get())
        return piece

    async def read_until(self, mark: bytes) -> bytes:
        """Everything up to the piece in which `mark` is complete; AssertionError if the body ends before."""
        data = b""
        while mark not in data:
            piece = await self.read()
            assert piece is not None, f"the body ended before {mark!r}: {data!r}"
            data += piece
        return data

    async def rest(self) -> bytes:
        """The body from here to its end."""
        data = b""
        while (piece := await self.read()) is not None:
            data += piece
        return data

    async def _either(self, wanted: Any) -> Any:
        async with asyncio.timeout(self._give_up_s):
            return await wanted

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - kept for the test
            self.error = error
        self.cut = not self._complete
        self._started.set()
        await self._put(None)

    async def _messages(self) -> AsyncIterator[Message]:
        if isinstance(self._body, bytes):
            yield {"type": "http.request", "body": self._body, "more_body": False}
            return
        if isinstance(self._body, AsyncIterator):
            async for piece in self._body:
                yield {"type": "http.request", "body": piece, "more_body": True}
        else:
            for piece in self._body:
                yield {"type": "http.request", "body": piece, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}

    async def _receive(self) -> Message:
        if not self._over.is_set():
            async for message in self._sending:
                return message
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            assert not self.status, "the response was started twice"
            self.status = message["status"]
            self.headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in message["headers"]}
            self._started.set()
            return
        assert self.status, "a body before the status"
        assert not self._complete, "a body after its end"
        if not message.get("more_body"):
            self._complete = True
        if message.get("body"):
            await self._put(message["body"])
        if self._complete:
            # As a server does: the next `receive` tells that nobody waits any more.
            self._over.set()

    async def _put(self, piece: bytes | None) -> None:
        """Waits while the client does not read, but not for one that left."""
        if self._left.is_set():
            return
        if not self._pieces.full():
            self._pieces.put_nowait(piece)
            return
        putting = asyncio.ensure_future(self._pieces.put(piece))
        leaving = asyncio.ensure_future(self._left.wait())
        try:
            await asyncio.wait({putting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            putting.cancel()


class AsgiClient:
    """Requests to an ASGI app. `headers` go with each of them. `give_up_s`: see `GIVE_UP_S`; more on virtual time."""

    def __init__(
        self,
        app: App,
        headers: dict[str, str] | None = None,
        *,
        loopback: str = "127.0.0.1",
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._app = app
        self._give_up_s = give_up_s
        self._headers = headers or {}
        self._from = loopback

    def open(
        self,
        method: str,
        path: str,
        body: Body = b"",
        headers: dict[str, str] | None = None,
        *,
        buffer: int = 1000,
    ) -> Exchange:
        """`path` may hold a query. `buffer`: pieces that may wait to be read before the app is made to wait."""
        target, _, query = path.partition("?")
        sent = {"host": "127.0.0.1:4242", **self._headers, **(headers or {})}
        if isinstance(body, bytes):
            sent.setdefault("content-length", str(len(body)))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": target,
            "raw_path": target.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in sent.items()],
            "client": (self._from, 50_000),
            "server": ("127.0.0.1", 4242),
        }
        return Exchange(self._app, scope, body, buffer, self._give_up_s)

    async def request(
        self, method: str, path: str, body: Body | dict[str, Any] = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        """The whole answer. A dict is sent as JSON."""
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            headers = {"content-type": "application/json", **(headers or {})}
        async with self.open(method, path, body, headers) as exchange:
            data = await exchange.rest()
            await exchange.wait()
            return Reply(exchange.status, exchange.headers, data, exchange.cut)

    async def post(self, path: str, body: Body | dict[str, Any], headers: dict[str, str] | None = None) -> Reply:
        return await self.request("POST", path, body, headers)

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        return await self.request("GET", path, b"", headers)
