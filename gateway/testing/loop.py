"""`VirtualLoop`: an asyncio event loop whose time is virtual. Hours of silence pass in no time, in the order of their dates.

Whenever nothing is ready the loop jumps to its next timer, so `asyncio.sleep`, `asyncio.timeout` and `call_later` need no
patching: a whole gateway, its time limits included, runs as fast as its work takes and the same way every time. Work for
threads (`asyncio.to_thread`) is done at once, in the loop's own thread: threads know nothing of virtual time.

A loop on which nothing can happen any more, or that turns without time ever passing, raises `Stalled` instead of hanging.
With a `Network` (`gateway.testing.pipes`) its TCP connections stay in memory. The idea of a jumping clock is that of
TigerBeetle's simulator (docs/internals/vopr.md) and Trio's MockClock.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from gateway.ports import Clock
from gateway.testing.clock import START_S
from gateway.testing.pipes import MemoryTransport, Network

T = TypeVar("T")

TURNS_MAX = 1_000_000
"""Turns of the loop without time passing: a megabyte sent byte by byte needs less."""

REAL_WAIT_S = 5.0
"""Real seconds for which a loop without timers waits for a thread or a socket."""


class Stalled(RuntimeError):
    """Nothing can happen any more, or everything happens without end."""


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits while there is a timer: it moves the time instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        self.turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if timeout is None and not ready:
            ready = super().select(REAL_WAIT_S)
            if not ready:
                raise Stalled("nothing is ready, nothing is planned: whoever waits would wait for ever")
        elif timeout and timeout > 0 and not ready:
            self.now_s += timeout
            self.turns = 0
            return ready
        self.turns += 1
        if self.turns > TURNS_MAX:
            raise Stalled(f"{TURNS_MAX} turns of the event loop, and no time has passed")
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`network` None: connections are the machine's own."""

    def __init__(self, network: Network | None = None) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._network = network
        self._dialled: dict[socket.socket, Any] = {}

    def time(self) -> float:
        return self._jumping.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Done when it returns: deterministic, and no virtual time passes."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - handed to whoever awaits it, as an executor does
            done.set_exception(error)
        return done

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        if self._network is None:
            return await super().sock_connect(sock, address)
        self._dialled[sock] = await self._network.dial(address[0], address[1])

    async def create_connection(self, protocol_factory: Any, *args: Any, **more: Any) -> Any:
        """Of a socket that `sock_connect` connected, or to a host and port, as asyncio's own."""
        sock = more.get("sock")
        if self._network is None or (sock is None and not args):
            return await super().create_connection(protocol_factory, *args, **more)
        accept = self._dialled.pop(sock) if sock is not None else await self._network.dial(args[0], args[1])
        protocol = protocol_factory()
        transport: MemoryTransport = self._network.connect(self, protocol, accept, sock)
        return transport, protocol


class LoopClock:
    """Implements `ports.Clock` with the time of the loop it was made in, which on a `VirtualLoop` is virtual. The ledger's
    thread may ask it too."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now(self) -> float:
        return START_S + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run(work: Coroutine[Any, Any, T], *, network: Network | None = None) -> T:
    """`asyncio.run` on a virtual loop. Stalled when it cannot end."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(network)) as runner:
        return runner.run(work)


_: type[Clock] = LoopClock
