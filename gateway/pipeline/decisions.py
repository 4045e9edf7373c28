"""What the pipeline gives to a routing decision and keeps of it: the session's standing, prices, and the record."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.ir.exchange import Decision, Exchange, LaneName
from gateway.pipeline import tariffs
from gateway.pipeline.flight import Flight
from gateway.pipeline.runtime import Runtime
from gateway.ports import PriceBook
from gateway.routing import moves, tasks
from gateway.routing.decide import NO_MEANS, Means
from gateway.routing.moves import FRESH, Standing

ASK_CHARS = 4000
"""Of an ask, what is kept: as much as the classifier reads."""

_NONE = msgspec.Raw(b"\xc0")

_decode = msgspec.msgpack.Decoder(Standing | None).decode
_pack = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


def means(exchange: Exchange, raw: msgspec.Raw, runtime: Runtime, book: PriceBook) -> Means:
    """Nothing for a model asked for by name: no decision is made for it."""
    table = runtime.table
    if table.resolve(exchange.forced_model or exchange.model_asked) in table.endpoints:
        return NO_MEANS
    return Means(standing(raw), tariffs.prices(runtime, book, exchange.received_s, exchange.context_tokens))


def standing(raw: msgspec.Raw) -> Standing:
    """A missing or unreadable one is a fresh one: it is a cache of the past, never the truth about money."""
    if raw == _NONE:
        return FRESH
    try:
        return _decode(raw) or FRESH
    except msgspec.DecodeError:
        return FRESH


def standing_after(raw: msgspec.Raw, flight: Flight, lane: LaneName, *, belongs: bool) -> msgspec.Raw:
    """The session's standing once the call was answered. What a model asked for by name cost counts too."""
    cost = 0
    for hop in flight.hops:
        cost += hop.cost_usd_micros
    decision = flight.plan.decision if flight.plan is not None else None
    move = decision.move if decision is not None else None
    after = moves.after(
        standing(raw),
        flight.exchange,
        move,
        served=flight.served or "",
        lane=lane,
        cost_usd_micros=cost,
        belongs=belongs,
    )
    return msgspec.Raw(_pack(after))


class _Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the ledger keeps of a decision beside the row's own columns. `chance` is the probability with which the lane
    that served was chosen: 1 unless the route explores, and where another model than the chosen one served."""

    decision: Decision
    scores: dict[str, float] | None = None
    signals: dict[str, int] | None = None
    classifier: str = ""
    context_tokens: int = 0
    tools: bool = False
    images: bool = False
    lane_asked: str = ""
    ask: str = ""
    aged: bool = False
    """The scores are those of an earlier turn on the same ask."""
    chance: float = 1.0


def recorded(exchange: Exchange, decision: Decision, *, asks: bool = False, as_chosen: bool = True) -> dict[str, str]:
    """For `LedgerRow.extra`, as JSON text; signals only where they are not zero. `asks`: with the human's words, where
    something was decided on them. `as_chosen`: the model that was chosen has served."""
    labels = exchange.labels
    moved = decision.move is not None and decision.move.made
    kept = asks and (labels.call in ("main", "subagent") or moved)
    record = _Record(
        decision,
        labels.scores,
        {name: count for name, count in labels.signals.items() if count} if labels.signals else None,
        labels.version,
        exchange.context_tokens,
        bool(exchange.view.tools),
        exchange.has_images,
        exchange.forced_lane or "",
        tasks.ask_of(exchange.view, exchange.identity.harness)[:ASK_CHARS] if kept else "",
        labels.aged,
        decision.chance if as_chosen else 1.0,
    )
    return {"decision": _json(record).decode()}


def explained(decision: Decision) -> dict[str, Any]:
    """For `POST /v1/route`: every key, whatever its value."""
    move = decision.move
    return {
        "strategy": decision.strategy or None,
        "why": decision.why,
        "runner_up": decision.runner_up,
        "cache": decision.cache,
        "evidence": decision.evidence or None,
        "move": None if move is None else msgspec.structs.asdict(move),
        "switch_cost_usd": None if move is None or move.cost_usd_micros is None else move.cost_usd_micros / 1_000_000,
        "chance": decision.chance,
        "shadow": None if decision.shadow is None else msgspec.structs.asdict(decision.shadow),
    }
