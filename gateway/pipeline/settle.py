"""The end of a request: what goes into the ledger, and what is remembered of the session."""

from __future__ import annotations

from gateway.accounting.cost import Pricing, cost_of
from gateway.ir.exchange import HopRow, LedgerRow
from gateway.ir.usage import Usage
from gateway.pipeline import decisions, leaks, outcomes
from gateway.pipeline.flight import Flight
from gateway.pipeline.prepare import REASONING
from gateway.pipeline.runtime import Ports, Runtime
from gateway.routing.plan import CONVERSATION_CALLS
from gateway.sessions import reasoning
from gateway.sessions import state as session_state

SESSION = "session"


def row(flight: Flight, ports: Ports, runtime: Runtime) -> LedgerRow:
    """One row for the call. Usage and cost are the sums over its hops: what was paid, not only what was useful."""
    exchange, plan = flight.exchange, flight.plan
    served = runtime.endpoints.get(flight.served or "")
    hops = tuple(flight.hops)
    usage = hops[0].usage if len(hops) == 1 else _sum([hop.usage for hop in hops])
    parts = hops[0].cost_parts if len(hops) == 1 else _parts(hops)
    total_s = ports.clock.monotonic() - flight.started_at
    baseline, extra = _baseline(flight, ports, runtime)
    if plan is not None and plan.decision is not None and exchange.labels.call in CONVERSATION_CALLS:
        asks, as_chosen = runtime.settings.ledger.keep_asks, flight.served == plan.hops[0].model
        extra = extra | decisions.recorded(exchange, plan.decision, asks=asks, as_chosen=as_chosen)
    if flight.leaks:
        extra = extra | leaks.recorded(flight)
    return LedgerRow(
        request_id=exchange.request_id,
        at_s=exchange.received_s,
        key_id=exchange.identity.key_id,
        harness=exchange.identity.harness,
        session=exchange.session.id,
        dialect=exchange.dialect,
        model_asked=exchange.model_asked,
        model=flight.served or "",
        provider=served.provider if served else "",
        lane=served.lane if served else "",
        route=plan.route if plan else "",
        call=exchange.labels.call,
        task=exchange.labels.task,
        sticky=plan.sticky if plan else False,
        stream=exchange.stream,
        outcome=flight.outcome,
        status=flight.status,
        error=flight.error,
        finish=flight.tally.finish.reason if flight.tally.finish else None,
        usage=usage,
        cost_usd_micros=sum(hop.cost_usd_micros for hop in flight.hops),
        cost_parts=parts,
        baseline_usd_micros=baseline,
        price_version=_version(flight.hops),
        ttft_ms=None if flight.ttft_s is None else round(flight.ttft_s * 1000, 3),
        total_ms=round(total_s * 1000, 3),
        gateway_ms=round(max(0.0, total_s - flight.upstream_s) * 1000, 3),
        request_bytes=len(exchange.body),
        reply_bytes=flight.reply_bytes,
        hops=hops,
        tags=exchange.tags,
        extra=extra,
    )


def _parts(hops: tuple[HopRow, ...]) -> dict[str, int]:
    parts: dict[str, int] = {}
    for hop in hops:
        for kind, micros in hop.cost_parts.items():
            parts[kind] = parts.get(kind, 0) + micros
    return parts


def _sum(usages: list[Usage]) -> Usage:
    real = [u for u in usages if u.source != "none"]
    if not real:
        return Usage(source="none")
    total = real[0]
    for usage in real[1:]:
        total = total.plus(usage)
    return total


def _version(hops: list[HopRow]) -> str:
    """The newest; "none" as soon as one paid hop has no price, for then the sum is not the whole truth."""
    versions = [h.price_version for h in hops if h.usage.source != "none"]
    return "none" if not versions or "none" in versions else versions[-1]


def _baseline(flight: Flight, ports: Ports, runtime: Runtime) -> tuple[int, dict[str, str]]:
    """The useful usage (the last hop's) priced on the baseline model, as warm as it really was; and a mark for the row when
    there is nothing to compare with."""
    if not flight.hops or flight.hops[-1].usage.source == "none":
        return 0, {}
    if runtime.baseline is None:
        return 0, {"baseline": "none"}
    pricing = runtime.pricing.get(runtime.baseline, Pricing())
    last = flight.hops[-1]
    busy_s = last.total_ms / 1000 if last.usage.source != "none" else 0.0
    cost = cost_of(last.usage, pricing, ports.prices, at_s=flight.exchange.received_s, busy_s=busy_s)
    return cost.total_usd_micros, {"baseline": "unpriced"} if cost.version == "none" else {}


async def remember(flight: Flight, ports: Ports, runtime: Runtime, digest: str) -> None:
    """Session state after a reply that came to its end: the binding is written only now, after success."""
    exchange = flight.exchange
    endpoint = runtime.endpoints.get(flight.served or "")
    if endpoint is None:
        return
    settings = runtime.settings.session
    # Read again: a title call that ran beside this one may have written meanwhile, and neither may undo the other.
    stored = await ports.state.get(SESSION, exchange.session.id)
    current = flight.state if stored == flight.stored_state else session_state.load(stored)
    bind = exchange.labels.call in CONVERSATION_CALLS
    plan = flight.plan
    if plan is not None:
        for outcome in outcomes.seen(exchange, plan, current.decided):
            ports.ledger.saw(outcome)
    state = session_state.answered(
        current,
        model=endpoint.name,
        mint=endpoint.mint,
        digest=digest,
        now_s=exchange.received_s,
        bind=bind,
        window_s=runtime.settings.loop_guard.window_s,
        standing=decisions.standing_after(current.standing, flight, endpoint.lane, belongs=bind),
        private=tuple(t for t in (*exchange.tags, *exchange.session.private) if t in runtime.table.private),
        decided=outcomes.decided(exchange, plan, endpoint.name, current.decided) if plan is not None else None,
    )
    await ports.state.put(SESSION, exchange.session.id, session_state.dump(state), settings.ttl_s)
    if not (flight.tally.thought or flight.tally.tool_calls):
        return
    entries = reasoning.entries(
        endpoint.mint,
        flight.tally.reasoning(),
        flight.tally.tool_call_ids(),
        bytes_max=settings.reasoning_bytes_max,
    )
    if entries:
        scope = exchange.session.id
        items = {f"{scope}|{key}": reasoning.dump(entry) for key, entry in entries.items()}
        await ports.state.put_many(REASONING, items, settings.reasoning_ttl_s)
