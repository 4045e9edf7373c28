"""One request in flight: its frozen exchange plus what changes while it runs (hops tried, bytes out, who is writing)."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, Protocol

import msgspec

from gateway.accounting.tally import Tally
from gateway.dialects.contract import ClientDialect, ReplyContext, StreamEncoder
from gateway.endpoints import Endpoint, Wire
from gateway.harnesses import registry
from gateway.ir.exchange import Exchange, HopRow, Outcome, Plan
from gateway.ir.request import Message, Request, Tool
from gateway.pipeline.guard import Guard
from gateway.ports import Clock, Sink, UpstreamReply
from gateway.sessions.state import NEW, SessionState

NOTHING_YET: Final = Tally()
"""Before the first attempt; nobody counts in it."""

HeaderList = list[tuple[bytes, bytes]]

STREAM_HEADERS: HeaderList = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


PACK_BYTES = 64 << 10
KEPT_BYTES_MAX = 32 << 20
"""What a very long answer takes on the wire; packed it is a twentieth of that."""


class Kept:
    """What the client was sent, for a stream that another hop may have to go on with."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._recent: list[bytes] = []
        self._recent_bytes = self._bytes = 0

    def add(self, data: bytes) -> None:
        if self.spoiled:
            return
        self._recent.append(data)
        self._recent_bytes += len(data)
        if self._recent_bytes >= PACK_BYTES:
            # Events repeat themselves: level 1 takes 1 ms per 64 KB and leaves a twentieth.
            self._packed.append(zlib.compress(b"".join(self._recent), 1))
            self._bytes += self._recent_bytes
            self._recent, self._recent_bytes = [], 0
            if self.spoiled:
                self._packed.clear()

    @property
    def spoiled(self) -> bool:
        """It was too much to be kept."""
        return self._bytes > KEPT_BYTES_MAX

    def data(self) -> bytes:
        return b"".join([*map(zlib.decompress, self._packed), *self._recent])


class Withheld(msgspec.Struct, frozen=True):
    """What was masked on the way to a model, by kind. `new`: what this session had not shown before."""

    kinds: Mapping[str, int]
    new: Mapping[str, int]


class Change(Protocol):
    """What a hop is asked instead of what the client asked."""

    def request(self, request: Request) -> Request: ...

    def body(self, body: bytes) -> bytes:
        """What only the encoded form can say."""


class Resuming(Protocol):
    """A stream that broke and is gone on with; see `continuation`."""

    joined: bool
    ttft_s: float | None

    def fits(self, endpoint: Endpoint) -> bool: ...

    def wire(self, endpoint: Endpoint, usual: Wire) -> Wire: ...

    def change(self, wire: Wire) -> Change: ...

    def encoder(self, flight: Flight, wire: Wire) -> StreamEncoder: ...


class Flight(msgspec.Struct, eq=False):
    """`begun` = content reached the client: from then on no other hop may be tried. `losses` are request fields the served
    hop had no word for. `attempt_at`: when the attempt under way began, None while there is none.
    `terminal` is the event that ended the reply, kept for stored responses. `kept` is what was sent, where the route wants a
    broken stream to be gone on with, `resuming` the one that is, and `stall_s` the silence that counts as broken (0: the
    endpoint's own limit). `leaks` is what was kept back, by model. `on_content` is told
    once when the first content is there; `beaten`: another hop had it first, and this one must not deliver any more."""

    exchange: Exchange
    dialect: ClientDialect
    sink: Sink
    clock: Clock
    started_at: float
    state: SessionState = NEW
    stored_state: bytes | None = None
    plan: Plan | None = None
    hops: list[HopRow] = []
    tally: Tally = msgspec.field(default_factory=lambda: NOTHING_YET)
    outcome: Outcome = "error"
    status: int = 500
    error: str | None = None
    begun: bool = False
    ttft_s: float | None = None
    upstream_s: float = 0.0
    served: str | None = None
    attempt_at: float | None = None
    losses: tuple[str, ...] = ()
    reply_bytes: int = 0
    terminal: bytes = b""
    reply: UpstreamReply | None = None
    rest: AsyncIterator[bytes] | None = None
    ending: Callable[[bytes], bytes] | None = None
    whole: bytes = b""
    headers: HeaderList = []
    last_write: float = 0.0
    keepalive: bool = False
    kept: Kept | None = None
    resuming: Resuming | None = None
    stall_s: float = 0.0
    on_content: Callable[[], None] | None = None
    beaten: bool = False
    guard: Guard | None = None
    added: tuple[str, ...] = ()
    """Text of hooks that goes behind the conversation, at every hop."""
    leaks: Mapping[str, Withheld] = msgspec.field(default_factory=dict)
    _request: Request | None = None
    _writing: bool = False
    _unsent: bytes = b""
    _waiting: Awaitable[None] | None = None
    _pinging: asyncio.Future[None] | None = None

    @property
    def committed(self) -> bool:
        """Content of the hop that serves is out: no other hop can take over unnoticed."""
        return self.begun and (self.resuming is None or self.resuming.joined)

    def encoder(self, wire: Wire) -> StreamEncoder:
        """Of the client's stream: a new one, or one that goes on with what is there."""
        if self.resuming is not None:
            return self.resuming.encoder(self, wire)
        return self.dialect.stream_encoder(self.context())

    def request(self) -> Request:
        """The neutral form, decoded once and only when some hop needs it."""
        if self._request is None:
            self._request = self.dialect.decode_request(self.exchange.body)
        return self._request

    def context(self) -> ReplyContext:
        request = self.request()
        tools = [t for t in request.tools if isinstance(t, Tool)]
        return ReplyContext(
            reply_id=self.exchange.request_id.removeprefix("req_"),
            model=self.exchange.model_asked,
            created_s=int(self.exchange.received_s),
            include_usage=self.exchange.view.include_usage,
            input_tokens_estimate=self.exchange.context_tokens,
            custom_tools=frozenset(t.name for t in tools if t.kind == "custom"),
            namespaces=_namespaces(tools),
            request=request,
        )

    @property
    def asked_again(self) -> tuple[Message, ...]:
        """What follows the client's messages: turns of the model that were refused whole, and why."""
        return self.guard.again if self.guard is not None else ()

    @property
    def called(self) -> bool:
        """A tool call has reached the client (held ones have not)."""
        if self.guard is not None:
            return any(not ruling.gone for ruling in self.guard.rulings)
        return bool(self.tally.tool_calls)

    # --- towards the client -----------------------------------------------------------------------------------

    async def open_stream(self) -> None:
        if not self.sink.started:
            self.status = 200
            await self.sink.start(200, STREAM_HEADERS + self.headers)

    async def write(self, data: bytes) -> None:
        """Stream bytes; waits for a keep-alive under way so that events never mix."""
        if self._pinging is not None:
            await self._pinging
        self._writing = True
        try:
            await self.open_stream()
            await self.sink.write(data)
        finally:
            self._writing = False
        self.reply_bytes += len(data)
        self.last_write = self.clock.monotonic()

    async def finish(self, data: bytes = b"") -> None:
        """`write`, and the end of the stream with it."""
        if self._pinging is not None:
            await self._pinging
        self._writing = True
        try:
            await self.open_stream()
            await self.sink.finish(data)
        finally:
            self._writing = False
        self.reply_bytes += len(data)
        self.last_write = self.clock.monotonic()

    def push(self, data: bytes) -> bool:
        """`write` at once, without a task; False: `settle` must be awaited before anything else is written."""
        if self._pinging is not None or not self.sink.started:
            self._unsent = data
            return False
        waiting = self.sink.push(data)
        if waiting is not None:
            self._writing, self._waiting, self._unsent = True, waiting, data
            return False
        self.reply_bytes += len(data)
        self.last_write = self.clock.monotonic()
        return True

    async def settle(self) -> None:
        """Finishes what `push` could not; nothing to do is fine."""
        data, self._unsent = self._unsent, b""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            try:
                await waiting
            finally:
                self._writing = False
            self.reply_bytes += len(data)
            self.last_write = self.clock.monotonic()
        elif data:
            await self.write(data)

    @property
    def quiet(self) -> bool:
        """Nobody writes, so a keep-alive may."""
        return self.keepalive and not self._writing and self._pinging is None

    async def ping(self) -> None:
        """A keep-alive, if nobody writes. Commits the headers, not the hop: no content is out yet."""
        if not self.quiet:
            return
        self._pinging = asyncio.get_running_loop().create_future()
        try:
            await self.open_stream()
            exchange = self.exchange
            own = registry.keepalive(exchange.identity.harness, exchange.dialect)
            await self.sink.write(own or self.dialect.keepalive)
            self.last_write = self.clock.monotonic()
        finally:
            self._pinging.set_result(None)
            self._pinging = None


def _namespaces(tools: list[Tool]) -> Mapping[str, str]:
    return {t.name: t.namespace for t in tools if t.namespace}
