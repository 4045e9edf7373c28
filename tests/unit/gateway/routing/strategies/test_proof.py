"""When scores may decide."""

from __future__ import annotations

import pytest

from gateway.config.routes import LearnedConfig
from gateway.ir.exchange import Labels
from gateway.routing.strategies._proof import cheaper_first, unproven
from gateway.routing.strategies.contract import Offer
from gateway.routing.strategies.registry import all_strategies
from tests.unit.gateway.routing.made import exchange
from tests.unit.gateway.routing.strategies.offered import OFFERS, PROVEN


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
