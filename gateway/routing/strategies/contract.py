"""What a strategy gets and gives. A strategy orders the models it is given and never adds one; `routing.plan` drops whatever
was not among them, whoever wrote the strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gateway.config.routes import LearnedConfig
from gateway.ir.exchange import Exchange, LaneName

LANE_RANK: dict[LaneName, int] = {"daemon": 0, "local": 0, "mid": 1, "frontier": 2}
"""From weak to strong. The daemon lane has no score of its own: it is for those who do not wait, not for what is hard."""


class Offer(msgspec.Struct, frozen=True):
    """One eligible model. `cost_usd_micros` is what the rest of the session is expected to cost on it, None where a price is
    not known. `score` is its lane's probability of success, None for a lane without one."""

    model: str
    lane: LaneName
    cost_usd_micros: int | None
    score: float | None


class Ranking(msgspec.Struct, frozen=True):
    """`models` in order, best first. `runner_up` is whom the first one was preferred to. `acted`: the scores chose;
    otherwise the order is the route's and `why` says what was missing."""

    models: tuple[str, ...]
    why: str
    runner_up: str | None = None
    acted: bool = False


class Strategy(Protocol):
    """`rank` is pure, takes well under a tenth of a millisecond for eight offers, and gets at least one."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    def rank(self, exchange: Exchange, offers: Sequence[Offer], params: LearnedConfig) -> Ranking: ...
