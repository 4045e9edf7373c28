"""Breakers of all endpoints on a clock that the test moves."""

from __future__ import annotations

import pytest

from gateway.adapters.health import MemoryHealth, SharedHealth
from gateway.adapters.state.memory import MemoryState
from gateway.errors import StateUnavailable
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


class Together:
    """Two processes on one store and one clock."""

    def __init__(self, **rules: float) -> None:
        self.clock = ManualClock()
        self.rules = Rules(**{"failures": 4, "window_s": 10.0, "open_s": 20.0, **rules})  # type: ignore[arg-type]
        self.store = MemoryState(self.clock, 1 << 20)
        self.both = [SharedHealth(self.clock, lambda: self.rules, self.store) for _ in range(2)]

    async def exchange(self) -> None:
        for _ in range(2):
            for one in self.both:
                await one.exchange()


def fail(health: SharedHealth, times: int = 1) -> None:
    for _ in range(times):
        health.ended("m", "failure", probe=health.started("m"))


async def test_failures_of_all_processes_count_together() -> None:
    stage = Together()
    first, second = stage.both
    fail(first, 2)
    await stage.clock.advance(1)
    fail(second, 2)
    assert first.status("m")[0]
    await stage.exchange()
    assert not first.status("m")[0]
    assert not second.status("m")[0]


async def test_a_success_anywhere_takes_them_back() -> None:
    stage = Together()
    first, second = stage.both
    fail(first, 3)
    await stage.exchange()
    await stage.clock.advance(1)
    second.ended("m", "success", probe=second.started("m"))
    await stage.exchange()
    await stage.clock.advance(1)
    fail(first, 1)
    await stage.exchange()
    assert first.status("m")[0]
    assert second.status("m")[0]


async def test_an_open_breaker_and_its_end_are_everybodys() -> None:
    stage = Together()
    first, second = stage.both
    fail(first, 4)
    await stage.exchange()
    assert second.status("m") == (False, "breaker open for another 20 s")
    await stage.clock.advance(20)
    probe = second.started("m")
    assert probe
    second.ended("m", "success", probe=probe)
    await stage.exchange()
    assert first.status("m") == (True, "")


async def test_a_cool_down_is_everybodys() -> None:
    stage = Together()
    stage.both[0].cooled("m", 30)
    await stage.exchange()
    assert stage.both[1].status("m") == (False, "rate limited for another 30 s")


async def test_a_process_that_comes_later_is_told() -> None:
    stage = Together()
    stage.both[0].cooled("m", 30)
    await stage.both[0].exchange()
    late = SharedHealth(stage.clock, lambda: stage.rules, stage.store)
    await late.exchange()
    assert not late.status("m")[0]


async def test_a_store_that_is_away_costs_only_the_sharing(caplog: pytest.LogCaptureFixture) -> None:
    stage = Together()
    first, second = stage.both

    async def away(*_: object) -> object:
        raise StateUnavailable("away")

    real = stage.store.put_if_absent, stage.store.get_many
    stage.store.put_if_absent = stage.store.get_many = away  # type: ignore[assignment, method-assign]
    fail(first, 4)
    for _ in range(3):
        await first.exchange()
    assert not first.status("m")[0]
    assert caplog.text.count("not shared for now") == 1
    stage.store.put_if_absent, stage.store.get_many = real  # type: ignore[method-assign]
    await stage.exchange()
    assert not second.status("m")[0], "what could not be told is told later"


async def test_silence_when_nothing_happens() -> None:
    """The seat is kept, and that is all that is written."""
    stage = Together()
    first = stage.both[0]
    written = 0

    async def count(*_: object) -> None:
        nonlocal written
        written += 1

    await first.exchange()
    stage.store.put = count  # type: ignore[method-assign, assignment]
    for _ in range(10):
        await stage.clock.advance(0.5)
        await first.exchange()
    assert written == 0
    await stage.clock.advance(60)
    await first.exchange()
    assert written == 1


async def test_words_of_another_version_are_not_heard() -> None:
    stage = Together()
    await stage.store.put("health", "5", b"\xc1 not msgpack", 60)
    stage.both[0].cooled("m", 30)
    await stage.exchange()
    assert not stage.both[1].status("m")[0]
