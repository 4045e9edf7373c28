"""The highest score first."""

from gateway.routing.strategies.contract import Offer
from tests.unit.gateway.routing.strategies.offered import ranked


def test_order() -> None:
    assert ranked("best") == ["opus", "flash", "box", "night"]


def test_of_equals_the_cheapest() -> None:
    offers = [Offer("dear", "mid", 9, 0.5), Offer("cheap", "mid", 1, 0.5), Offer("weak", "local", 0, 0.4)]
    assert ranked("best", offers) == ["cheap", "dear", "weak"]


def test_lanes_without_scores_leave_the_order() -> None:
    assert ranked("best", [Offer("b", "daemon", 5, None), Offer("a", "daemon", 1, None)]) == ["b", "a"]
