"""The row of a call that is still under way, as if the process died now: for the journal of open calls.

What had been delivered counts as output, and the whole request as input, whether or not the upstream had begun: the vendor
will charge for a prompt it has read, and a budget had better be told too much than too little. It is marked as an estimate.
"""

from __future__ import annotations

import copy

from gateway.accounting.cost import Pricing, cost_of
from gateway.ir.exchange import HopRow, LedgerRow
from gateway.pipeline import settle
from gateway.pipeline.flight import Flight
from gateway.pipeline.runtime import Ports, Runtime

WHY = "the gateway ended while this call was under way"


def row(flight: Flight, ports: Ports, runtime: Runtime) -> LedgerRow:
    """Reads the flight and changes nothing; another thread may ask."""
    ended = copy.copy(flight)
    hop = _under_way(flight, ports, runtime)
    ended.hops = [*flight.hops, hop] if hop is not None else list(flight.hops)
    ended.outcome, ended.error = "lost", WHY
    ended.status = flight.status if flight.sink.started else 0
    return settle.row(ended, ports, runtime)


def _under_way(flight: Flight, ports: Ports, runtime: Runtime) -> HopRow | None:
    began, endpoint = flight.attempt_at, runtime.endpoints.get(flight.served or "")
    if began is None or endpoint is None:
        return None
    seconds = ports.clock.monotonic() - began
    usage = flight.tally.billed(flight.exchange.context_tokens, complete=False)
    pricing = runtime.pricing.get(endpoint.name, Pricing())
    cost = cost_of(usage, pricing, ports.prices, at_s=flight.exchange.received_s, busy_s=seconds)
    return HopRow(
        model=endpoint.name,
        provider=endpoint.provider,
        upstream_model=endpoint.model,
        outcome="lost",
        status=200 if flight.begun else 0,
        error=WHY,
        ttft_ms=None if flight.ttft_s is None else round(flight.ttft_s * 1000, 3),
        total_ms=round(seconds * 1000, 3),
        usage=usage,
        cost_usd_micros=cost.total_usd_micros,
        cost_parts=cost.parts,
        price_version=cost.version,
        lane=endpoint.lane,
    )
