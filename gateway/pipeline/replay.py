"""A team's own ledger through another configuration: what would have gone elsewhere, at what cost and risk.

Nothing is called. The ledger has no request's text, so calls keep the labels, scores and signals they were given then, and
their own tokens. What a changed configuration decides (routes, learned choices, moves and their budget) is decided by the
same code as in a running gateway, with each session's binding, caches and spending simulated. Left out, because a row does
not have it: names of the tools on offer, names of keys, and what models were ill. A model is taken to answer with as many
tokens as the one that did.

Intervals are bootstrapped over sessions, not calls: the calls of one session are no independent evidence.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from gateway.accounting.cost import Pricing, cost_of
from gateway.dialects.registry import by_name
from gateway.errors import GatewayError
from gateway.ir.exchange import Exchange, Identity, Labels, LedgerRow, Session
from gateway.ir.usage import Usage
from gateway.pipeline import tariffs
from gateway.pipeline.runtime import Runtime
from gateway.ports import PriceBook
from gateway.routing import moves
from gateway.routing.decide import CONVERSATION_CALLS, Means
from gateway.routing.plan import plan

RESAMPLES: Final = 1000
INTERVAL: Final = (0.025, 0.975)

_PLAIN: Final = b'{"model":"auto","messages":[{"role":"user","content":"x"}]}'
_TOOLS: Final = _PLAIN[:-1] + b',"tools":[{"type":"function","function":{"name":"t"}}]}'


class _Record(msgspec.Struct):
    scores: dict[str, float] | None = None
    signals: dict[str, int] | None = None
    classifier: str = ""
    context_tokens: int = 0
    tools: bool = False
    images: bool = False
    lane_asked: str = ""


_decode = msgspec.json.Decoder(_Record).decode


@dataclass(frozen=True, slots=True)
class Call:
    """One call then and now. `was`/`would` are models ("" where the configuration has no answer), money in micro-dollars,
    `risk` how much less likely success is (None: no scores)."""

    session: str
    was: str
    was_lane: str
    would: str
    would_lane: str
    was_usd_micros: int
    would_usd_micros: int
    risk: float | None
    route: str
    why: str
    at_ask: bool
    seen: float | None = None
    """How the decision turned out, 0 to 1, where that was seen."""

    @property
    def moves(self) -> bool:
        return self.was != self.would


@dataclass(frozen=True, slots=True)
class Interval:
    value: float
    low: float
    high: float


@dataclass(slots=True)
class Report:
    """`skipped` counts rows that are no decision of `auto`, by reason. `cost_pct` is the change of cost in percent,
    `moved_pct` the share of calls that would go elsewhere, `success_points` the change of expected success in percentage
    points over the `scored` human asks; None where there is nothing to divide by."""

    calls: list[Call] = field(default_factory=list)
    sessions: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    first_s: float = 0.0
    last_s: float = 0.0
    was_usd_micros: int = 0
    would_usd_micros: int = 0
    unpriced: int = 0
    scored: int = 0
    cost_pct: Interval | None = None
    moved_pct: Interval | None = None
    success_points: Interval | None = None


@dataclass(slots=True)
class _State:
    """A session as it would be."""

    bound: str | None = None
    turns: int = 0
    standing: moves.Standing = moves.FRESH
    private: tuple[str, ...] = ()


def replay(
    rows: Iterable[LedgerRow], runtime: Runtime, book: PriceBook, seen: Mapping[str, float] | None = None
) -> Report:
    """`rows` in order of time. `seen`: request id to how its decision turned out."""
    report, states = Report(), dict[str, _State]()
    for row in rows:
        why = _skipped(row)
        if why:
            report.skipped[why] += 1
            continue
        state = states.setdefault(row.session, _State())
        call, priced = _again(row, runtime, book, state, (seen or {}).get(row.request_id))
        report.calls.append(call)
        report.unpriced += not priced
        report.first_s = report.first_s or row.at_s
        report.last_s = row.at_s
    report.sessions = len({call.session for call in report.calls})
    report.was_usd_micros = sum(c.was_usd_micros for c in report.calls)
    report.would_usd_micros = sum(c.would_usd_micros for c in report.calls)
    report.scored = sum(c.risk is not None and c.at_ask for c in report.calls)
    _intervals(report)
    return report


def _skipped(row: LedgerRow) -> str:
    if row.route in ("named", "embeddings", ""):
        return "no decision (asked for by name)"
    if row.outcome not in ("ok", "client_left") or row.usage.source == "none":
        return "not answered"
    return ""


def _again(row: LedgerRow, runtime: Runtime, book: PriceBook, state: _State, seen: float | None) -> tuple[Call, bool]:
    """The call as it would be decided now, and whether its price is known. Moves the simulated session on."""
    exchange = _exchange(row, state)
    prices = tariffs.prices(runtime, book, row.at_s, exchange.context_tokens)
    try:
        made, _ = plan(exchange, runtime.table, lambda _: (True, ""), Means(state.standing, prices))
    except GatewayError as error:
        return _call(row, "", "", 0, None, "", error.text(), seen), True
    hop = made.hops[0]
    cost, priced = _cost(row, hop.model, runtime, book, state.standing)
    belongs = row.call in CONVERSATION_CALLS
    move = made.decision.move if made.decision is not None else None
    state.standing = moves.after(
        state.standing, exchange, move, served=hop.model, lane=hop.lane, cost_usd_micros=cost, belongs=belongs
    )
    state.bound = hop.model if belongs else state.bound
    state.turns += 1
    state.private = tuple({*state.private, *(t for t in row.tags if t in runtime.table.private)})
    return _call(row, hop.model, hop.lane, cost, _risk(row, hop.lane), made.route, made.reason, seen), priced


def _call(
    row: LedgerRow, would: str, lane: str, cost: int, risk: float | None, route: str, why: str, seen: float | None
) -> Call:
    at_ask = row.call in ("main", "subagent")
    was = row.cost_usd_micros
    return Call(row.session, row.model, row.lane, would, lane, was, cost, risk, route, why, at_ask, seen)


def _record(row: LedgerRow) -> _Record:
    try:
        return _decode(row.extra.get("decision", "{}"))
    except msgspec.MsgspecError:
        return _Record()


def _exchange(row: LedgerRow, state: _State) -> Exchange:
    record = _record(row)
    body = _TOOLS if record.tools else _PLAIN
    return Exchange(
        request_id=row.request_id,
        received_s=row.at_s,
        dialect="chat",
        path="",
        query="",
        headers=(),
        body=body,
        view=by_name("chat").read(body),
        model_asked="auto",
        stream=row.stream,
        identity=Identity(row.key_id, harness=row.harness),
        session=Session(row.session, turns=state.turns, bound_model=state.bound, private=state.private),
        labels=Labels(
            call=row.call,  # type: ignore[arg-type]
            task=row.task,  # type: ignore[arg-type]
            scores=record.scores,
            signals=record.signals,
            version=record.classifier,
        ),
        tags=row.tags,
        forced_lane=record.lane_asked or row.route.removeprefix("lane:") if row.route.startswith("lane:") else None,
        context_tokens=record.context_tokens or row.usage.input_tokens,
        has_images=record.images,
    )


def _cost(row: LedgerRow, model: str, runtime: Runtime, book: PriceBook, standing: moves.Standing) -> tuple[int, bool]:
    """What the call would have cost there, and whether that is known. On the model that served it is what it did cost."""
    if model == row.model:
        return row.cost_usd_micros, True
    ttl_s = runtime.endpoints[model].cache_ttl_s
    tokens = row.usage.input_tokens
    cold = moves.cold_tokens(standing, model, tokens, row.at_s, ttl_s)
    usage = Usage(tokens, tokens - cold, cold, 0, row.usage.output_tokens, row.usage.reasoning_tokens, "estimated")
    pricing = runtime.pricing.get(model, Pricing())
    cost = cost_of(usage, pricing, book, at_s=row.at_s, busy_s=row.total_ms / 1000)
    return cost.total_usd_micros, cost.version != "none"


def _risk(row: LedgerRow, lane: str) -> float | None:
    scores = _record(row).scores or {}
    before, after = scores.get(row.lane), scores.get(lane)
    return None if before is None or after is None else before - after


# --- intervals ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sums:
    was: int = 0
    would: int = 0
    calls: int = 0
    moved: int = 0
    risk: float = 0.0
    scored: int = 0

    def add(self, other: _Sums) -> None:
        self.was += other.was
        self.would += other.would
        self.calls += other.calls
        self.moved += other.moved
        self.risk += other.risk
        self.scored += other.scored


def _intervals(report: Report) -> None:
    by_session: dict[str, _Sums] = {}
    for call in report.calls:
        at = by_session.setdefault(call.session, _Sums())
        scored = call.risk is not None and call.at_ask
        at.add(_Sums(call.was_usd_micros, call.would_usd_micros, 1, call.moves, (call.risk or 0.0) * scored, scored))
    groups = list(by_session.values())
    samples = _samples(groups)
    report.cost_pct = _interval(groups, samples, lambda s: 100 * (s.would - s.was) / s.was if s.was else None)
    report.moved_pct = _interval(groups, samples, lambda s: 100 * s.moved / s.calls if s.calls else None)
    report.success_points = _interval(groups, samples, lambda s: -100 * s.risk / s.scored if s.scored else None)


def _samples(groups: Sequence[_Sums]) -> list[_Sums]:
    """Sums over as many sessions as there are, drawn with replacement; seeded, so that a report can be made again."""
    chance = random.Random(20261121)
    return [_total(chance.choices(groups, k=len(groups))) for _ in range(RESAMPLES)] if groups else []


def _total(groups: Iterable[_Sums]) -> _Sums:
    total = _Sums()
    for group in groups:
        total.add(group)
    return total


def _interval(
    groups: Sequence[_Sums], samples: Sequence[_Sums], figure: Callable[[_Sums], float | None]
) -> Interval | None:
    value = figure(_total(groups))
    if value is None:
        return None
    drawn = sorted(found for sample in samples if (found := figure(sample)) is not None)
    low, high = (drawn[min(int(at * len(drawn)), len(drawn) - 1)] for at in INTERVAL)
    return Interval(value, low, high)
