"""The order of the route."""

from tests.unit.gateway.routing.strategies.offered import OFFERS, ranked


def test_scores_change_nothing() -> None:
    assert ranked("written", margin=1) == [o.model for o in OFFERS]
