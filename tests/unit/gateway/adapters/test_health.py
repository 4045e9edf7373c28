"""Breakers of all endpoints on a clock that the test moves."""

from __future__ import annotations

from gateway.adapters.health import MemoryHealth
from gateway.routing.breaker import NO_PROBE, Rules
from gateway.testing.clock import ManualClock


class Stage:
    def __init__(self) -> None:
        self.clock, self.rules = ManualClock(), Rules(failures=2, window_s=10.0, open_s=20.0)
        self.health = MemoryHealth(self.clock, lambda: self.rules)

    def fail(self, model: str, times: int = 1) -> None:
        for _ in range(times):
            self.health.ended(model, "failure", probe=self.health.started(model))


async def test_one_model_falls_ill_alone_and_comes_back_by_its_probe() -> None:
    stage = Stage()
    stage.fail("a", 2)
    assert stage.health.status("a") == (False, "breaker open for another 20 s")
    assert stage.health.status("b") == (True, "")
    await stage.clock.advance(20.0)
    probe = stage.health.started("a")
    assert probe != NO_PROBE
    assert not stage.health.status("a")[0]
    stage.health.ended("a", "success", probe=probe)
    assert stage.health.status("a") == (True, "")


async def test_failures_leave_the_window() -> None:
    stage = Stage()
    stage.fail("a")
    await stage.clock.advance(10.0)
    stage.fail("a")
    assert stage.health.status("a")[0]


async def test_a_rate_limit_cools_a_model_that_never_failed() -> None:
    stage = Stage()
    stage.health.cooled("a", 5.0)
    assert stage.health.status("a") == (False, "rate limited for another 5 s")
    await stage.clock.advance(5.0)
    assert stage.health.status("a") == (True, "")


def test_new_rules_take_effect_at_once_and_values_stay() -> None:
    stage = Stage()
    stage.fail("a")
    stage.rules = Rules(failures=1)
    stage.fail("a")
    assert not stage.health.status("a")[0]


def test_models_that_never_failed_cost_no_memory() -> None:
    stage = Stage()
    for outcome in ("success", "neutral"):
        stage.health.ended("a", outcome, probe=stage.health.started("a"))  # type: ignore[arg-type]
    assert stage.health._breakers == {}
