"""The order in which the route lists its models, whatever the scores say: to be compared with, in `shadow` and replays."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config.routes import LearnedConfig
from gateway.ir.exchange import Exchange
from gateway.routing.strategies._proof import as_written
from gateway.routing.strategies.contract import Offer, Ranking, Strategy


class Written:
    name = "written"
    title = "the order of `to`"

    def rank(self, exchange: Exchange, offers: Sequence[Offer], params: LearnedConfig) -> Ranking:
        return as_written(offers, "the route's order stands")


STRATEGY = Written()

_: Strategy = STRATEGY
