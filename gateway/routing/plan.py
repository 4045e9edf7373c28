"""From exchange to plan: which models, in which order, and why. Pure.

A named model is used as it is. `auto` asks the routes, first match wins. `auto:<lane>` and `x-interlock-lane` take the
models of that lane, unless a route asks for that lane itself (`when.lane`). No other model is ever put in: where nothing on
the list can serve, the error says what could have, because a route may be what keeps code in the house or a bill small.

Within a route's list the scores may choose (gateway.routing.strategies), if the route lets them. The session's bound model
goes first while it is eligible and in the route's list, because leaving it throws away a warm prompt cache (protocols.md
2.4), unless moving pays or the work fails (gateway.routing.moves); sub-calls (titles, summaries …) neither follow the
binding nor make one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NoReturn

from gateway.config.names import LANES
from gateway.endpoints import Endpoint
from gateway.errors import ContextWindowExceeded, MalformedRequest, ModelNotAllowed, NoRoute, UnknownModel
from gateway.ir.exchange import Candidate, Exchange, Hop, LaneName, Plan
from gateway.routing.decide import CONVERSATION_CALLS as CONVERSATION_CALLS
from gateway.routing.decide import NO_MEANS, Means, decide, home_of
from gateway.routing.eligible import OUTPUT_RESERVE_TOKENS as OUTPUT_RESERVE_TOKENS
from gateway.routing.eligible import Status, judge, well
from gateway.routing.match import Facts
from gateway.routing.table import Route, RouteTable


def facts_of(exchange: Exchange, lane: LaneName | None = None) -> Facts:
    labels = exchange.labels
    return Facts(
        call=labels.call,
        task=labels.task or "",
        lane=lane or "",
        model=exchange.model_asked,
        harness=exchange.identity.harness,
        key=exchange.identity.key_id,
        key_name=exchange.identity.key_name,
        tags=exchange.tags,
        context_tokens=exchange.context_tokens,
        tools=exchange.view.tool_names,
        images=exchange.has_images,
        at_s=exchange.received_s,
        turns=exchange.session.turns,
        subagent=exchange.session.agent is not None,
        stream=exchange.stream,
        scores=labels.scores or {},
    )


def plan(exchange: Exchange, table: RouteTable, status: Status, means: Means = NO_MEANS) -> tuple[Plan, Route | None]:
    """The ordered hops and the route that gave them (None for a model asked for by name).

    UnknownModel, ModelNotAllowed, NoRoute, ContextWindowExceeded, each with the candidates; MalformedRequest for a lane
    that is none."""
    target, endpoints = _target(exchange, table), table.endpoints
    if (named := endpoints.get(target)) is not None:
        return _named(exchange, table, named), None
    lane = _lane_asked(exchange) or _lane(target.partition(":")[2])
    route = _route(exchange, table, lane)
    if route is not None:
        names, route_id, why = route.to, route.id, _why(exchange, route.id)
    else:
        assert lane is not None  # without one some route was found, or NoRoute raised
        names, route_id, why = table.lanes.get(lane, ()), f"lane:{lane}", f"lane {lane} was asked for"
        if not names:
            raise NoRoute(f"no model is configured for lane {lane}", accepted=", ".join(_filled(table)) or "none")
    candidates = [judge(exchange, table, endpoints[name], status, means.budget) for name in names]
    chosen = [c for c in candidates if c.eligible] or _ill(candidates) or _refuse(exchange, candidates, table)
    hops = [Hop(c.model, endpoints[c.model].lane, why) for c in chosen]
    home = home_of(exchange, table, hops, route, status, means.budget)
    hops, why, sticky, decision = decide(exchange, table, route, hops, home, why, means)
    return Plan(tuple(hops), route_id, sticky, why, tuple(candidates), decision), route


def _target(exchange: Exchange, table: RouteTable) -> str:
    asked = exchange.forced_model or exchange.model_asked
    target = table.resolve(asked)
    if target is None:
        where = "x-interlock-model" if exchange.forced_model else "$.model"
        raise UnknownModel(f"unknown model {asked[:120]!r}", where=where, accepted=_offer(table))
    return target


def _offer(table: RouteTable) -> str:
    names = ["auto", *table.endpoints]
    shown = ", ".join(names[:12])
    return shown + (f" and {len(names) - 12} more (GET /v1/models)" if len(names) > 12 else "")


def _lane_asked(exchange: Exchange) -> LaneName | None:
    lane = exchange.forced_lane
    if lane is None and exchange.forced_model is None and exchange.model_asked.startswith(("auto:", "claude-auto-")):
        lane = exchange.model_asked.removeprefix("claude-auto-").removeprefix("auto:")
    if lane is None:
        return None
    found = _lane(lane)
    if found is None:
        raise MalformedRequest(f"unknown lane {lane[:40]!r}", where="x-interlock-lane", accepted=", ".join(LANES))
    return found


_LANES: Final[dict[str, LaneName]] = {lane: lane for lane in LANES}


def _lane(word: str) -> LaneName | None:
    return _LANES.get(word)


def _filled(table: RouteTable) -> list[str]:
    return [lane for lane, names in table.lanes.items() if names]


def _route(exchange: Exchange, table: RouteTable, lane: LaneName | None) -> Route | None:
    """The first that matches; for a lane asked for, only among the routes that speak of lanes (None: no such route)."""
    facts, labels = facts_of(exchange, lane), exchange.labels
    for route in table.open_to(labels.call, labels.task):
        if (lane is None or route.source.when.lane) and route.matches(facts):
            return route
    if lane is not None:
        return None
    raise NoRoute("no route matched and no model is configured", accepted="add a model, see `interlock init`")


def _why(exchange: Exchange, route_id: str) -> str:
    labels = exchange.labels
    if labels.call in ("main", "tool_result", "subagent") and labels.task:
        return f"route {route_id}: task {labels.task} ({labels.task_why})" if labels.task_why else f"route {route_id}"
    return f"route {route_id}: call {labels.call} ({labels.call_why})" if labels.call_why else f"route {route_id}"


def _named(exchange: Exchange, table: RouteTable, endpoint: Endpoint) -> Plan:
    """A model asked for by name is called even when its breaker is open: the caller gets the true error, not ours."""
    candidate = judge(exchange, table, endpoint, well)
    if not candidate.eligible:
        _refuse(exchange, [candidate])
    return _plan_of(endpoint.name, endpoint.lane, candidate.why)


@lru_cache(1024)
def _plan_of(name: str, lane: LaneName, candidate_why: str) -> Plan:
    why = f"{name} was asked for by name"
    return Plan((Hop(name, lane, why),), "named", False, why, (Candidate(name, True, candidate_why),))


def _ill(candidates: list[Candidate]) -> list[Candidate]:
    """A model whose only fault is an open breaker or a cool-down is better than an error of ours."""
    return [c for c in candidates if c.why.startswith("health:")]


def _refuse(exchange: Exchange, candidates: list[Candidate], table: RouteTable | None = None) -> NoReturn:
    listed = "; ".join(f"{c.model}: {c.why}" for c in candidates[:8])
    whys = {c.why.partition(":")[0] for c in candidates}
    if whys == {"key"}:
        raise ModelNotAllowed(f"this key may not use any candidate ({listed})")
    if "window" in whys:
        raise ContextWindowExceeded(
            f"the request needs about {exchange.context_tokens} tokens, which exceeds the maximum context length of every "
            f"candidate ({listed})"
        )
    able = [] if table is None else _able(exchange, table)
    raise NoRoute(f"no candidate can serve this request ({listed})", accepted=", ".join(able[:8]) or None)


def _able(exchange: Exchange, table: RouteTable) -> list[str]:
    """Models that could serve the request if they were asked for by name."""
    return [n for n, e in table.endpoints.items() if judge(exchange, table, e, well).eligible]
