"""The row of one attempt: what it cost, however it ended."""

from __future__ import annotations

from msgspec.structs import replace

from gateway.accounting.cost import Pricing, cost_of
from gateway.accounting.tally import Tally
from gateway.endpoints import Endpoint
from gateway.errors import GatewayError
from gateway.ir.exchange import HopRow
from gateway.ir.usage import Usage
from gateway.pipeline.flight import Flight
from gateway.pipeline.runtime import Ports, Runtime
from gateway.ports import UpstreamReply


def ended(
    flight: Flight,
    endpoint: Endpoint,
    tally: Tally,
    outcome: str,
    failure: GatewayError | None,
    seconds: float,
    ports: Ports,
    runtime: Runtime,
    reply: UpstreamReply | None,
) -> HopRow:
    delivered = tally.usage is not None or tally.text_bytes > 0
    estimate = flight.exchange.context_tokens
    usage = tally.billed(estimate, complete=outcome == "ok") if delivered or outcome == "ok" else tally.nothing()
    pricing = runtime.pricing.get(endpoint.name, Pricing())
    cost = cost_of(usage, pricing, ports.prices, at_s=flight.exchange.received_s, busy_s=seconds if delivered else 0.0)
    return HopRow(
        model=endpoint.name,
        provider=endpoint.provider,
        upstream_model=endpoint.model,
        outcome=outcome,
        status=reply.status if reply is not None else 0,
        error=failure.message[:500] if failure is not None else None,
        ttft_ms=None if flight.ttft_s is None else round(flight.ttft_s * 1000, 3),
        total_ms=round(seconds * 1000, 3),
        usage=usage,
        cost_usd_micros=cost.total_usd_micros,
        cost_parts=cost.parts,
        price_version=cost.version,
        lane=endpoint.lane,
    )


def beaten(flight: Flight, row: HopRow, ports: Ports, runtime: Runtime) -> HopRow:
    """The row of an attempt that was cancelled because another one had content first. Its vendor has read the prompt, so
    that is billed, as an estimate; and what had come, if anything."""
    usage = row.usage
    if usage.source == "none":
        usage = Usage(input_tokens=flight.exchange.context_tokens, source="estimated")
    pricing = runtime.pricing.get(row.model, Pricing())
    cost = cost_of(usage, pricing, ports.prices, at_s=flight.exchange.received_s, busy_s=row.total_ms / 1000)
    return replace(
        row,
        outcome="beaten",
        error="another model had content first (hedge_after_s)",
        usage=usage,
        cost_usd_micros=cost.total_usd_micros,
        cost_parts=cost.parts,
        price_version=cost.version,
    )
