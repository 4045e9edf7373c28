"""Offers and how a strategy ranks them."""

from __future__ import annotations

from typing import Any

from gateway.config.routes import LearnedConfig
from gateway.ir.exchange import Labels
from gateway.routing.strategies.contract import Offer
from gateway.routing.strategies.registry import all_strategies
from tests.unit.gateway.routing.made import exchange

PROVEN = {"certified": 1.0, "risk": 0.05, "gain": 0.1}
OFFERS = [
    Offer("opus", "frontier", 900, 0.90),
    Offer("flash", "mid", 90, 0.88),
    Offer("box", "local", 0, 0.80),
    Offer("night", "daemon", 0, None),
]


def ranked(
    name: str, offers: list[Offer] | None = None, scores: dict[str, float] | None = None, **params: Any
) -> list[str]:
    made = exchange().labelled(Labels(scores=PROVEN if scores is None else scores))
    found = all_strategies()[name].rank(made, offers or OFFERS, LearnedConfig(**params))
    return list(found.models)
