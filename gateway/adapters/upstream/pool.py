"""Connections to one origin: reuse, opening, the bound on their number, and their end when idle."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import aiohappyeyeballs

from gateway.adapters.upstream.connection import Connection, timed_out
from gateway.adapters.upstream.messages import Origin
from gateway.errors import UpstreamConnect, UpstreamProtocol

# Only after this much silence is the socket itself asked: in a busy pool the event loop has just seen it.
_ASK_SOCKET_AFTER_S: Final = 1.0
_SECOND_ADDRESS_AFTER_S: Final = 0.25  # RFC 8305 section 5

_AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """`connections_max` per origin; further requests wait, at most their connect limit. `keep_s`: idle connections are
    closed after that; 55 s is below the 60 s at which common load balancers close theirs, so that we close first."""

    connections_max: int = 4096
    keep_s: float = 55.0


class OriginPool:
    """Belongs to one event loop. `ssl_context` is None for plain connections."""

    def __init__(
        self,
        name: str,
        origin: Origin,
        ssl_context: ssl.SSLContext | None,
        limits: PoolLimits,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.name = name
        self.origin = origin
        self._ssl_context = ssl_context
        self._limits = limits
        self._loop = loop
        self._live: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # by time; the newest is reused first, so that the rest may expire
        self._opening = 0
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def open_count(self) -> int:
        return len(self._live) + self._opening

    @property
    def idle_count(self) -> int:
        return len(self._idle)

    def reuse(self) -> Connection | None:
        """Return an idle connection that the peer has not closed, None when there is none."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.usable and self._quiet(connection):
                return connection
            connection.abort()
        return None

    def _quiet(self, connection: Connection) -> bool:
        idle_s = self._loop.time() - connection.idle_since
        if idle_s < _ASK_SOCKET_AFTER_S:
            return True
        if idle_s > self._limits.keep_s:
            return False
        # After a stall of the event loop a FIN may lie unread in the kernel. Readable means closed or unasked-for bytes.
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return not poll.poll(0)

    async def open(self, connect_s: float) -> Connection:
        """Return a new connection (at the bound: the next one that comes free) within `connect_s` seconds.

        Raises UpstreamConnect, or UpstreamTimeout(connect).
        """
        try:
            async with asyncio.timeout(connect_s):
                while self.open_count >= self._limits.connections_max:
                    given = await self._turn()
                    if given is not None and given.usable:
                        return given
                return await self._connect()
        except TimeoutError as error:
            raise timed_out("connect") from error

    async def _turn(self) -> Connection | None:
        """Wait for a connection to be handed over, or for leave to open one (None)."""
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # both happened: pass on what was given
                given = waiter.result()
                if given is not None:
                    self.released(given)
                else:
                    self._give_leave()
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            raise

    async def _connect(self) -> Connection:
        self._opening += 1
        connection = Connection(self, self._loop)
        try:
            await self._dial(connection)
            if self._closed:
                raise UpstreamConnect("the gateway is shutting down", origin=self.name)
        except (OSError, UnicodeError) as error:  # ssl.SSLError and socket.gaierror are OSErrors
            raise UpstreamConnect(f"cannot connect to the upstream: {_reason(error)}", origin=self.name) from error
        else:
            self._live.add(connection)
            return connection
        finally:
            self._opening -= 1
            if connection not in self._live:
                connection.abort()
                self._give_leave()

    async def _dial(self, connection: Connection) -> None:
        origin = self.origin
        server_name = origin.host if self._ssl_context is not None else None
        found = _literal(origin) or await self._loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        sock = await aiohappyeyeballs.start_connection(
            found, happy_eyeballs_delay=_SECOND_ADDRESS_AFTER_S, interleave=1, loop=self._loop
        )
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a prefill may be silent for minutes
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.create_connection(
                lambda: connection, sock=sock, ssl=self._ssl_context, server_hostname=server_name
            )
        except BaseException:
            sock.close()
            raise

    # --- told by connections ---

    def released(self, connection: Connection) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if self._closed:
            connection.abort()
            return
        self._idle[connection] = None
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(self._limits.keep_s, self._sweep)

    def lost(self, connection: Connection) -> None:
        if connection in self._live:
            self._live.discard(connection)
            self._idle.pop(connection, None)
            self._give_leave()

    def _give_leave(self) -> None:
        while self._waiters and self.open_count < self._limits.connections_max:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _sweep(self) -> None:
        """Close what has been idle too long; one timer per origin, not one per connection and use."""
        self._sweeper = None
        oldest_kept = self._loop.time() - self._limits.keep_s
        for connection in [idle for idle in self._idle if idle.idle_since <= oldest_kept]:
            connection.abort()
        if self._idle:
            oldest = next(iter(self._idle))
            self._sweeper = self._loop.call_at(oldest.idle_since + self._limits.keep_s + 0.01, self._sweep)

    def close(self) -> None:
        """Abort everything, including exchanges that are running."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._idle.clear()
        for waiter in self._waiters:
            waiter.cancel()
        for connection in list(self._live):
            connection.fail(UpstreamProtocol("the gateway closed its upstream connections"))


def _literal(origin: Origin) -> list[_AddressInfo]:
    """Spare an address literal the resolver's thread."""
    for family, rest in ((socket.AF_INET, ()), (socket.AF_INET6, (0, 0))):
        try:
            socket.inet_pton(family, origin.host)
        except OSError:
            continue
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (origin.host, origin.port, *rest))]
    return []


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate was not accepted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or error})"
    if isinstance(error, socket.gaierror):
        return "its name does not resolve"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
