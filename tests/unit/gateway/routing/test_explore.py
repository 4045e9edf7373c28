"""The lot falls as often as was asked for, on all alike, the same for the same request; and its probability is told truly."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.ir.exchange import Hop
from gateway.routing.explore import drawn

HOPS = [Hop("a", "local", ""), Hop("b", "local", ""), Hop("c", "frontier", "")]


def test_shares_come_out_as_asked() -> None:
    count = 20_000
    found = Counter(drawn(f"req_{number}", 0.3, HOPS)[0] for number in range(count))
    assert [found[place] / count for place in range(3)] == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


def test_the_probability_is_that_of_the_lane() -> None:
    told = {HOPS[place].lane: chance for place, chance in (drawn(f"r{n}", 0.3, HOPS) for n in range(200))}
    assert told == {"local": pytest.approx(0.9), "frontier": pytest.approx(0.1)}


def test_inverse_probabilities_weigh_to_the_number_of_draws() -> None:
    """What off-policy evaluation rests on: a lane's draws, each weighed by 1 / chance, count as all draws."""
    draws = [drawn(f"q{number}", 0.2, HOPS) for number in range(20_000)]
    for lane in ("local", "frontier"):
        weight = sum(1 / chance for place, chance in draws if HOPS[place].lane == lane)
        assert weight / len(draws) == pytest.approx(1.0, abs=0.05)


def test_the_same_request_draws_the_same() -> None:
    assert drawn("req_1", 0.5, HOPS) == drawn("req_1", 0.5, HOPS)


def test_all_and_nothing() -> None:
    assert {drawn(f"r{n}", 1.0, HOPS)[0] for n in range(100)} == {0, 1, 2}
    assert drawn("r", 1e-12, HOPS) == (0, pytest.approx(1.0))
