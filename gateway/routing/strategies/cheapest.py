"""The cheapest model whose lane comes within the route's margin of the best one's probability of success."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config.routes import LearnedConfig
from gateway.ir.exchange import Exchange
from gateway.routing.strategies._proof import as_written, cheaper_first, unproven
from gateway.routing.strategies.contract import Offer, Ranking, Strategy


class Cheapest:
    name = "cheapest"
    title = "cheapest model within the margin of the best score"

    def rank(self, exchange: Exchange, offers: Sequence[Offer], params: LearnedConfig) -> Ranking:
        """Behind the chosen one follow the others within the margin by cost, then the rest by score, then those without."""
        why = unproven(exchange.labels.scores, params)
        if why:
            return as_written(offers, f"{why}, the route's order stands")
        scored = [o for o in offers if o.score is not None]
        if not scored:
            return as_written(offers, "no listed lane has a score, the route's order stands")
        best = max(o.score or 0.0 for o in scored)
        floor = best - params.margin
        within = cheaper_first([o for o in scored if (o.score or 0.0) >= floor])
        below = sorted((o for o in scored if (o.score or 0.0) < floor), key=lambda o: -(o.score or 0.0))
        order = [*within, *below, *(o for o in offers if o.score is None)]
        chosen = order[0]
        said = f"{chosen.lane} {chosen.score:.2f} is within {params.margin:.2f} of the best {best:.2f} and the cheapest"
        return Ranking(tuple(o.model for o in order), said, order[1].model if len(order) > 1 else None, acted=True)


STRATEGY = Cheapest()

_: Strategy = STRATEGY
