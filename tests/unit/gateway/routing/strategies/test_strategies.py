"""Each strategy against a table of cases, and what holds for all of them, whoever wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.routes import LearnedConfig
from gateway.errors import ConfigError
from gateway.ir.exchange import Labels
from gateway.routing.strategies._proof import cheaper_first, unproven
from gateway.routing.strategies.contract import Offer
from gateway.routing.strategies.registry import all_strategies, strategy
from tests.unit.gateway.routing.made import exchange

PROVEN = {"certified": 1.0, "risk": 0.05, "gain": 0.1}
OFFERS = [
    Offer("opus", "frontier", 900, 0.90),
    Offer("flash", "mid", 90, 0.88),
    Offer("box", "local", 0, 0.80),
    Offer("night", "daemon", 0, None),
]


def ranked(
    name: str, offers: list[Offer] | None = None, scores: dict[str, float] | None = None, **params: float
) -> list[str]:
    made = exchange().labelled(Labels(scores=PROVEN if scores is None else scores))
    return list(all_strategies()[name].rank(made, offers or OFFERS, LearnedConfig(**params)).models)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "margin", "expected"),
    [
        ("cheapest", 0.03, ["flash", "opus", "box", "night"]),
        ("cheapest", 0.1, ["box", "flash", "opus", "night"]),
        ("cheapest", 0.0, ["opus", "flash", "box", "night"]),
        ("best", 0.1, ["opus", "flash", "box", "night"]),
        ("written", 0.1, ["opus", "flash", "box", "night"]),
    ],
)
def test_order(name: str, margin: float, expected: list[str]) -> None:
    assert ranked(name, margin=margin) == expected


@pytest.mark.parametrize("scores", [{}, {"certified": 0.0, "gain": 0.0}, {"certified": 1.0}, {**PROVEN, "risk": 0.2}])
@pytest.mark.parametrize("name", ["cheapest", "best"])
def test_where_nothing_is_proven_the_order_stands_and_the_reason_says_so(name: str, scores: dict[str, float]) -> None:
    made = exchange().labelled(Labels(scores=scores))
    found = all_strategies()[name].rank(made, OFFERS, LearnedConfig(margin=1))
    assert found.models == tuple(o.model for o in OFFERS)
    assert (found.acted, "the route's order stands" in found.why) == (False, True)


def test_the_risk_of_the_route_is_compared_with_what_was_proven() -> None:
    assert unproven(PROVEN, LearnedConfig(risk=0.05)) == ""
    assert unproven(PROVEN, LearnedConfig(risk=0.04)) == "the proven risk 0.05 is above 0.04"


def test_without_prices_lanes_tell_what_is_cheap() -> None:
    offers = [Offer("opus", "frontier", None, 0.9), Offer("box", "local", 500, 0.9), Offer("flash", "mid", 1, 0.9)]
    assert [o.model for o in cheaper_first(offers)] == ["box", "flash", "opus"]


def test_lanes_without_scores_leave_the_order() -> None:
    offers = [Offer("b", "daemon", 5, None), Offer("a", "daemon", 1, None)]
    assert ranked("cheapest", offers) == ranked("best", offers) == ["b", "a"]


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


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"routes\.a\.learned\.strategy: unknown strategy 'luck'; accepted: best, cheapest"
    ):
        strategy("luck", "routes.a.learned.strategy")
