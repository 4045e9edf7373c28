"""Connections in memory: two asyncio transports, each end of which sees what a TCP connection would show it.

Keeps what matters for finding faults: order, one read per write, flow control in both directions (a reader that pauses
makes the writer's buffer grow), half-close, an orderly end after the last byte, and a reset that destroys what was not yet
read. Knows no HTTP. `Network` maps addresses to whoever listens and may refuse or let callers wait.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Accept = Callable[[], asyncio.BaseProtocol]
Rule = Callable[[str, int], Awaitable[None]]
"""Asked at each dial; raises an OSError to refuse, waits to let the caller wait."""

WINDOW_BYTES = 64 * 1024
"""What the machine would hold between two processes: bytes under way up to this do not count as the writer's buffer. As
much again may wait in that buffer before the writer is paused (asyncio's own high-water mark)."""


class MemoryTransport(asyncio.Transport):
    """One end. Made in pairs by `pair` or `Network.connect`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: Any,
        sock: socket.socket | None = None,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        super().__init__({"sockname": ("127.0.0.1", 0), "peername": ("127.0.0.1", 0)})
        self._window_bytes = window_bytes
        self._loop = loop
        self._protocol = protocol
        self._sock = sock
        self._probe: tuple[socket.socket, socket.socket] | None = None
        self._inbox: deque[bytes | None] = deque()  # None: the other end has finished writing
        self._inbox_bytes = 0
        self._reading = True
        self._scheduled = False
        self._write_paused = False
        self._closing = False  # nothing more may be written
        self._eof_sent = False
        self._lost = False
        self.peer: MemoryTransport
        self.bytes_out = 0
        """Bytes written so far, read by the other end or not."""

    # --- for the protocol -------------------------------------------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self if name == "socket" else super().get_extra_info(name, default)

    def fileno(self) -> int:
        """A descriptor that polls readable when the other end has sent something or has gone; -1 after the end."""
        if self._lost:
            return -1
        self._close_probe()
        self._probe = socket.socketpair()
        if self._inbox or self.peer._lost:
            self._probe[1].send(b"!")
        return self._probe[0].fileno()

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 0

    getpeername = getsockname

    def getsockopt(self, *_: Any) -> int:
        return 0

    def setsockopt(self, *_: Any) -> None: ...

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing or self._lost

    def is_reading(self) -> bool:
        return self._reading and not self.is_closing()

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._schedule()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return max(0, self.peer._inbox_bytes - self._window_bytes)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._window_bytes // 4, self._window_bytes

    def write(self, data: Any) -> None:
        if self.is_closing() or self._eof_sent or not data:
            return
        self.bytes_out += len(data)
        if self.peer._lost:  # the answer to bytes for nobody is a reset
            self._loop.call_soon(self._end, ConnectionResetError("connection reset by peer"))
            return
        self.peer._take(bytes(data))
        if self.get_write_buffer_size() > self._window_bytes and not self._write_paused:
            self._write_paused = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._eof_sent:
            self._eof_sent = True
            self.peer._take(None)

    def close(self) -> None:
        """What was written still arrives."""
        if self.is_closing():
            return
        self._closing = True
        self.write_eof()
        self._loop.call_soon(self._end, None)

    def abort(self) -> None:
        """What the other end has not read is lost to it."""
        if self._lost:
            return
        self._closing = True
        self.peer._inbox.clear()
        self.peer._inbox_bytes = 0
        self._loop.call_soon(self._end, None)
        self._loop.call_soon(self.peer._end, ConnectionResetError("connection reset by peer"))

    # --- between the two ends ---------------------------------------------------------------------------------

    def _take(self, data: bytes | None) -> None:
        self._inbox.append(data)
        self._inbox_bytes += len(data or b"")
        self._schedule()

    def _schedule(self) -> None:
        if self._inbox and self._reading and not self._scheduled and not self._lost:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        if self._lost or self._closing or not self._reading or not self._inbox:
            return
        data = self._inbox.popleft()
        if data is None:
            if not self._protocol.eof_received():
                self.close()
            return
        self._inbox_bytes -= len(data)
        self._protocol.data_received(data)
        self.peer._relieved()
        self._schedule()

    def _relieved(self) -> None:
        if self._write_paused and not self._lost and self.get_write_buffer_size() <= self._window_bytes // 4:
            self._write_paused = False
            self._protocol.resume_writing()

    def _end(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        self._inbox.clear()
        self._inbox_bytes = 0
        self._close_probe()
        if self._sock is not None:
            self._sock.close()
        protocol, self._protocol = self._protocol, None  # as asyncio's own: nothing is held after the end
        protocol.connection_lost(error)
        self.peer._relieved()

    def _close_probe(self) -> None:
        for end in self._probe or ():
            end.close()
        self._probe = None


def pair(
    loop: asyncio.AbstractEventLoop,
    here: Any,
    there: Any,
    sock: socket.socket | None = None,
    *,
    window_bytes: int = WINDOW_BYTES,
) -> tuple[MemoryTransport, MemoryTransport]:
    """The two ends of a connection between two protocols; `sock` is closed with the first."""
    one, other = MemoryTransport(loop, here, sock, window_bytes), MemoryTransport(loop, there, None, window_bytes)
    one.peer, other.peer = other, one
    there.connection_made(other)
    here.connection_made(one)
    return one, other


class Network:
    """Who listens where. `rule` is asked at each dial. An address nobody listens at refuses. `window_bytes`: see
    `WINDOW_BYTES`; a small one lets slow readers be felt early."""

    def __init__(self, rule: Rule | None = None, *, window_bytes: int = WINDOW_BYTES) -> None:
        self._window_bytes = window_bytes
        self._listening: dict[tuple[str, int], Accept] = {}
        self._rule = rule
        self._pairs: list[tuple[MemoryTransport, MemoryTransport]] = []

    def listen(self, host: str, port: int, accept: Accept) -> None:
        """`accept` makes the protocol of each connection."""
        self._listening[(host, port)] = accept

    async def dial(self, host: str, port: int) -> Accept:
        """Whoever listens there. OSError."""
        if self._rule is not None:
            await self._rule(host, port)
        accept = self._listening.get((host, port))
        if accept is None:
            raise ConnectionRefusedError(111, "Connection refused")
        return accept

    def connect(
        self, loop: asyncio.AbstractEventLoop, protocol: Any, accept: Accept, sock: socket.socket | None = None
    ) -> MemoryTransport:
        ends = pair(loop, protocol, accept(), sock, window_bytes=self._window_bytes)
        self._pairs = [held for held in self._pairs if not (held[0]._lost and held[1]._lost)]
        self._pairs.append(ends)
        return ends[0]

    @property
    def open_count(self) -> int:
        """Connections of which at least one end is open."""
        return sum(not (one._lost and other._lost) for one, other in self._pairs)
