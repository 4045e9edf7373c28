"""Takes new connections as fast as they come.

libuv, and so uvloop, accepts one or two connections per turn of the event loop. A turn under load lasts milliseconds, so 200
harness sub-agents that connect at once waited up to two seconds (measured: 2.03 s on uvloop, 0.04 s on asyncio, 5 ms turns)
while the server had nothing against them. Here one turn accepts up to `AT_ONCE`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

from gateway.telemetry import LOG

AT_ONCE: Final = 128
"""More wait for the next turn, so that streams under way are not held up."""

PAUSE_S: Final = 0.5
"""When the system has no descriptor or memory left: connections wait in the backlog meanwhile."""

_log = logging.getLogger(LOG)


class Acceptor:
    """What uvicorn needs of an asyncio server: `close`, `wait_closed`, `sockets`. `factory` makes the protocol of a new
    connection."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listening: socket.socket,
        factory: Callable[[], asyncio.Protocol],
        backlog: int,
    ) -> None:
        self._loop = loop
        self._listening = listening
        self._factory = factory
        self._backlog = backlog
        self._opening: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self.sockets = (listening,)

    def start(self) -> None:
        self._listening.setblocking(False)
        self._listening.listen(self._backlog)
        self._loop.add_reader(self._listening.fileno(), self._ready)

    def close(self) -> None:
        """Takes no more. Connections that are open stay open."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        elif self._listening.fileno() >= 0:
            self._loop.remove_reader(self._listening.fileno())

    async def wait_closed(self) -> None:
        """Connections that were being opened are."""
        if self._opening:
            await asyncio.wait(self._opening)

    def _ready(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.error("no new connection can be taken for %.1f s: %s", PAUSE_S, error)
                self._loop.remove_reader(self._listening.fileno())
                self._pause = self._loop.call_later(PAUSE_S, self._again)
                return
            connection.setblocking(False)
            opening = self._loop.create_task(self._open(connection))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    def _again(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening.fileno(), self._ready)

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, connection)
        except OSError as error:  # it is gone already
            _log.debug("a new connection was lost: %s", error)
            connection.close()
