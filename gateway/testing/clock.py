"""`ManualClock`: virtual time. It stands still until a test moves it, and wakes sleepers in the order of their times."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Coroutine
from typing import Any, TypeVar

from gateway.ports import Clock

T = TypeVar("T")

START_S = 1_770_000_000.0
"""2026-02-02T02:40:00Z: a plain moment, on which no vendor changes prices."""

SETTLE_TURNS = 40
"""Turns of the event loop in which work that waits for nothing outside comes to rest."""


class ManualClock:
    """Implements `ports.Clock`. `now` and `monotonic` move together; `monotonic` starts at 1000."""

    def __init__(self, now_s: float = START_S) -> None:
        self._start_s = now_s
        self._passed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._start_s + self._passed_s

    def monotonic(self) -> float:
        return 1000.0 + self._passed_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed_s + seconds, next(self._order), waiting))
        await waiting

    @property
    def next_s(self) -> float | None:
        """Seconds until the next sleeper is due; None when nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)  # cancelled meanwhile
        return self._sleepers[0][0] - self._passed_s if self._sleepers else None

    async def advance(self, seconds: float) -> None:
        """Lets `seconds` pass, stopping at each sleeper so that what it does happens at its own time."""
        end = self._passed_s + seconds
        await settle()
        while (step := self.next_s) is not None and self._passed_s + step <= end:
            self._passed_s += max(step, 0.0)
            _, _, waiting = heapq.heappop(self._sleepers)
            waiting.set_result(None)
            await settle()
        self._passed_s = end
        await settle()

    async def run(self, work: Coroutine[Any, Any, T], *, limit_s: float = 3600.0) -> T:
        """The result of `work`; whenever all is quiet, time jumps to the next sleeper. TimeoutError after `limit_s` of
        virtual time."""
        task = asyncio.get_running_loop().create_task(work)
        end = self._passed_s + limit_s
        try:
            while not task.done():
                await settle()
                # Threads (files, tokenizers) know nothing of virtual time: they get a moment of the real one.
                await asyncio.wait({task}, timeout=0.002)
                if task.done():
                    break
                if self._passed_s > end:
                    raise TimeoutError(f"not done after {limit_s:g} virtual seconds")
                await self.advance(self.next_s if self.next_s is not None else 0.01)
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


async def settle() -> None:
    """Lets everything that is ready run."""
    for _ in range(SETTLE_TURNS):
        await asyncio.sleep(0)


_: type[Clock] = ManualClock
