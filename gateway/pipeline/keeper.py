"""Keeps silent streams alive: one ticker for all requests instead of a timer for each.

Local prefill on a GB10 box can take minutes without a byte; Claude Code gives up after 300 s, proxies often after 60.
"""

from __future__ import annotations

import asyncio
import logging

from gateway.pipeline.flight import Flight
from gateway.ports import Clock
from gateway.telemetry import LOG

TICK_S = 1.0

_log = logging.getLogger(LOG)


class Keeper:
    """Holds the streaming flights. `silence_s` of quiet on the client's side gets a keep-alive in its dialect."""

    def __init__(self, clock: Clock, silence_s: float) -> None:
        self._clock = clock
        self.silence_s = silence_s
        self._flights: dict[int, Flight] = {}
        self._pings: set[asyncio.Task[None]] = set()

    def add(self, flight: Flight) -> None:
        flight.last_write = self._clock.monotonic()
        self._flights[id(flight)] = flight

    def remove(self, flight: Flight) -> None:
        self._flights.pop(id(flight), None)

    async def run(self) -> None:
        """Ticks until cancelled."""
        while True:
            await self._clock.sleep(min(TICK_S, self.silence_s / 2))
            self.tick()

    def tick(self) -> None:
        """Begins what is due. A slow reader blocks its own ping only, and gets no second one meanwhile (`Flight.ping`)."""
        due = self._clock.monotonic() - self.silence_s
        for flight in self._flights.values():
            if flight.last_write <= due and flight.quiet:
                task = asyncio.ensure_future(self._ping(flight))  # noqa: TID251 - held until it ends
                self._pings.add(task)
                task.add_done_callback(self._pings.discard)

    async def _ping(self, flight: Flight) -> None:
        try:
            await flight.ping()
        except OSError:
            _log.debug("keep-alive of %s: the client is gone", flight.exchange.request_id)
