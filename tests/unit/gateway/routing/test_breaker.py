"""The breaker as a state machine: a table of stories, and what may never happen in any story."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.routing.breaker import (
    COOLDOWN_MAX_S,
    NO_PROBE,
    Breaker,
    Outcome,
    Rules,
    cooled,
    ended,
    joined,
    started,
    status,
)

RULES = Rules(failures=3, window_s=10.0, open_s=20.0, half_open_probes=1)


def opened(at_s: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(RULES.failures):
        breaker = ended(breaker, RULES, at_s, "failure")
    assert breaker.phase == "open"
    return breaker


@pytest.mark.parametrize(
    ("story", "phase"),
    [
        ([(0, "failure"), (1, "failure"), (2, "failure")], "open"),
        ([(0, "failure"), (1, "failure")], "closed"),
        ([(0, "failure"), (1, "failure"), (10, "failure")], "closed"),  # the first has left the window
        ([(0, "failure"), (1, "failure"), (1, "success"), (2, "failure")], "closed"),  # in a row, or it does not count
        ([(0, "failure"), (1, "failure"), (1, "neutral"), (2, "failure")], "open"),  # a client that left proves nothing
        ([(0, "neutral")] * 9, "closed"),
    ],
)
def test_what_opens_it(story: list[tuple[float, Outcome]], phase: str) -> None:
    breaker = Breaker()
    for now_s, outcome in story:
        breaker = ended(breaker, RULES, now_s, outcome)
    assert breaker.phase == phase


def test_while_open_nothing_starts_and_it_says_for_how_long() -> None:
    assert status(opened(), RULES, 5.0) == (False, "breaker open for another 15 s")


@pytest.mark.parametrize(("outcome", "phase"), [("success", "closed"), ("failure", "open"), ("neutral", "half_open")])
def test_the_probe_decides(outcome: Outcome, phase: str) -> None:
    assert status(opened(), RULES, 20.0) == (True, "probe")
    breaker, probe = started(opened(), RULES, 20.0)
    assert status(breaker, RULES, 20.0) == (False, "breaker half open, probe under way")
    breaker = ended(breaker, RULES, 21.0, outcome, probe=probe)
    assert breaker.phase == phase
    assert breaker.probes == 0
    assert status(breaker, RULES, 21.0)[0] is (outcome != "failure")


def test_a_call_begun_before_it_opened_changes_nothing_afterwards() -> None:
    breaker, probe = started(opened(), RULES, 20.0)
    assert probe != NO_PROBE
    for outcome in ("success", "failure", "neutral"):
        assert ended(breaker, RULES, 21.0, outcome) == breaker
    assert ended(opened(), RULES, 1.0, "success") == opened()


def test_a_probe_of_an_earlier_opening_says_nothing_about_this_one() -> None:
    rules = replace(RULES, half_open_probes=2)
    breaker, first = started(opened(), rules, 20.0)
    breaker, second = started(breaker, rules, 20.0)
    breaker = ended(breaker, rules, 21.0, "failure", probe=first)
    breaker, third = started(breaker, rules, 41.0)
    assert third not in (NO_PROBE, second)
    assert ended(breaker, rules, 42.0, "neutral", probe=second) == breaker


@pytest.mark.parametrize(
    ("asked_s", "at_s", "free"),
    [
        (5.0, 4.9, False),
        (5.0, 5.0, True),
        (-1.0, 0.0, True),
        (1e9, COOLDOWN_MAX_S - 1, False),
        (1e9, COOLDOWN_MAX_S, True),
    ],
)
def test_a_cool_down_is_bounded(asked_s: float, at_s: float, free: bool) -> None:
    assert status(cooled(Breaker(), 0.0, asked_s), RULES, at_s)[0] is free


def test_a_shorter_cool_down_does_not_lift_a_longer_one() -> None:
    assert cooled(cooled(Breaker(), 0.0, 60.0), 1.0, 1.0).cool_until_s == 60.0


def test_recovery_keeps_the_cool_down() -> None:
    breaker, probe = started(opened(), RULES, 20.0)
    breaker = ended(cooled(breaker, 20.0, 30.0), RULES, 21.0, "success", probe=probe)
    assert breaker.phase == "closed"
    assert not status(breaker, RULES, 22.0)[0]


class AnyStory(RuleBasedStateMachine):
    """Callers that ask first, callers that do not (a model asked for by name), and time."""

    def __init__(self) -> None:
        super().__init__()
        self.rules = Rules(failures=2, window_s=5.0, open_s=3.0, half_open_probes=2)
        self.breaker = Breaker()
        self.now_s = 0.0
        self.calls: list[int] = []

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 6.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(asks=st.booleans())
    def call(self, asks: bool) -> None:
        if asks and not status(self.breaker, self.rules, self.now_s)[0]:
            return
        phase = self.breaker.phase
        self.breaker, probe = started(self.breaker, self.rules, self.now_s)
        assert not (asks and phase != "closed" and probe == NO_PROBE), "who was let through while ill is a probe"
        self.calls.append(probe)

    @rule(data=st.data(), outcome=st.sampled_from(["success", "failure", "neutral"]))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        if self.calls:
            probe = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
            self.breaker = ended(self.breaker, self.rules, self.now_s, outcome, probe=probe)

    @rule(seconds=st.floats(-1.0, 1e6))
    def cool(self, seconds: float) -> None:
        self.breaker = cooled(self.breaker, self.now_s, seconds)

    @invariant()
    def never_more_probes_than_allowed(self) -> None:
        current = [probe for probe in self.calls if probe == self.breaker.openings and probe != NO_PROBE]
        if self.breaker.phase == "half_open":
            assert len(current) == self.breaker.probes <= self.rules.half_open_probes
        assert len(self.breaker.failed_at) < self.rules.failures
        assert self.breaker.cool_until_s <= self.now_s + COOLDOWN_MAX_S


TestAnyStory = AnyStory.TestCase
TestAnyStory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_joining_twice_changes_nothing():
    rules = Rules(failures=3, window_s=10.0)
    own, other = Breaker(failed_at=(1.0,)), Breaker(failed_at=(2.0,), cool_until_s=9.0)
    once = joined(own, [other], rules, 3.0)
    assert once == Breaker(failed_at=(1.0, 2.0), cool_until_s=9.0)
    assert joined(once, [other, own, once], rules, 3.0) == once


def test_the_newest_word_wins():
    rules = Rules(failures=3)
    opened = Breaker(phase="open", opened_at_s=5.0, openings=1)
    well = Breaker(good_at_s=8.0)
    assert joined(opened, [well], rules, 9.0).phase == "closed"
    assert joined(well, [opened], rules, 9.0) == well
    later = Breaker(phase="open", opened_at_s=8.5, openings=4)
    found = joined(well, [later], rules, 9.0)
    assert (found.phase, found.opened_at_s, found.openings) == ("open", 8.5, 1)
    half = Breaker(phase="half_open", opened_at_s=8.5, openings=1, probes=1)
    assert joined(half, [later], rules, 9.0).phase == "half_open", "its own probe is under way"


def test_old_failures_of_others_do_not_count():
    rules = Rules(failures=2, window_s=10.0)
    found = joined(Breaker(failed_at=(19.0,)), [Breaker(failed_at=(5.0,))], rules, 20.0)
    assert (found.phase, found.failed_at) == ("closed", (19.0,))
    assert joined(Breaker(failed_at=(19.0,)), [Breaker(failed_at=(18.0,))], rules, 20.0).phase == "open"
