"""From exchange to plan: which models, in which order, and why. Pure.

A named model is used as it is. `auto` asks the routes, first match wins. `auto:<lane>` and `x-interlock-lane` take the
models of that lane, unless a route asks for that lane itself (`when.lane`). No other model is ever put in: where nothing on
the list can serve, the error says what could have, because a route may be what keeps code in the house or a bill small.

The session's bound model goes first while it is eligible and in the route's list, because leaving it throws away a warm
prompt cache (protocols.md 2.4); sub-calls (titles, summaries …) neither follow the binding nor make one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NoReturn

from msgspec.structs import replace

from gateway.config.names import LANES
from gateway.endpoints import Endpoint
from gateway.errors import ContextWindowExceeded, MalformedRequest, ModelNotAllowed, NoRoute, UnknownModel
from gateway.ir.exchange import Candidate, Exchange, Hop, LaneName, Plan
from gateway.routing.match import Facts
from gateway.routing.table import Route, RouteTable

CONVERSATION_CALLS = frozenset({"main", "tool_result", "compaction", "subagent"})
"""Calls that belong to a conversation: only these are sticky. Compaction re-reads the whole history, so it stays where the
cache is; sub-agents have a session of their own."""

MID_TASK = frozenset({"tool_result", "compaction"})

Status = Callable[[str], tuple[bool, str]]
"""Endpoint name to (may be called now, why not)."""

OUTPUT_RESERVE_TOKENS = 1024
"""Window that must remain for an answer when the client set no maximum."""


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


def plan(exchange: Exchange, table: RouteTable, status: Status) -> tuple[Plan, Route | None]:
    """The ordered hops and the route that gave them (None for a model asked for by name).

    UnknownModel, ModelNotAllowed, NoRoute, ContextWindowExceeded, each with the candidates; MalformedRequest for a lane
    that is none."""
    target = _target(exchange, table)
    if target in table.endpoints:
        return _named(exchange, table.endpoints[target]), None
    lane = _lane_asked(exchange) or _lane(target.partition(":")[2])
    route = _route(exchange, table, lane)
    if route is not None:
        names, route_id, why = route.to, route.id, _why(exchange, route.id)
    else:
        assert lane is not None  # without one some route was found, or NoRoute raised
        names, route_id, why = table.lanes.get(lane, ()), f"lane:{lane}", f"lane {lane} was asked for"
        if not names:
            raise NoRoute(f"no model is configured for lane {lane}", accepted=", ".join(_filled(table)) or "none")
    candidates = [_judge(exchange, table.endpoints[name], status) for name in names]
    chosen = [c for c in candidates if c.eligible] or _ill(candidates) or _refuse(exchange, candidates, table)
    hops = [Hop(c.model, table.endpoints[c.model].lane, why) for c in chosen]
    home = _home(exchange, table, hops, route, status)
    if home is not None:
        why = f"session is bound to {home.model}; {why}"
        hops = [replace(home, reason=why), *(h for h in hops if h.model != home.model)]
    return Plan(tuple(hops), route_id, home is not None, why, tuple(candidates)), route


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


def _lane(word: str) -> LaneName | None:
    return next((lane for lane in LANES if lane == word), None)


def _filled(table: RouteTable) -> list[str]:
    return [lane for lane, names in table.lanes.items() if names]


def _route(exchange: Exchange, table: RouteTable, lane: LaneName | None) -> Route | None:
    """The first that matches; for a lane asked for, only among the routes that speak of lanes (None: no such route)."""
    facts = facts_of(exchange, lane)
    for route in table.routes:
        if route.to and (lane is None or route.source.when.lane) and route.matches(facts):
            return route
    if lane is not None:
        return None
    raise NoRoute("no route matched and no model is configured", accepted="add a model, see `interlock init`")


def _why(exchange: Exchange, route_id: str) -> str:
    labels = exchange.labels
    if labels.call in ("main", "tool_result", "subagent") and labels.task:
        return f"route {route_id}: task {labels.task} ({labels.task_why})" if labels.task_why else f"route {route_id}"
    return f"route {route_id}: call {labels.call} ({labels.call_why})" if labels.call_why else f"route {route_id}"


def _named(exchange: Exchange, endpoint: Endpoint) -> Plan:
    """A model asked for by name is called even when its breaker is open: the caller gets the true error, not ours."""
    candidate = _judge(exchange, endpoint, lambda _: (True, ""))
    if not candidate.eligible:
        _refuse(exchange, [candidate])
    return _plan_of(endpoint.name, endpoint.lane, candidate.why)


@lru_cache(1024)
def _plan_of(name: str, lane: LaneName, candidate_why: str) -> Plan:
    why = f"{name} was asked for by name"
    return Plan((Hop(name, lane, why),), "named", False, why, (Candidate(name, True, candidate_why),))


def _judge(exchange: Exchange, endpoint: Endpoint, status: Status) -> Candidate:
    identity, name = exchange.identity, endpoint.name
    if identity.allowed_models and name not in identity.allowed_models:
        return Candidate(name, False, "key: model not allowed")
    if identity.allowed_lanes and endpoint.lane not in identity.allowed_lanes:
        return Candidate(name, False, f"key: lane {endpoint.lane} not allowed")
    if exchange.has_images and not endpoint.images:
        return Candidate(name, False, "capability: takes no images")
    if exchange.view.tools and not endpoint.tools:
        return Candidate(name, False, "capability: calls no tools")
    need = exchange.context_tokens + min(
        exchange.view.max_output_tokens or OUTPUT_RESERVE_TOKENS, OUTPUT_RESERVE_TOKENS
    )
    if endpoint.context_tokens and need > endpoint.context_tokens:
        return Candidate(name, False, f"window: needs about {need} tokens, holds {endpoint.context_tokens}")
    up, why = status(name)
    return Candidate(name, up, why or "eligible") if up else Candidate(name, False, f"health: {why}")


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
    return [n for n, e in table.endpoints.items() if _judge(exchange, e, lambda _: (True, "")).eligible]


def _home(exchange: Exchange, table: RouteTable, hops: list[Hop], route: Route | None, status: Status) -> Hop | None:
    """The hop on the session's bound model, if this call follows the binding.

    Where the route's list does not have it, a conversation in mid-task stays all the same: a tool result belongs to the
    model that called the tool, whatever its task would be classified as. Not so where the client asked for a lane."""
    bound = exchange.session.bound_model
    sticky = route is None or route.sticky
    if not sticky or bound is None or exchange.labels.call not in CONVERSATION_CALLS:
        return None
    if (listed := next((h for h in hops if h.model == bound), None)) is not None:
        return listed
    endpoint = table.endpoints.get(bound)
    if route is None or endpoint is None or bound in route.to or exchange.labels.call not in MID_TASK:
        return None
    return Hop(bound, endpoint.lane, "") if _judge(exchange, endpoint, status).eligible else None
