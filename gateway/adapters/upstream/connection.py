"""One HTTP/1.1 connection to an upstream: an asyncio.Protocol around httptools, carrying one exchange at a time.

Built for the gateway's hot path: one future per wait, no task and no timer per request, body bytes collected by a C
function and joined once per wake-up, so that a burst of chunks becomes one write towards our client. Retries, pooling
and connecting are in `pool` and `lean`; nothing here opens a socket, so tests feed bytes to it directly.

httptools 0.9 (llhttp 9, strict) refuses by itself: bare LF, obs-fold, spaces before colons, bad chunk sizes, NUL,
duplicate or malformed content-length, content-length beside transfer-encoding. `messages.refuse_ambiguous` adds the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol, cast

import httptools

from gateway.adapters.upstream.decode import content_coding, decoded, gathered, without_coding
from gateway.adapters.upstream.messages import HEAD_LIMIT_BYTES, HEADERS_MAX, TELLING, refuse_ambiguous
from gateway.errors import Headers, Phase, UpstreamError, UpstreamProtocol, UpstreamTimeout
from gateway.ports import PouredBody, Take, Timeouts

HIGH_WATER_BYTES: Final = 256 * 1024
"""Body bytes waiting for a slow reader before the socket is left unread (plus one read, up to 256 KiB on uvloop)."""

_JOINED_WRITE_BYTES: Final = 64 * 1024  # up to here one copy is cheaper than a second write


class Stale(Exception):
    """A kept-alive connection was closed before any byte of the answer: nothing was answered, so sending again is right."""


class Owner(Protocol):
    """Who is told what becomes of a connection: the pool."""

    def released(self, connection: Connection) -> None:
        """It may carry another exchange."""

    def lost(self, connection: Connection) -> None:
        """It is closed; told exactly once for each connection that was made."""


class LeanReply(PouredBody):
    """One answer, from its head to its last byte. See `gateway.ports.UpstreamReply`."""

    __slots__ = (
        "_coding", "_complete", "_connection", "_error", "_pieces", "_raised", "_take_on", "_waiter", "headers", "status",
    )  # fmt: skip

    def __init__(self, connection: Connection, pieces: list[bytes]) -> None:
        self.status = 0
        self.headers: Headers = ()
        self._connection: Connection | None = connection
        self._pieces = pieces
        self._complete = False
        self._coding: bytes | None = None
        self._error: UpstreamError | Stale | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._take_on: Take | None = None
        self._raised: BaseException | None = None

    # --- the reader's side ---

    @property
    def complete(self) -> bool:
        return self._complete

    async def head(self) -> None:
        """Wait for status and headers. A cancelled wait aborts the connection: no one will read the answer."""
        while not self.status:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            except asyncio.CancelledError:
                await self.aclose()
                raise

    def chunks(self) -> AsyncIterator[bytes]:
        return self if self._coding is None else decoded(self, self._coding)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._complete:
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._take()

    async def pour(self, take: Take) -> bool:
        """See PouredBody. Bytes that are there already are given from the caller's task, later ones from the event loop."""
        while True:
            if self._pieces and not take(self._take()):
                return False
            if self._pieces:
                continue
            if self._complete:
                return True
            if self._error is not None:
                raise self._error
            self._take_on = take
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
                stopped = self._take_on is None
            finally:
                self._take_on = None
            if self._raised is not None:
                raise self._raised
            if stopped:
                return False

    async def read(self, limit_bytes: int) -> bytes:
        return await gathered(self.chunks(), limit_bytes)

    async def aclose(self) -> None:
        connection = self._connection
        if connection is not None:
            self.failed(UpstreamProtocol("the reply was closed before its end"))
            connection.abort()

    def _take(self) -> bytes:
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        if self._connection is not None:
            self._connection.drained()
        return data

    # --- the connection's side ---

    def begun(self, status: int, headers: Headers, coding: bytes | None) -> None:
        self.headers = headers if coding is None else without_coding(headers)
        self._coding = coding
        self.status = status

    def arrived(self) -> None:
        """Body bytes, or the head, have come."""
        take = self._take_on
        if take is None:
            self.wake()
        elif self._pieces:
            try:
                more = take(self._take())
            except BaseException as error:  # noqa: BLE001 - handed to the task that pours
                self._raised, more = error, False
            if not more:
                self._take_on = None
                self.wake()

    def completed(self) -> None:
        self._complete = True
        self._detach()

    def failed(self, error: UpstreamError | Stale) -> None:
        self._error = error
        self._detach()
        self.wake()

    def wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _detach(self) -> None:
        """Part from the connection, which may soon fill its list with someone else's body."""
        self._connection = None
        self._pieces = self._pieces.copy()


class Connection(asyncio.Protocol):
    """A connection; `start` sends a request over it and returns the reply to come."""

    __slots__ = (
        "_barren_bytes", "_bodiless", "_buffered_bytes", "_closed", "_done", "_done_pieces", "_excess", "_fault",
        "_first_byte_at", "_framing", "_headers", "_idle_s", "_interim", "_keep", "_loop", "_owner", "_parser", "_paused",
        "_pieces", "_read_bytes", "_reply", "_telling", "_timer", "_total_at", "_touched", "_transport", "idle_since",
        "on_body", "served",
    )  # fmt: skip

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._reply: LeanReply | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # looked up once by the parser: a C call per body piece
        self._parser: Any = httptools.HttpResponseParser(self)
        self._closed = False
        self._paused = False
        self.served = 0  # exchanges begun
        self.idle_since = 0.0
        self._reset(0.0, Timeouts())

    def _reset(self, now: float, timeouts: Timeouts) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._telling: Headers = ()
        self._fault: UpstreamProtocol | None = None
        self._bodiless = self._done = self._excess = self._interim = self._keep = False
        self._framing = ""
        self._barren_bytes = self._buffered_bytes = self._done_pieces = self._read_bytes = 0
        self._touched = now
        self._first_byte_at = now + timeouts.first_byte_s
        self._total_at = now + timeouts.total_s
        self._idle_s = timeouts.idle_s

    # --- for the pool and the client ---

    @property
    def usable(self) -> bool:
        """Open as far as the event loop knows, with no exchange."""
        transport = self._transport
        return not self._closed and self._reply is None and transport is not None and not transport.is_closing()

    def fileno(self) -> int:
        """The socket's descriptor, -1 when there is none."""
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        return sock.fileno() if sock is not None else -1

    def start(self, head: bytes, body: bytes, timeouts: Timeouts, *, is_head: bool = False) -> LeanReply:
        """Send a request; `is_head` for HEAD, whose answer has no body whatever its headers say."""
        transport = self._transport
        assert transport is not None and self._reply is None  # noqa: PT018
        now = self._loop.time()
        self._reset(now, timeouts)
        self._bodiless = is_head
        self.served += 1
        self._reply = reply = LeanReply(self, self._pieces)
        # The timer looks again at least every idle_s, so it need not be moved when the head arrives or bytes do.
        self._arm(now + min(timeouts.first_byte_s, timeouts.idle_s, timeouts.total_s))
        if len(body) <= _JOINED_WRITE_BYTES:
            transport.write(head + body)
        else:
            transport.writelines((head, body))
        return reply

    def abort(self) -> None:
        """Close at once, without flushing; whoever waits for the reply must have been told already."""
        if self._transport is not None:
            self._transport.abort()
        self._ended()

    def drained(self) -> None:
        """The reader took everything that was waiting."""
        self._buffered_bytes = 0
        if self._paused:
            self._resume()

    # --- asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape, not by descent

    def data_received(self, data: bytes) -> None:
        reply = self._reply
        if reply is None:  # bytes nobody asked for: whatever they are, the next answer cannot be told from them
            self.abort()
            return
        self._touched = self._loop.time()
        pieces = self._pieces
        before = len(pieces)
        self._read_bytes = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse("the upstream switched protocols without being asked")
        except httptools.HttpParserError as error:
            if self._fault is None and not self._done:
                self._refuse(f"the upstream's answer is not HTTP/1.1: {error}")
            self._excess = True
        if len(pieces) > before:
            self._barren_bytes = 0
            self._buffered_bytes += self._read_bytes
        else:
            self._barren_bytes += self._read_bytes
            if self._barren_bytes > HEAD_LIMIT_BYTES and not self._done:
                self._refuse(f"the upstream sent more than {HEAD_LIMIT_BYTES} bytes of headers or framing")
        if self._fault is not None:
            self.fail(self._fault)
        elif self._done:
            self._finish(reply)
        else:
            if reply.status:
                reply.arrived()
            if self._buffered_bytes > HIGH_WATER_BYTES and not self._paused and self._reply is not None:
                self._pause()

    def eof_received(self) -> None:
        # Handled here and not in connection_lost: with unsent request bytes that would wait for them to be flushed.
        self._peer_closed(None)
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer_closed(exc)

    # --- httptools ---

    def on_message_begin(self) -> None:
        if self._done:
            self._excess = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._framing:  # afterwards they are trailers, which nothing here needs
            pair = (name.lower(), value)
            self._headers.append(pair)
            if pair[0] in TELLING:
                self._telling += (pair,)

    def on_headers_complete(self) -> None:
        if self._done or self._fault is not None:
            return
        status: int = self._parser.get_status_code()
        headers = tuple(self._headers)
        if 100 <= status < 200 and status != 101:
            self._interim = True
            self._headers = []
            self._telling = ()
            return
        if status == 101:  # with upgrade headers the parser stops by itself, without them it takes this for the answer
            self._refuse("the upstream switched protocols without being asked")
            return
        if len(headers) > HEADERS_MAX or self._size_of(headers) > HEAD_LIMIT_BYTES:
            self._refuse(f"the upstream's reply head is over {HEADERS_MAX} headers or {HEAD_LIMIT_BYTES} bytes")
            return
        try:
            self._framing = refuse_ambiguous(self._telling, self._parser.get_http_version())
            assert self._reply is not None
            self._bodiless = self._bodiless or status in (204, 304)
            coding = None if self._bodiless else content_coding(self._telling)
            self._reply.begun(status, headers, coding)
        except UpstreamProtocol as error:
            self._fault = error
            return
        if self._bodiless and status not in (204, 304):  # HEAD: the parser would wait for a body
            self._done = True
            self._done_pieces = 0

    def _size_of(self, headers: Headers) -> int:
        """Names and values together; not counted one by one where the bytes read so far are within the limit anyway."""
        read_bytes = self._barren_bytes + self._read_bytes
        return 0 if read_bytes <= HEAD_LIMIT_BYTES else sum([len(name) + len(value) for name, value in headers])

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
        elif not self._done:
            self._done = True
            self._done_pieces = len(self._pieces)
            self._keep = self._parser.should_keep_alive()

    # --- endings ---

    def _refuse(self, message: str) -> None:
        self._fault = self._fault or UpstreamProtocol(message)

    def _finish(self, reply: LeanReply) -> None:
        transport = self._transport
        assert transport is not None
        self._reply = None
        del self._pieces[self._done_pieces :]  # what came after the end was parsed too, as another answer's body
        reply.completed()
        self._pieces.clear()
        reply.wake()
        if self._paused:
            self._resume()
        # Unsent request bytes: the upstream answered without reading them all, and would read the rest as a new request.
        if self._keep and not self._excess and not transport.is_closing() and transport.get_write_buffer_size() == 0:
            self.idle_since = self._touched
            self._owner.released(self)
        else:
            self.abort()

    def fail(self, error: UpstreamError | Stale) -> None:
        """Tell whoever waits for the reply, then close at once."""
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.failed(error)
        self.abort()

    def _peer_closed(self, exc: Exception | None) -> None:
        reply = self._reply
        if reply is None:
            pass
        elif reply.status:
            if self._framing == "close" and exc is None:
                self._reply = None
                reply.completed()
                reply.wake()
            else:
                self.fail(UpstreamProtocol("the upstream cut its answer short"))
        elif self.served > 1 and not self._barren_bytes:
            self.fail(Stale())
        else:
            self.fail(UpstreamProtocol("the upstream closed the connection without answering"))
        self._ended()

    def _ended(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._reply = None
        self._pieces.clear()
        self._parser = None  # it holds our bound methods: a cycle that would wait for the garbage collector
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._owner.lost(self)

    # --- time and pressure ---

    def _arm(self, when: float) -> None:
        """See that the timer fires at `when` at the latest; one that fires earlier just looks and goes back to sleep."""
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        reply = self._reply
        if reply is None or self._closed:
            return
        now = self._loop.time()
        phase: Phase = "total"
        deadline = self._total_at
        if not reply.status:
            phase, deadline = self._sooner(phase, deadline, "first_byte", self._first_byte_at)
        elif not self._paused:  # while our own reader is slow, silence is not the upstream's
            phase, deadline = self._sooner(phase, deadline, "idle", self._touched + self._idle_s)
        if now >= deadline:
            self.fail(timed_out(phase))
        else:
            self._arm(min(deadline, now + self._idle_s))

    @staticmethod
    def _sooner(phase: Phase, at: float, other: Phase, other_at: float) -> tuple[Phase, float]:
        return (other, other_at) if other_at < at else (phase, at)

    def _pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            self._paused = True

    def _resume(self) -> None:
        self._paused = False
        self._touched = self._loop.time()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


_SAID: Final[dict[Phase, str]] = {
    "connect": "no connection to the upstream in time",
    "first_byte": "the upstream did not begin to answer in time",
    "first_token": "the upstream did not produce a first token in time",
    "idle": "the upstream fell silent in the middle of its answer",
    "total": "the exchange with the upstream took too long",
}


def timed_out(phase: Phase) -> UpstreamTimeout:
    """Return the error for the limit that ran out, in the client's words."""
    return UpstreamTimeout(_SAID[phase], phase=phase)
