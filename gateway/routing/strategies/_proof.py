"""When scores may decide, and how offers compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.config.routes import LearnedConfig
from gateway.routing.strategies.contract import LANE_RANK, Offer, Ranking


def unproven(scores: Mapping[str, float] | None, params: LearnedConfig) -> str:
    """Why the scores may not decide; "" if they may. `certified` and `risk` come with the scores: a Clopper-Pearson bound on
    how often the local lane fails where the frontier would not (docs/reference/classifier.md)."""
    if not scores:
        return "no scores"
    if not scores.get("certified"):
        return "nothing is proven for this request"
    proven = scores.get("risk", 1.0)
    if proven > params.risk:
        return f"the proven risk {proven:.2f} is above {params.risk:.2f}"
    return ""


def as_written(offers: Sequence[Offer], why: str) -> Ranking:
    return Ranking(tuple(o.model for o in offers), why)


def cheaper_first(offers: Sequence[Offer]) -> list[Offer]:
    """By expected cost; by lane where a price is not known, because an unknown price is not a low one. Ties keep the route's
    order."""
    if any(o.cost_usd_micros is None for o in offers):
        return sorted(offers, key=lambda o: LANE_RANK[o.lane])
    return sorted(offers, key=lambda o: o.cost_usd_micros or 0)
