"""The model whose lane is most likely to succeed; of equals the cheapest."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config.routes import LearnedConfig
from gateway.ir.exchange import Exchange
from gateway.routing.strategies._proof import as_written, cheaper_first, unproven
from gateway.routing.strategies.contract import Offer, Ranking, Strategy


class Best:
    name = "best"
    title = "highest score, whatever it costs"

    def rank(self, exchange: Exchange, offers: Sequence[Offer], params: LearnedConfig) -> Ranking:
        why = unproven(exchange.labels.scores, params)
        if why:
            return as_written(offers, f"{why}, the route's order stands")
        scored = [o for o in offers if o.score is not None]
        if not scored:
            return as_written(offers, "no listed lane has a score, the route's order stands")
        order = sorted(cheaper_first(scored), key=lambda o: -(o.score or 0.0))
        order += [o for o in offers if o.score is None]
        said = f"{order[0].lane} {order[0].score:.2f} is the best score"
        return Ranking(tuple(o.model for o in order), said, order[1].model if len(order) > 1 else None, acted=True)


STRATEGY = Best()

_: Strategy = STRATEGY
