"""Hop by hop: call, retry, repair, fall over; until content reaches the client there is always a next chance.

The first content byte is the point of no return. Before it every failure may be retried on the same endpoint (as the
upstream asks) or handed to the next hop; after it an error travels inside the stream.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Literal

from gateway.accounting.cost import Pricing, cost_of
from gateway.accounting.tally import Tally
from gateway.endpoints import Endpoint, Wire
from gateway.errors import (
    DownstreamError,
    GatewayError,
    UpstreamConnect,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamProtocol,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from gateway.ir.exchange import Hop, HopRow
from gateway.pipeline import relay
from gateway.pipeline.flight import Flight
from gateway.pipeline.guard import Guard
from gateway.pipeline.prepare import Prepared, prepare
from gateway.pipeline.runtime import Ports, Runtime
from gateway.ports import UpstreamReply
from gateway.routing import retry
from gateway.routing.table import Route
from gateway.telemetry import LOG
from gateway.toolgate.values import TurnRefused

ERROR_BODY_BYTES_MAX = 1 << 20

QUOTA_COOL_S = 60.0

REASONING_WORDS = ("signature", "thinking", "reasoning_content", "encrypted content", "encrypted_content", "reasoning")
"""Words by which vendors name a reasoning block they will not take (gateways.md cases 38-43)."""

_log = logging.getLogger(LOG)


@dataclass(slots=True)
class _Attempt:
    """What one hop has used up so far."""

    number: int = 1
    repaired: bool = False
    rewired: bool = False


class DeliveredError(Exception):
    """The reply broke after content had reached the client; `error` says how, `raw` is the upstream's own error event."""

    def __init__(self, error: GatewayError, raw: bytes = b"") -> None:
        super().__init__(error.message)
        self.error = error
        self.raw = raw


async def run(flight: Flight, route: Route | None, ports: Ports, runtime: Runtime) -> None:
    """Serves the request from the first hop that can. Raises the most telling error if none could, DeliveredError if one
    broke midway."""
    assert flight.plan is not None
    if ports.prices.loading:
        await ports.prices.ready()
    if ports.judge is not None:
        flight.guard = Guard(ports.judge, flight.exchange, runtime.manner)
    errors: list[GatewayError] = []
    rules = route.retry if route is not None else runtime.retry
    last = len(flight.plan.hops) - 1
    for index, hop in enumerate(flight.plan.hops):
        endpoint = runtime.endpoints[hop.model]
        if not _well(hop, ports) and any(_well(later, ports) for later in flight.plan.hops[index + 1 :]):
            continue  # it fell ill, or its probes were taken, since the plan was made
        try:
            return await _hop(flight, hop, endpoint, rules, ports, runtime, last_hop=index == last)
        except (UpstreamError, DownstreamError) as error:
            errors.append(error)
            if isinstance(error, UpstreamError) and not error.try_next:
                break
    raise _telling(errors)


def _well(hop: Hop, ports: Ports) -> bool:
    return ports.health.status(hop.model)[0]


def _telling(errors: list[GatewayError]) -> GatewayError:
    """Of several failures the one the caller can do most about; the last of equals."""

    def rank(error: GatewayError) -> int:
        match error:
            case UpstreamRejected():
                return 6 if error.status in (400, 413, 422) else 1
            case UpstreamRateLimited():
                return 5
            case UpstreamOverloaded():
                return 4
            case UpstreamTimeout():
                return 3
            case UpstreamProtocol():
                return 2
            case UpstreamConnect():
                return 1
            case _:
                return 0

    return max(reversed(errors), key=rank)


async def _hop(
    flight: Flight, hop: Hop, endpoint: Endpoint, rules: retry.Rules, ports: Ports, runtime: Runtime, *, last_hop: bool
) -> None:
    tried = _Attempt()
    while True:
        missing = runtime.missing_wires.get(endpoint.name, frozenset())
        wire = endpoint.wire_for(flight.dialect.name, missing)
        prepared = await prepare(flight, endpoint, wire, ports.state, repair=tried.repaired)
        try:
            return await _attempt(flight, hop, endpoint, prepared, ports, runtime)
        except TurnRefused as refused:
            assert flight.guard is not None
            flight.guard.ask_again(refused.rulings, flight.tally.reasoning())
        except UpstreamError as error:
            error.model = endpoint.name
            if _unserved(error, endpoint, wire) and not tried.rewired:
                tried.rewired = True
                runtime.missing_wires[endpoint.name] = missing | {wire.dialect}
                continue
            if _reasoning_refused(error) and not tried.repaired:
                tried.repaired = True
                continue
            if isinstance(error, UpstreamRateLimited) and (wait_s := _cool_s(error)):
                ports.health.cooled(endpoint.name, wait_s)
            pause = retry.delay_s(error, tried.number, rules, uniform=ports.random.uniform(), last_hop=last_hop)
            if pause is None:
                raise
            _log.info("%s: attempt %d failed (%s), again in %.1f s", endpoint.name, tried.number, error.code, pause)
            tried.number += 1
            await ports.clock.sleep(pause)


def _cool_s(error: UpstreamRateLimited) -> float:
    """How long to leave a model alone: as it asks, or for a while when its account is empty, so that not every request of a
    route pays for one futile attempt first."""
    return error.retry_after_s or (QUOTA_COOL_S if error.quota else 0.0)


def _unserved(error: UpstreamError, endpoint: Endpoint, wire: Wire) -> bool:
    """The server has no such path (an older vLLM without /v1/messages), as opposed to no such model."""
    if not isinstance(error, UpstreamRejected) or error.status not in (404, 405, 501):
        return False
    return wire is not endpoint.wires[0] and "model" not in error.message.lower()


def _reasoning_refused(error: UpstreamError) -> bool:
    if not isinstance(error, UpstreamRejected) or error.status != 400:
        return False
    text = f"{error.message} {error.upstream_code or ''}".lower()
    return any(word in text for word in REASONING_WORDS)


async def _attempt(
    flight: Flight, hop: Hop, endpoint: Endpoint, prepared: Prepared, ports: Ports, runtime: Runtime
) -> None:
    """One call. Its row is written whatever happens; a DeliveredError means content is out."""
    tally = flight.tally = Tally()
    flight.served, flight.losses = endpoint.name, prepared.losses
    flight.headers = relay.headers_for(flight, hop, endpoint)
    began = flight.attempt_at = ports.clock.monotonic()
    flight.ttft_s = None
    probe = ports.health.started(endpoint.name)
    reply: UpstreamReply | None = None
    failure: GatewayError | None = None
    outcome = "cancelled"
    try:
        reply = await ports.upstream.send(prepared.request)
        if reply.status >= 400:
            raise await _refusal(reply, endpoint, prepared.wire)
        await relay.deliver(flight, endpoint, prepared, reply, began)
        outcome, flight.reply = "ok", reply
    except GatewayError as error:
        _tell(error, endpoint, streamed=flight.exchange.stream)
        failure, outcome = error, error.code
        if flight.begun:
            raise DeliveredError(error) from error
        raise
    except TurnRefused:
        outcome = "turn_refused"
        raise
    except relay.Broken as broken:
        failure, outcome = broken.error, broken.error.code
        raise DeliveredError(broken.error, broken.raw) from broken
    finally:
        seconds = ports.clock.monotonic() - began
        flight.upstream_s += seconds
        flight.attempt_at = None
        ports.health.ended(endpoint.name, _breaker_word(outcome, failure), probe=probe)
        flight.hops.append(_row(flight, endpoint, tally, outcome, failure, seconds, ports, runtime, reply))
        if reply is not None and outcome != "ok":
            # Last: a client that leaves just now cancels this wait, and must not take the row and the probe along.
            await asyncio.shield(reply.aclose())


_LIMITS = {
    "connect": "no connection within {s:g} s (timeouts.connect_s)",
    "first_byte": "no answer within {s:g} s (timeouts.first_byte_s)",
    "first_token": "no content within {s:g} s (timeouts.first_token_s)",
    "idle": "silent for {s:g} s in the middle of its answer (timeouts.idle_s)",
    "total": "not done within {s:g} s (timeouts.total_s)",
}


def _tell(error: GatewayError, endpoint: Endpoint, *, streamed: bool) -> None:
    """Adapters know neither the model nor the name of the setting; people who read the error need both."""
    if isinstance(error, UpstreamTimeout):
        phase = error.phase
        if phase == "first_byte" and streamed and endpoint.first_token_s < endpoint.timeouts.first_byte_s:
            phase = "first_token"  # see prepare: the shorter limit held for the head
        t = endpoint.timeouts
        limits = {
            "connect": t.connect_s,
            "first_byte": t.first_byte_s,
            "first_token": endpoint.first_token_s,
            "idle": t.idle_s,
            "total": t.total_s,
        }
        error.phase = phase
        error.message = f"{endpoint.name}: {_LIMITS[phase].format(s=limits[phase])}"
    elif isinstance(error, UpstreamError) and not error.message.startswith(endpoint.name):
        error.message = f"{endpoint.name}: {error.message}"


def _breaker_word(outcome: str, failure: GatewayError | None) -> Literal["success", "failure", "neutral"]:
    if outcome in ("ok", "turn_refused"):
        return "success"
    return "failure" if failure is not None and failure.trips_breaker else "neutral"


async def _refusal(reply: UpstreamReply, endpoint: Endpoint, wire: Wire) -> UpstreamError:
    body = await reply.read(ERROR_BODY_BYTES_MAX)
    error = endpoint.read_error(reply.status, reply.headers, body, endpoint.name)
    if reply.status in (401, 403) and isinstance(error, UpstreamRejected):
        # Not the caller's key: a bare 401 would send the harness looking for a fault in its own credentials.
        error = UpstreamRejected(
            f"{endpoint.provider} refused the gateway's credentials for {endpoint.name} ({reply.status}): {error.message}",
            status=403,
            upstream_code=error.upstream_code,
            try_next=True,
        )
    error.dialect = wire.dialect
    return error


def _row(
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
