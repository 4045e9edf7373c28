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
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.errors import MalformedRequest
from gateway.http.front import CONNECTION, Direct
from gateway.http.sink import ClientGone, too_large


class ListenerProtocol(HttpToolsProtocol):
    """One client connection. Requests on it are answered one after another.

    A plain POST to an inference path that nothing is pipelined before goes straight to the front (`Request`); everything
    else takes uvicorn's way through ASGI, and finds the same `Request` there as an extension."""

    # Outside the instance's dict, which with uvicorn's 28 fields is just small enough to share its keys with the others:
    # two more and each connection has a whole dict of its own, 1.3 KB.
    __slots__ = ("_idle_since", "_idle_timer", "_receiving", "_request")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.pipeline = _Line()  # type: ignore[assignment]
        self._request: Request | None = None
        """The one being answered, if it is answered here."""
        self._receiving: Request | None = None
        """The one whose body is being parsed, likewise; requests pipelined behind another are uvicorn's."""
        self._idle_since: float | None = None
        self._idle_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow._is_writable_event = _Flag(up=True)  # type: ignore[assignment]

    # --- the parser's callbacks -------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        earlier: Any = self.cycle
        if earlier is None or earlier.response_complete:
            if (answer := self._answer()) is not None:
                request = self._request = self._receiving = self.cycle = Request(self, None)  # type: ignore[assignment]
                task = self.loop.create_task(answer(tuple(self.headers), request))
                self.tasks.add(task)
                task.add_done_callback(self._answered)
                return
            self._request = None
        self._receiving = None
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        scope: Any = self.scope
        scope["headers"] = headers
        lent: list[Request] = []
        scope["extensions"] = {CONNECTION: _Lent(self, lent)}
        super().on_headers_complete()
        lent.append(Request(self, self.cycle))
        if not self.pipeline:
            self._request = self._receiving = lent[0]

    def _answer(self) -> Direct | None:
        parser = self.parser
        if self.expect_100_continue or parser.get_http_version() != "1.1" or parser.should_upgrade():
            return None
        key = (parser.get_method(), self.url)
        known = _answers.get(self.app)
        if known is None:
            known = _answers[self.app] = {}
        if key not in known:
            find = getattr(self.app, "direct", None)
            answer = find(*key) if find is not None else None
            if answer is None:
                return None  # not remembered: clients can make up any number of paths
            known[key] = answer
        return known[key]

    def _answered(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.logger.error("Exception in the front", exc_info=error)
            self.transport.close()

    def on_body(self, body: bytes) -> None:
        request = self._receiving
        if request is None or not request.take(body):
            super().on_body(body)

    def on_message_complete(self) -> None:
        request = self._receiving
        if request is None or not request.own:
            super().on_message_complete()
        if request is not None:
            request.ended()

    # --- the connection ---------------------------------------------------------------------------------------

    def connection_lost(self, exc: Exception | None) -> None:
        request, self._request = self._request, None
        super().connection_lost(exc)
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        if request is not None:
            request.lost()

    def on_response_complete(self) -> None:
        """uvicorn's, but for the keep-alive timer: one is set per connection, not one per response."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._idle)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _idle(self) -> None:
        """Closes a connection on which nothing came for `timeout_keep_alive` seconds; otherwise looks again later."""
        self._idle_timer = None
        if self.transport.is_closing():
            return
        left_s = self.timeout_keep_alive
        if self._idle_since is not None:
            left_s -= self.loop.time() - self._idle_since  # type: ignore[assignment]
        if left_s <= 0:
            self.transport.close()
        else:
            self._idle_timer = self.loop.call_later(left_s, self._idle)


_answers: WeakKeyDictionary[Any, dict[tuple[bytes, bytes], Direct]] = WeakKeyDictionary()
"""By app: method and target to what answers them. As many as there are inference paths."""


class _Lent:
    """The ASGI extension: front.Connection of a request that went through uvicorn. Not to be used when something is
    pipelined behind it, because uvicorn's state then speaks of the newest request."""

    def __init__(self, connection: ListenerProtocol, lent: list[Request]) -> None:
        self._connection = connection
        self._lent = lent

    @property
    def shared(self) -> bool:
        return bool(self._connection.pipeline) or self._connection._request is not self._lent[0]

    def on_departure(self, callback: Callable[[], None] | None) -> None:
        self._lent[0].on_departure(callback)

    async def body(self, limit_bytes: int, timeout_s: float) -> bytes:
        return await self._lent[0].body(limit_bytes, timeout_s)

    def sink(self) -> ListenerSink:
        return self._lent[0].sink()


class _NoEvent:
    """For uvicorn's protocol, which sets its cycle's event: nobody waits for ours."""

    def set(self) -> None: ...

    def clear(self) -> None: ...


NO_EVENT = _NoEvent()


class Request:
    """One request on a connection: front.Connection, and what uvicorn's protocol asks of its cycle. `cycle` is uvicorn's own
    where the request went its way; without one (`own`) this object stands in for it."""

    __slots__ = (
        "_departure", "_limit", "_pieces", "_size", "_whole", "body_bytes", "connection", "cycle", "default_headers",
        "disconnected", "keep_alive", "message_event", "more_body", "on_response", "own", "response_complete",
        "response_started", "waiting_for_100_continue",
    )  # fmt: skip

    shared = False

    def __init__(self, connection: ListenerProtocol, cycle: RequestResponseCycle | None) -> None:
        self.connection = connection
        self.own = cycle is None
        self.cycle: Any = self if cycle is None else cycle
        self._departure: Callable[[], None] | None = None
        self._pieces: list[bytes] | None = [] if cycle is None else None
        self._size = 0
        self._limit = 0
        self._whole: asyncio.Future[None] | None = None
        self.disconnected = self.response_complete = self.response_started = False
        self.waiting_for_100_continue = False
        self.more_body = True
        if cycle is None:
            self.message_event = NO_EVENT
            self.default_headers = connection.server_state.default_headers
            self.keep_alive = connection.parser.should_keep_alive()
            self.on_response = connection.on_response_complete

    # --- the protocol's side ----------------------------------------------------------------------------------

    def take(self, piece: bytes) -> bool:
        """A piece of the body; False: not for us."""
        if self._pieces is None:
            return False
        if not self.cycle.response_complete:
            self._pieces.append(piece)
            self._size += len(piece)
            if self._limit and self._size > self._limit and self._whole is not None and not self._whole.done():
                self._whole.set_exception(too_large(self._limit))
        return True

    def ended(self) -> None:
        self.more_body = False
        if self._whole is not None and not self._whole.done():
            self._whole.set_result(None)

    def lost(self) -> None:
        self.disconnected = True
        if self._whole is not None and not self._whole.done():
            self._whole.set_exception(ClientGone())
        callback, self._departure = self._departure, None
        if callback is not None:
            callback()

    # --- front.Connection -------------------------------------------------------------------------------------

    def on_departure(self, callback: Callable[[], None] | None) -> None:
        """See front.Connection. A client that left before anybody listened is told at once."""
        self._departure = callback
        if callback is not None and (self.disconnected or self.cycle.disconnected):
            self._departure = None
            callback()

    async def body(self, limit_bytes: int, timeout_s: float) -> bytes:
        """See front.Connection."""
        cycle = self.cycle
        if self.disconnected or cycle.disconnected:
            raise ClientGone
        pieces = self._pieces
        if pieces is None:  # uvicorn has collected it so far
            pieces, cycle.body = [bytes(cycle.body)], bytearray()
            self._size = len(pieces[0])
            self.more_body = cycle.more_body
        self._pieces = None
        if self._size > limit_bytes:
            raise too_large(limit_bytes)
        if self.more_body:
            await self._rest(pieces, limit_bytes, timeout_s)
        cycle.message_event.clear()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _rest(self, pieces: list[bytes], limit_bytes: int, timeout_s: float) -> None:
        connection, cycle = self.connection, self.cycle
        if cycle.waiting_for_100_continue and not connection.transport.is_closing():
            connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            cycle.waiting_for_100_continue = False
        self._pieces, self._limit = pieces, limit_bytes
        whole = self._whole = connection.loop.create_future()
        alarm = connection.loop.call_later(timeout_s, _late, whole, timeout_s)
        connection.flow.resume_reading()
        try:
            await whole
        finally:
            alarm.cancel()
            self._pieces = self._whole = None

    def sink(self) -> ListenerSink:
        return ListenerSink(self.connection, self.cycle)


def _late(whole: asyncio.Future[None], timeout_s: float) -> None:
    if not whole.done():
        whole.set_exception(MalformedRequest(f"the request body did not arrive within {timeout_s:g} s"))


class _Flag:
    """What uvicorn uses of asyncio.Event, without the 700 bytes of its empty deque: a slow stream holds its connection for
    minutes, and a thousand of them are to fit."""

    __slots__ = ("_up", "_waiting")

    def __init__(self, *, up: bool = False) -> None:
        self._up = up
        self._waiting: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        return self._up

    def set(self) -> None:
        self._up = True
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)

    def clear(self) -> None:
        self._up = False

    async def wait(self) -> bool:
        if not self._up:
            one = asyncio.get_running_loop().create_future()
            self._waiting.append(one)
            await one
        return True


class _Line(list[Any]):
    """What uvicorn uses of a deque, for the same reason: requests that wait behind the one being answered."""

    __slots__ = ()

    def appendleft(self, one: Any) -> None:
        self.insert(0, one)


class ListenerSink:
    """`ports.Sink` on the connection itself. Bodies of unknown length are chunked; HTTP/1.0 clients get uvicorn's own rule:
    chunked as well, and the connection closed."""

    __slots__ = ("_cycle", "_flow", "_head", "_sized", "_transport", "cut", "finished", "started", "status")

    def __init__(self, connection: ListenerProtocol, cycle: RequestResponseCycle | Request) -> None:
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

    async def finish(self, last: bytes = b"") -> None:
        if not self.finished:
            if self._flow.write_paused and not self._cycle.disconnected:
                await self._flow.drain()
            end = b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last) if last else b"0\r\n\r\n"
            self._end(self._head + end if self._head else end)

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
