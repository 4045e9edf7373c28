"""Cheapest within the margin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.strategies.contract import Offer
from tests.unit.gateway.routing.strategies.offered import ranked
from tests.unit.gateway.routing.strategies.test_registry import LISTS


@pytest.mark.parametrize(
    ("margin", "expected"),
    [
        (0.03, ["flash", "opus", "box", "night"]),
        (0.1, ["box", "flash", "opus", "night"]),
        (0.0, ["opus", "flash", "box", "night"]),
    ],
)
def test_order(margin: float, expected: list[str]) -> None:
    assert ranked("cheapest", margin=margin) == expected


def test_lanes_without_scores_leave_the_order() -> None:
    assert ranked("cheapest", [Offer("b", "daemon", 5, None), Offer("a", "daemon", 1, None)]) == ["b", "a"]


@given(LISTS, st.floats(0, 1))
def test_the_cheapest_is_never_below_the_margin(
    made: list[tuple[str, int | None, float | None]], margin: float
) -> None:
    offers = [Offer(f"m{i}", lane, cost, score) for i, (lane, cost, score) in enumerate(made)]  # type: ignore[arg-type]
    scores = [o.score for o in offers if o.score is not None]
    first = next(o for o in offers if o.model == ranked("cheapest", offers, margin=margin)[0])
    if scores:
        assert first.score is not None
        assert first.score >= max(scores) - margin
