"""Which of the eligible goes first: by the scores where the route lets them, by the session's model, or by a move. Pure.

On a turn in mid-task nothing is ranked and nothing priced, unless the work fails: that turn costs a few comparisons.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from gateway.ir.exchange import Decision, Exchange, Hop, Move
from gateway.ir.exchange import Shadow as ShadowChoice
from gateway.routing import costs, explore, moves
from gateway.routing.eligible import Budget, Status, judge, reaches, well
from gateway.routing.strategies.contract import Offer, Ranking
from gateway.routing.table import Learned, Route, RouteTable

CONVERSATION_CALLS = frozenset({"main", "tool_result", "compaction", "subagent"})
"""Calls that belong to a conversation: only these are sticky. Compaction re-reads the whole history, so it stays where the
cache is; sub-agents have a session of their own."""

MID_TASK = frozenset({"tool_result", "compaction"})


Cache = Literal["new", "warm", "cold"]


class Means(Struct, frozen=True):
    """What a decision may know beyond the request: how the session stands, what models cost, whose budget is spent."""

    standing: moves.Standing = moves.FRESH
    prices: moves.Prices = moves.unpriced
    budget: Budget = reaches


NO_MEANS = Means()


def decide(
    exchange: Exchange,
    table: RouteTable,
    route: Route | None,
    hops: list[Hop],
    home: Hop | None,
    why: str,
    means: Means,
) -> Decided:
    """The hops in their final order, the reason, whether the session's model goes first, and how that came about."""
    if home is not None and exchange.labels.call in MID_TASK:
        stayed = _stays(exchange, table, route, hops, home, why, means.standing)
        if stayed is not None:
            return stayed
    ranking = None
    if route is not None and route.learned is not None and _may_rank(exchange, home, means.standing):
        ranking = _rank(exchange, hops, route.learned, table, means)
        if ranking.acted:
            hops = _ordered(hops, ranking)
        why = f"{why}; {ranking.why}"
    chance = 1.0
    if route is not None and route.source.explore and len(hops) > 1 and _new(exchange):
        place, chance = explore.drawn(exchange.request_id, route.source.explore, hops)
        if place:
            hops = [hops[place], *hops[:place], *hops[place + 1 :]]
            why = f"{why}; {hops[0].model} by lot (explore {route.source.explore:g})"
    shadow = _shadowed(exchange, table, route, hops, means) if exchange.labels.call not in MID_TASK else None
    cache: Cache = "new"
    trouble, move = "", None
    if home is not None:
        cache, trouble, move = _weighed(exchange, table, route, hops, home, means)
    elif (bound := exchange.session.bound_model) is not None and _belongs(exchange, route):
        cache, move = "cold", _forced(exchange, table, bound, hops[0].model, means)
    why = _reason(home, move, why)
    hops = [Hop(h.model, h.lane, why) for h in _in_order(hops, home, move)]
    learned = route.learned if route is not None and ranking is not None and ranking.acted else None
    decision = Decision(
        learned.strategy.name if learned is not None else "",
        ranking.why if ranking is not None else "",
        ranking.runner_up if ranking is not None and ranking.acted else (hops[1].model if len(hops) > 1 else None),
        cache,
        trouble,
        move,
        shadow,
        chance,
    )
    return hops, why, home is not None and hops[0].model == home.model, decision


Decided = tuple[list[Hop], str, bool, Decision]


def _stays(
    exchange: Exchange,
    table: RouteTable,
    route: Route | None,
    hops: list[Hop],
    home: Hop,
    why: str,
    standing: moves.Standing,
) -> Decided | None:
    """What is decided on nearly every turn in mid-task: the session's model goes on. None where there is something to
    weigh: trouble that another model could answer, or a history that compaction has just replaced."""
    signals = exchange.labels.signals
    if signals is not None and signals.get("resumed", 0) > standing.resumed:
        return None
    trouble = moves.evidence(signals, standing.marks)
    if trouble and len(hops) > 1 and route is not None and exchange.labels.call != "compaction":
        return None
    cache = moves.cache_state(standing, home.model, exchange.received_s, table.endpoints[home.model].cache_ttl_s)
    why = f"session is bound to {home.model}; {why}"
    order = [Hop(home.model, home.lane, why), *[Hop(h.model, h.lane, why) for h in hops if h.model != home.model]]
    runner_up = order[1].model if len(order) > 1 else None
    return order, why, True, Decision("", "", runner_up, cache, trouble)


def _new(exchange: Exchange) -> bool:
    """The first ask of a session: no cache is lost, whoever serves it."""
    return exchange.session.bound_model is None and exchange.labels.call in ("main", "subagent")


def _reason(home: Hop | None, move: Move | None, why: str) -> str:
    if move is not None and move.made:
        return f"moved from {move.source}: {move.why}; {why}"
    if home is not None:
        return f"session is bound to {home.model}{f' ({move.why})' if move is not None else ''}; {why}"
    return why


def _in_order(hops: list[Hop], home: Hop | None, move: Move | None) -> list[Hop]:
    """The target of a move, then the session's model, then the others as they are."""
    if home is None:
        return hops
    target = next((h for h in hops if h.model == move.target), home) if move is not None and move.made else home
    front = [target] if target.model == home.model else [target, home]
    return front + [h for h in hops if h.model not in (target.model, home.model)]


def _may_rank(exchange: Exchange, home: Hop | None, standing: moves.Standing) -> bool:
    """In mid-task a session stays anyway, so nothing is ranked; compaction alone opens the question anew."""
    labels = exchange.labels
    if labels.call not in CONVERSATION_CALLS:
        return False
    if labels.call not in MID_TASK or home is None:
        return True
    return (labels.signals or {}).get("resumed", 0) > standing.resumed


def _rank(exchange: Exchange, hops: list[Hop], learned: Learned, table: RouteTable, means: Means) -> Ranking:
    weighing = _weighing(exchange, table, means)
    scores = exchange.labels.scores or {}
    offers = [Offer(h.model, h.lane, _expected(weighing, h.model), scores.get(h.lane)) for h in hops]
    return learned.strategy.rank(exchange, offers, learned.params)


def _expected(weighing: moves.Weighing, model: str) -> int | None:
    """Micro-dollars of the rest of the session there, reading what is cold included."""
    tariff = weighing.prices(model)
    if tariff is None:
        return None
    exchange = weighing.exchange
    context, ttl_s = exchange.context_tokens, weighing.ttl_s(model)
    cold = moves.cold_tokens(weighing.standing, model, context, exchange.received_s, ttl_s)
    return round(costs.loss(tariff, cold) + costs.rest(tariff, context, weighing.turns_left))


def _ordered(hops: list[Hop], ranking: Ranking) -> list[Hop]:
    """As ranked; what a strategy invents is dropped, what it forgets comes last."""
    known = {h.model: h for h in hops}
    order = [known[m] for m in dict.fromkeys(ranking.models) if m in known]
    return order + [h for h in hops if h.model not in ranking.models]


def _weighing(exchange: Exchange, table: RouteTable, means: Means) -> moves.Weighing:
    ends = table.endpoints
    return moves.Weighing(exchange, means.standing, table.moves, means.prices, lambda name: ends[name].cache_ttl_s)


def _weighed(
    exchange: Exchange, table: RouteTable, route: Route | None, hops: list[Hop], home: Hop, means: Means
) -> tuple[Cache, str, Move | None]:
    """State of the home's cache, evidence against it, and the move that follows."""
    standing, labels = means.standing, exchange.labels
    cache = moves.cache_state(standing, home.model, exchange.received_s, table.endpoints[home.model].cache_ttl_s)
    trouble = moves.evidence(labels.signals, standing.marks)
    if route is None or len(hops) < 2 or labels.call == "compaction":
        return cache, trouble, None
    at_ask = labels.call in ("main", "subagent")
    return cache, trouble, moves.weigh(_weighing(exchange, table, means), home, hops, trouble, cache, at_ask=at_ask)


def _belongs(exchange: Exchange, route: Route | None) -> bool:
    return exchange.labels.call in CONVERSATION_CALLS and (route is None or route.sticky)


def _forced(exchange: Exchange, table: RouteTable, bound: str, target: str, means: Means) -> Move | None:
    """The session's model is not among those that may serve: priced for the record, not refused."""
    if bound == target:
        return None
    known = bound if bound in table.endpoints else target
    return _weighing(exchange, table, means).move(
        known, target, "forced", f"{bound} is not among the models that may serve"
    )


def _shadowed(
    exchange: Exchange, table: RouteTable, route: Route | None, hops: list[Hop], means: Means
) -> ShadowChoice | None:
    """What the route's shadow would choose for a session without a model, among who may serve now."""
    if route is None or route.shadow is None or exchange.labels.call not in CONVERSATION_CALLS:
        return None
    shadow, able = route.shadow, {h.model for h in hops}
    free = Hop("", "local", "")
    listed = [
        replace(free, model=name, lane=table.endpoints[name].lane)
        for name in shadow.to
        if name in able or judge(exchange, table, table.endpoints[name], well, means.budget).eligible
    ]
    if not listed:
        return None
    if shadow.learned is None:
        return ShadowChoice(listed[0].model, listed[0].lane, "the order of `to`")
    ranking = _rank(exchange, listed, shadow.learned, table, means)
    first = _ordered(listed, ranking)[0]
    return ShadowChoice(first.model, first.lane, ranking.why)


def home_of(
    exchange: Exchange, table: RouteTable, hops: list[Hop], route: Route | None, status: Status, budget: Budget
) -> Hop | None:
    """The hop on the session's bound model, if this call follows the binding.

    Where the route's list does not have it, a conversation in mid-task stays all the same: a tool result belongs to the
    model that called the tool, whatever its task would be classified as. Not so where the client asked for a lane."""
    bound = exchange.session.bound_model
    sticky = route is None or route.sticky
    if not sticky or bound is None or exchange.labels.call not in CONVERSATION_CALLS:
        return None
    for hop in hops:
        if hop.model == bound:
            return hop
    endpoint = table.endpoints.get(bound)
    if route is None or endpoint is None or bound in route.to or exchange.labels.call not in MID_TASK:
        return None
    return Hop(bound, endpoint.lane, "") if judge(exchange, table, endpoint, status, budget).eligible else None
