"""The ASGI app. Inference requests go straight to the pipeline; everything else to the back (FastAPI).

One task per request watches for the client's departure from the first instant and cancels the work, whichever stage it is
in: a proxy awaits upstream headers for minutes, and a client that is gone must not keep a GPU busy (protocols.md 6.2).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

from gateway.dialects import registry
from gateway.dialects.contract import Dialect
from gateway.errors import (
    Draining,
    ForeignPage,
    GatewayError,
    Headers,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    TooManyRequests,
    Unauthenticated,
    UpgradeRequired,
)
from gateway.http.sink import AsgiSink, ClientGone, Cut, Message, Receive, Scope, Send, read_body, too_large
from gateway.pipeline.runtime import Runtime
from gateway.pipeline.serve import Pipeline, RawRequest, expired, refuse
from gateway.ports import Caller, Clock, Keys, Random, Sink
from gateway.telemetry import LOG

_log = logging.getLogger(LOG)

ANONYMOUS = Caller("anonymous")

CONNECTION = "interlock.connection"
"""ASGI extension of our own server (gateway.http.listener): the connection that a request came on."""
NONE: Mapping[str, Any] = {}


class ConnectionSink(Sink, Protocol):
    """A sink that says how far it is."""

    @property
    def finished(self) -> bool: ...

    @property
    def cut(self) -> bool:
        """The server must be told by an exception to close the connection."""


class Connection(Protocol):
    """What our own server tells beyond ASGI."""

    def on_departure(self, callback: Callable[[], None] | None) -> None:
        """Called once, as soon as the client is gone, until unset."""

    @property
    def shared(self) -> bool:
        """Another request is pipelined behind this one: only ASGI's own way is safe then."""

    async def body(self, limit_bytes: int, timeout_s: float) -> bytes:
        """The whole body. BodyTooLarge, MalformedRequest when it does not arrive in time, ClientGone."""

    def sink(self) -> ConnectionSink:
        """Where the response is written."""


Direct = Callable[[Headers, Connection], Coroutine[Any, Any, None]]
"""Answers one request that came on a connection of our own server."""


async def _nothing() -> Message:
    raise AssertionError("our own server hands the body over")


async def _nowhere(_: Message) -> None:
    raise AssertionError("our own server writes by itself")


Surface = Callable[["Front", RawRequest, Dialect, Sink], Awaitable[None]]


class Back(Protocol):
    """Any ASGI app."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Front:
    """`surfaces` maps (method, path) to handlers that need a body but are no dialect's own path (count_tokens, embeddings,
    completions, dry run); `back` answers the rest. `local` = bound to loopback, so no key is needed until keys exist."""

    def __init__(
        self,
        pipeline: Pipeline,
        runtime: Callable[[], Runtime],
        keys: Keys,
        random: Random,
        clock: Clock,
        *,
        surfaces: Mapping[tuple[str, str], Surface],
        back: Back,
        local: bool,
    ) -> None:
        self.pipeline = pipeline
        self.runtime = runtime
        self.keys = keys
        self.random = random
        self.clock = clock
        self.local = local
        self.draining = False
        self.in_flight = 0
        self.elsewhere = 0
        """Requests that the other workers are serving, as last heard."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._surfaces: dict[tuple[str, str], Surface] = dict(surfaces)
        for path in registry.by_path():
            self._surfaces.setdefault(("POST", path), serve_dialect)
        self._paths = {path for _, path in self._surfaces}
        self._back = back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._back(scope, receive, send)
            return
        surface = self._surfaces.get((scope["method"], scope["path"]))
        if surface is None:
            await self._other(scope, receive, send)
            return
        connection: Connection | None = scope.get("extensions", NONE).get(CONNECTION)
        if connection is not None and connection.shared:
            connection = None
        query = scope["query_string"].decode("latin-1")
        headers = tuple(scope["headers"])
        await self._inference(surface, scope["path"], query, headers, connection, receive, send)

    def direct(self, method: bytes, target: bytes) -> Direct | None:
        """For our own server: what answers such a request line, if it is an inference path and nothing else."""
        surface = self._surfaces.get((method.decode("latin-1"), target.decode("latin-1")))
        if surface is None:
            return None
        path = target.decode()
        return lambda headers, connection: self._inference(surface, path, "", headers, connection)

    async def idle(self) -> None:
        """Returns when no inference request is in flight."""
        await self._idle.wait()

    def expire(self) -> None:
        """The drain limit is reached: every request still running is ended now, with an error in its own dialect."""
        self.pipeline.expired = True
        for task in list(self._tasks):
            task.cancel("drain limit")

    # --- inference --------------------------------------------------------------------------------------------

    async def _inference(
        self,
        surface: Surface,
        path: str,
        query: str,
        headers: Headers,
        connection: Connection | None,
        receive: Receive = _nothing,
        send: Send = _nowhere,
    ) -> None:
        """`receive` and `send` are ASGI's, for where there is no `connection`."""
        sink = AsgiSink(send) if connection is None else connection.sink()
        request_id = self._request_id()
        dialect = dialect_of(path)
        self.in_flight += 1
        self._idle.clear()
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            caller = self._admit(headers)
            body = await self._body(headers, connection, receive)
            raw = RawRequest(request_id, path, query, headers, body, caller)
            if connection is None:
                await self._watched(receive, surface(self, raw, dialect, sink), sink)
            else:
                await self._told(connection, task, surface(self, raw, dialect, sink), sink)
        except ClientGone:
            return
        except GatewayError as error:
            await self._answer_error(sink, dialect, error, request_id)
        except Exception:  # noqa: BLE001
            # The edge of the house: an exception nobody named is our fault; the caller learns that, the log the rest.
            _log.exception("request %s failed", request_id)
            await self._answer_error(sink, dialect, InternalError("internal error in the gateway"), request_id)
        except asyncio.CancelledError:
            if not self.pipeline.expired:
                raise
            task.uncancel()
            await self._answer_error(sink, dialect, expired(), request_id)
        finally:
            self._tasks.discard(task)
            self.in_flight -= 1
            if not self.in_flight:
                self._idle.set()
        if sink.cut:
            raise Cut

    async def _answer_error(self, sink: ConnectionSink, dialect: Dialect, error: GatewayError, request_id: str) -> None:
        if sink.finished:
            return
        if sink.started:
            sink.abort()
        else:
            await refuse(sink, dialect, error, request_id)

    def _admit(self, headers: Headers) -> Caller:
        """Who asks, and may they: before the body, because a caller without a key never gets to send 32 MiB."""
        server = self.runtime().settings.server
        if self.draining:
            raise Draining("the gateway is shutting down; ask again in a moment")
        if self.in_flight + self.elsewhere > server.in_flight_max:
            raise TooManyRequests(f"over {server.in_flight_max} requests in flight (server.in_flight_max)")
        return self.authenticate(dict(headers))

    async def _body(self, headers: Headers, connection: Connection | None, receive: Receive) -> bytes:
        server = self.runtime().settings.server
        length = content_length(headers)
        limit_bytes, timeout_s = server.max_body_bytes, server.body_timeout_s
        if connection is None:
            return await read_body(receive, length=length, limit_bytes=limit_bytes, timeout_s=timeout_s)
        if length is not None and length > limit_bytes:
            raise too_large(limit_bytes)
        return await connection.body(limit_bytes, timeout_s)

    def authenticate(self, headers: Mapping[bytes, bytes]) -> Caller:
        """`authorization: Bearer` or `x-api-key`. Without any key configured a loopback caller is "anonymous", whatever
        placeholder key its harness insists on sending."""
        always = self.runtime().settings.keys.required == "always" or not self.local
        needed = always or self.keys.required()
        shown = False
        for secret in _secrets(headers):
            shown = True
            if (caller := self.keys.find(secret)) is not None:
                return caller
        if not needed:
            refuse_pages(headers)
            return ANONYMOUS
        raise Unauthenticated(
            "the API key is not known, revoked or expired" if shown else "no API key was sent",
            accepted="`authorization: Bearer <key>` or `x-api-key: <key>` with a key made by `interlock key create`",
        )

    def _request_id(self) -> str:
        """Unguessable, and in the order of time: rows of one moment stand together in every index."""
        return f"req_{int(self.clock.now() * 1000):012x}{self.random.token(6)}"

    async def _told(
        self, connection: Connection, task: asyncio.Task[Any], work: Awaitable[None], sink: ConnectionSink
    ) -> None:
        """As `_watched`, without a task of its own: the server's connection tells us when the client leaves."""
        gone = False

        def left() -> None:
            nonlocal gone
            if not sink.finished:
                gone = True
                task.cancel("client left")

        try:
            connection.on_departure(left)
            await work
        except asyncio.CancelledError:
            if not gone:
                raise
            task.uncancel()
        finally:
            connection.on_departure(None)

    async def _watched(self, receive: Receive, work: Awaitable[None], sink: ConnectionSink) -> None:
        """Runs the work in this task; the watcher cancels it when the client leaves. After the end of the answer every
        client "leaves" (ASGI): what is left to do then, such as giving the upstream's connection back, is let be."""
        task = asyncio.current_task()
        assert task is not None
        gone = False

        async def watch() -> None:
            nonlocal gone
            while (await receive())["type"] != "http.disconnect":
                pass
            if not sink.finished:
                gone = True
                task.cancel("client left")

        watcher = asyncio.ensure_future(watch())  # noqa: TID251 - ends with this very call
        try:
            await work
        except asyncio.CancelledError:
            if not gone:
                raise
            task.uncancel()
        finally:
            watcher.cancel()

    # --- the rest ---------------------------------------------------------------------------------------------

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path in registry.by_path() and method == "GET" and _upgrades(scope["headers"]):
            await self._plain_error(send, path, UpgradeRequired("WebSocket is not offered here; use HTTP POST"))
        elif path in self._paths and method not in ("OPTIONS", "HEAD"):
            await self._plain_error(send, path, MethodNotAllowed(f"{method} is not allowed here", accepted="POST"))
        else:
            await self._back(scope, receive, send)

    async def _plain_error(self, send: Send, path: str, error: GatewayError) -> None:
        await refuse(AsgiSink(send), dialect_of(path), error, self._request_id())


def serve_dialect(front: Front, raw: RawRequest, dialect: Dialect, sink: Sink) -> Awaitable[None]:
    return front.pipeline.serve(raw, dialect, sink)


def dialect_of(path: str) -> Dialect:
    """The dialect whose error shape a path answers in: its own, or that of the family it belongs to."""
    by_path = registry.by_path()
    if path in by_path:
        return by_path[path]
    if path.startswith("/v1/messages"):
        return registry.by_name("messages")
    return registry.by_name("responses" if path.startswith("/v1/responses") else "chat")


def content_length(headers: Headers) -> int | None:
    """The announced size of the body. MalformedRequest for a compressed one: nobody here bounds what it unpacks to."""
    length: int | None = None
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"content-encoding" and value not in (b"", b"identity"):
            raise MalformedRequest(
                f"content-encoding {value.decode('latin-1')[:40]!r} is not understood",
                where="content-encoding",
                accepted="an uncompressed body",
            )
    return length


def _secrets(headers: Mapping[bytes, bytes]) -> Iterator[str]:
    """Both places: some harnesses fill one with a placeholder and the other with the key."""
    bearer = headers.get(b"authorization", b"")
    if bearer[:7].lower() == b"bearer ":
        yield bearer[7:].strip().decode("latin-1")
    if key := headers.get(b"x-api-key", b"").strip():
        yield key.decode("latin-1")


_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def refuse_pages(headers: Mapping[bytes, bytes]) -> None:
    """Without a key anybody on this machine may call, but not every web page its browser shows: a page's Origin must be
    loopback, and so must the Host that was asked for (a rebound DNS name is not). ForeignPage."""
    for name in (b"origin", b"host"):
        value = headers.get(name, b"").decode("latin-1").lower()
        if value and not _loopback(value[:300]):
            raise ForeignPage(
                f"{name.decode()} {value[:100]!r} may not use a gateway that needs no key",
                where=name.decode(),
                accepted="a loopback name, or a key made by `interlock key create`",
            )


@lru_cache(1024)
def _loopback(value: str) -> bool:
    """Of an origin (scheme://host:port, "null") or a Host value."""
    try:
        host = urlsplit(value if "://" in value else f"http://{value}").hostname or ""
        return host in _LOOPBACK or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _upgrades(headers: Headers) -> bool:
    return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in headers)
