"""Breakers and cool-downs of all endpoints: `routing.breaker` has the rules, this holds the values.

`MemoryHealth` is one process by itself. `SharedHealth` adds what the other processes learned: it answers from memory all
the same, tells its own values through the state store when they change, and asks for theirs once in `ASK_S`. So a model
that one worker found ill is left alone by all within a second, and no request ever waits for the store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from gateway.errors import GatewayError
from gateway.ports import Clock, Health, StateStore
from gateway.routing import breaker
from gateway.routing.breaker import Breaker, Outcome, Rules
from gateway.telemetry import LOG

NS = "health"

ASK_S = 0.5
SEATS = 64
"""Most processes that can share; one more keeps its own counsel."""
SEAT_TTL_S = 60.0
"""A process that is gone is heard for as long: longer than the usual window and opening, and past that its word is old."""

_log = logging.getLogger(LOG)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Breaker]).decode


class MemoryHealth:
    """`rules` is asked each time, so a reload takes effect at once; the values survive reloads."""

    def __init__(self, clock: Clock, rules: Callable[[], Rules]) -> None:
        self._rules = rules
        self._now = clock.monotonic
        self._breakers: dict[str, Breaker] = {}

    def status(self, model: str) -> tuple[bool, str]:
        known = self._breakers.get(model)
        return (True, "") if known is None else breaker.status(known, self._rules(), self._now())

    def started(self, model: str) -> int:
        known = self._breakers.get(model)
        if known is None:
            return breaker.NO_PROBE
        self._breakers[model], probe = breaker.started(known, self._rules(), self._now())
        return probe

    def ended(self, model: str, outcome: Outcome, *, probe: int) -> None:
        known = self._breakers.get(model)
        if known is None:
            if outcome != "failure":
                return
            known = Breaker()
        self._set(model, breaker.ended(known, self._rules(), self._now(), outcome, probe=probe))

    def cooled(self, model: str, retry_after_s: float) -> None:
        known = self._breakers.get(model, Breaker())
        self._set(model, breaker.cooled(known, self._now(), retry_after_s))

    def _set(self, model: str, value: Breaker) -> None:
        self._breakers[model] = value


class SharedHealth(MemoryHealth):
    """On the wall clock, because several processes (and machines, whose clocks NTP holds within milliseconds) have to mean
    the same moment. `run` does the telling and asking."""

    def __init__(self, clock: Clock, rules: Callable[[], Rules], state: StateStore) -> None:
        super().__init__(clock, rules)
        self._clock = clock
        self._now = clock.now
        self._state = state
        self._seat: str | None = None
        self._renewed_s = 0.0
        self._news = asyncio.Event()
        self._away = False

    def _set(self, model: str, value: Breaker) -> None:
        if value != self._breakers.get(model):
            self._breakers[model] = value
            self._news.set()

    async def run(self) -> None:
        """Until cancelled: tells when there is news, asks once in `ASK_S`."""
        while True:
            await self.exchange()
            await self._clock.sleep(ASK_S)

    async def exchange(self) -> None:
        """One round. A store that is away is no reason to stop: everybody goes by what they know."""
        try:
            await self._tell()
            await self._ask()
        except GatewayError as error:
            if not self._away:
                _log.warning("breakers are not shared for now: %s", error.message)
            self._away = True
        else:
            if self._away:
                _log.info("breakers are shared again")
            self._away = False

    async def _tell(self) -> None:
        now = self._now()
        if not self._news.is_set() and now - self._renewed_s < SEAT_TTL_S / 3:
            return
        self._news.clear()
        value = _encode(self._breakers)
        try:
            if self._seat is None:
                self._seat = await self._sit(value)
            if self._seat is not None:
                await self._state.put(NS, self._seat, value, SEAT_TTL_S)
        except GatewayError:
            self._news.set()
            raise
        self._renewed_s = now

    async def _sit(self, value: bytes) -> str | None:
        for seat in _SEATS:
            if await self._state.put_if_absent(NS, seat, value, SEAT_TTL_S):
                return seat
        _log.warning("over %d processes share this state store: this one keeps its breakers to itself", SEATS)
        return None

    async def _ask(self) -> None:
        told: dict[str, list[Breaker]] = {}
        for seat, raw in zip(_SEATS, await self._state.get_many(NS, _SEATS), strict=True):
            if raw is None or seat == self._seat:
                continue
            try:
                heard = _decode(raw)
            except msgspec.DecodeError:
                continue  # a process of another version
            for model, value in heard.items():
                told.setdefault(model, []).append(value)
        rules, now = self._rules(), self._now()
        for model, values in told.items():
            self._set(model, breaker.joined(self._breakers.get(model, Breaker()), values, rules, now))


_SEATS = [str(seat) for seat in range(SEATS)]

_: type[Health] = MemoryHealth
