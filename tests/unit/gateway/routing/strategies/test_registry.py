"""What is found, and what holds for every strategy, whoever wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.routing.strategies.contract import Offer
from gateway.routing.strategies.registry import all_strategies, strategy
from tests.unit.gateway.routing.strategies.offered import ranked

LANES = st.sampled_from(["local", "mid", "frontier", "daemon"])
SCORE = st.none() | st.floats(0, 1)
LISTS = st.lists(st.tuples(LANES, st.none() | st.integers(0, 10**9), SCORE), min_size=1, max_size=8)


@given(LISTS, st.sampled_from(sorted(all_strategies())), st.floats(0, 1), st.sampled_from([0.0, 1.0]))
def test_no_strategy_invents_or_loses_a_candidate(
    made: list[tuple[str, int | None, float | None]], name: str, margin: float, certified: float
) -> None:
    offers = [Offer(f"m{i}", lane, cost, score) for i, (lane, cost, score) in enumerate(made)]  # type: ignore[arg-type]
    found = ranked(name, offers, {"certified": certified, "risk": 0.01}, margin=margin)
    assert sorted(found) == sorted(o.model for o in offers)


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"routes\.a\.learned\.strategy: unknown strategy 'luck'; accepted: best, cheapest"
    ):
        strategy("luck", "routes.a.learned.strategy")
