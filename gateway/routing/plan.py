"""From exchange to plan: which models, in which order, and why. Pure.

A named model is used as it is. `auto` asks the routes, first match wins; `auto:<lane>` and `x-interlock-lane` take the
models of that lane. The session's bound model goes first while it is eligible and in the route's list, because leaving it
throws away a warm prompt cache (protocols.md 2.4); sub-calls (titles, summaries …) neither follow the binding nor make one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gateway.config.names import LANES
from gateway.endpoints import Endpoint
from gateway.errors import (
    ContextWindowExceeded,
    MalformedRequest,
    ModelNotAllowed,
    NoHealthyEndpoint,
    NoRoute,
    UnknownModel,
)
from gateway.ir.exchange import Candidate, Exchange, Hop, LaneName, Plan
from gateway.routing.match import Facts
from gateway.routing.table import Route, RouteTable

CONVERSATION_CALLS = frozenset({"main", "tool_result", "compaction", "subagent"})
"""Calls that belong to a conversation: only these are sticky. Compaction re-reads the whole history, so it stays where the
cache is; sub-agents have a session of their own."""

Status = Callable[[str], tuple[bool, str]]
"""Endpoint name to (may be called now, why not)."""

OUTPUT_RESERVE_TOKENS = 1024
"""Window that must remain for an answer when the client set no maximum."""


def facts_of(exchange: Exchange) -> Facts:
    labels = exchange.labels
    return Facts(
        call=labels.call,
        task=labels.task or "",
        lane=_lane_asked(exchange) or "",
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

    UnknownModel, ModelNotAllowed, NoRoute, NoHealthyEndpoint, ContextWindowExceeded; each names the candidates."""
    target = _target(exchange, table)
    if target in table.endpoints:
        return _named(exchange, table.endpoints[target], status), None
    lane = _lane_asked(exchange) or _lane(target.partition(":")[2])
    if lane is not None:
        names, route_id, why, route = table.lanes.get(lane, ()), f"lane:{lane}", f"lane {lane} was asked for", None
        if not names:
            raise NoRoute(f"no model is configured for lane {lane}", accepted=", ".join(_filled(table)) or "none")
    else:
        route = _route(exchange, table)
        names, route_id, why = route.to, route.id, _why(exchange, route.id)
    candidates = [_judge(exchange, table.endpoints[name], status) for name in names]
    chosen = [c for c in candidates if c.eligible]
    if not chosen:
        # A lane asked for is kept: whoever says auto:local may not want the request to leave the house.
        others = [] if lane is not None else [n for n in table.endpoints if n not in names]
        chosen = _rescue(exchange, table, others, status, candidates)
    sticky = route is None or route.sticky
    return _ordered(exchange, table, chosen, candidates, route_id, why, sticky), route


def _target(exchange: Exchange, table: RouteTable) -> str:
    asked = exchange.forced_model or exchange.model_asked
    target = table.resolve(asked)
    if target is None:
        where = "x-interlock-model" if exchange.forced_model else "$.model"
        raise UnknownModel(f"unknown model {asked[:120]!r}", where=where, accepted=_offer(table, asked))
    if target.startswith("auto") and exchange.forced_model is None and exchange.forced_lane is not None:
        return "auto"
    return target


def _offer(table: RouteTable, asked: str) -> str:
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


def _route(exchange: Exchange, table: RouteTable) -> Route:
    facts = facts_of(exchange)
    for route in table.routes:
        if route.to and route.matches(facts):
            return route
    raise NoRoute("no route matched and no model is configured", accepted="add a model, see `interlock init`")


def _why(exchange: Exchange, route_id: str) -> str:
    labels = exchange.labels
    if labels.call in ("main", "tool_result", "subagent") and labels.task:
        return f"route {route_id}: task {labels.task} ({labels.task_why})" if labels.task_why else f"route {route_id}"
    return f"route {route_id}: call {labels.call} ({labels.call_why})" if labels.call_why else f"route {route_id}"


def _named(exchange: Exchange, endpoint: Endpoint, status: Status) -> Plan:
    """A model asked for by name is called even when its breaker is open: the caller gets the true error, not ours."""
    candidate = _judge(exchange, endpoint, lambda _: (True, ""))
    if not candidate.eligible:
        _refuse(exchange, [candidate])
    why = f"{endpoint.name} was asked for by name"
    hop = Hop(endpoint.name, endpoint.lane, why)
    return Plan((hop,), "named", False, why, (candidate,))


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


def _rescue(
    exchange: Exchange, table: RouteTable, names: list[str], status: Status, candidates: list[Candidate]
) -> list[Candidate]:
    """Nothing on the list is eligible. A window, image or health problem may be solved by one of the other `names`; a model
    whose only fault is an open breaker is better than an error."""
    others = [_judge(exchange, table.endpoints[name], status) for name in names]
    candidates += others
    if chosen := [c for c in others if c.eligible]:
        return chosen
    if ill := [c for c in candidates if c.why.startswith("health:")]:
        return ill
    _refuse(exchange, candidates)
    return []


def _refuse(exchange: Exchange, candidates: list[Candidate]) -> None:
    listed = "; ".join(f"{c.model}: {c.why}" for c in candidates[:8])
    whys = [c.why.partition(":")[0] for c in candidates]
    if all(w == "key" for w in whys):
        raise ModelNotAllowed(f"this key may not use any candidate ({listed})")
    if "window" in whys:
        raise ContextWindowExceeded(
            f"the request needs about {exchange.context_tokens} tokens, which exceeds the maximum context length of every "
            f"candidate ({listed})"
        )
    if "health" in whys:
        raise NoHealthyEndpoint(f"no candidate can be called now ({listed})")
    raise NoRoute(f"no candidate can serve this request ({listed})")


def _ordered(
    exchange: Exchange,
    table: RouteTable,
    chosen: list[Candidate],
    candidates: list[Candidate],
    route_id: str,
    why: str,
    sticky: bool,
) -> Plan:
    hops = [Hop(c.model, table.endpoints[c.model].lane, why) for c in chosen]
    bound = exchange.session.bound_model
    stuck = False
    if sticky and bound is not None and exchange.labels.call in CONVERSATION_CALLS:
        home = next((h for h in hops if h.model == bound), None)
        if home is None:
            home = _still_home(exchange, table, bound, candidates)
        if home is not None:
            stuck = True
            why = f"session is bound to {bound}; {why}"
            hops = [replace(home, reason=why), *(h for h in hops if h.model != bound)]
    return Plan(tuple(hops), route_id, stuck, why, tuple(candidates))


def _still_home(exchange: Exchange, table: RouteTable, bound: str, candidates: list[Candidate]) -> Hop | None:
    """The bound model is not on this route's list, but the conversation is mid-task on it: a tool result belongs to the
    model that called the tool, whatever its task would be classified as."""
    endpoint: Mapping[str, Endpoint] = table.endpoints
    if exchange.labels.call not in ("tool_result", "compaction") or bound not in endpoint:
        return None
    candidate = _judge(exchange, endpoint[bound], lambda _: (True, ""))
    if any(c.model == bound and not c.eligible for c in candidates) or not candidate.eligible:
        return None
    return Hop(bound, endpoint[bound].lane, "")
