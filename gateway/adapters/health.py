"""Breakers and cool-downs of all endpoints, in this process: `routing.breaker` has the rules, this holds the values."""

from __future__ import annotations

from collections.abc import Callable

from gateway.ports import Clock, Health
from gateway.routing import breaker
from gateway.routing.breaker import Breaker, Outcome, Rules


class MemoryHealth:
    """`rules` is asked each time, so a reload takes effect at once; the values survive reloads."""

    def __init__(self, clock: Clock, rules: Callable[[], Rules]) -> None:
        self._clock = clock
        self._rules = rules
        self._breakers: dict[str, Breaker] = {}

    def status(self, model: str) -> tuple[bool, str]:
        known = self._breakers.get(model)
        return (True, "") if known is None else breaker.status(known, self._rules(), self._clock.monotonic())

    def started(self, model: str) -> int:
        known = self._breakers.get(model)
        if known is None:
            return breaker.NO_PROBE
        self._breakers[model], probe = breaker.started(known, self._rules(), self._clock.monotonic())
        return probe

    def ended(self, model: str, outcome: Outcome, *, probe: int) -> None:
        known = self._breakers.get(model)
        if known is None:
            if outcome != "failure":
                return
            known = Breaker()
        self._breakers[model] = breaker.ended(known, self._rules(), self._clock.monotonic(), outcome, probe=probe)

    def cooled(self, model: str, retry_after_s: float) -> None:
        known = self._breakers.get(model, Breaker())
        self._breakers[model] = breaker.cooled(known, self._clock.monotonic(), retry_after_s)


_: type[Health] = MemoryHealth
