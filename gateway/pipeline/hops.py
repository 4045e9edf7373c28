"""Hop by hop: call, retry, repair, fall over; until content reaches the client there is always a next chance.

The first content byte is the point of no return. Before it every failure may be retried on the same endpoint (as the
upstream asks) or handed to the next hop; after it an error travels inside the stream.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal

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
from gateway.ir.exchange import Hop
from gateway.ir.request import DialectName
from gateway.pipeline import continuation, points, refusal, relay, rows
from gateway.pipeline.flight import Change, Flight, Kept
from gateway.pipeline.guard import Guard
from gateway.pipeline.hedge import Early, Race
from gateway.pipeline.prepare import Prepared, prepare
from gateway.pipeline.runtime import Ports, Runtime
from gateway.ports import UpstreamReply
from gateway.routing import retry
from gateway.routing.table import Route
from gateway.telemetry import LOG
from gateway.toolgate.values import TurnRefused

QUOTA_COOL_S = 60.0

REASONING_WORDS = ("signature", "thinking", "reasoning_content", "encrypted content", "encrypted_content", "reasoning")
"""Words by which vendors name a reasoning block they will not take (gateways.md cases 38-43)."""

_NONE: frozenset[DialectName] = frozenset()

_log = logging.getLogger(LOG)


@dataclass(slots=True)
class _Attempt:
    """What one hop has used up so far."""

    number: int = 1
    repaired: bool = False
    rewired: bool = False


class DeliveredError(Exception):
    """The reply broke after content had reached the client; `error` says how, `raw` is the upstream's own error event, and
    `told` that it sent one."""

    def __init__(self, error: GatewayError, raw: bytes = b"", *, told: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.raw = raw
        self.told = told


def run(flight: Flight, route: Route | None, ports: Ports, runtime: Runtime) -> Coroutine[Any, Any, None]:
    """Serves the request from the first hop that can; where the route says so, asks another one beside it, and lets the next
    go on with a stream that breaks. Raises the most telling error if none could, DeliveredError if one broke for good."""
    if ports.judge is not None and runtime.judged:
        manner = runtime.manner_for(flight.exchange.identity.harness)
        flight.guard = Guard(ports.judge, flight.exchange, manner)
    if route is not None and route.guarded and flight.exchange.stream:
        return _raced(flight, route, ports, runtime)
    return _run(flight, route, ports, runtime, None)


async def _raced(flight: Flight, route: Route, ports: Ports, runtime: Runtime) -> None:
    race = _beyond(flight, route, ports, runtime)
    try:
        await _run(flight, route, ports, runtime, race)
    finally:
        if race is not None:
            await race.close()


def _beyond(flight: Flight, route: Route, ports: Ports, runtime: Runtime) -> Race | None:
    """What the route wants of a stream beyond trying its hops in order."""
    source = route.source
    if source.continue_on:
        flight.kept, flight.stall_s = Kept(), source.stall_s or 0.0
    if source.hedge_after_s is None:
        return None

    async def ask(hop: Hop) -> Early:
        endpoint = runtime.endpoints[hop.model]
        return Early(hop, endpoint, await _prepared(flight, endpoint, ports, runtime, repair=False), ports)

    async def serve(hop: Hop, early: Early) -> None:
        endpoint = runtime.endpoints[hop.model]
        await _hop(flight, hop, endpoint, route.retry, ports, runtime, last_hop=True, early=early)

    return Race(flight, ports, runtime, source.hedge_after_s, ask, serve)


async def _run(flight: Flight, route: Route | None, ports: Ports, runtime: Runtime, race: Race | None) -> None:
    assert flight.plan is not None
    if ports.prices.loading:
        await ports.prices.ready()
    errors: list[GatewayError] = []
    broken: DeliveredError | None = None
    rules = route.retry if route is not None else runtime.retry
    hops = flight.plan.hops
    last = len(hops) - 1
    for index, hop in enumerate(hops):
        endpoint = runtime.endpoints[hop.model]
        if not _well(hop, ports) and any(_well(later, ports) for later in hops[index + 1 :]):
            continue  # it fell ill, or its probes were taken, since the plan was made
        if race is not None and hop.model in race.spent:
            continue
        if flight.resuming is not None and not flight.resuming.fits(endpoint):
            continue
        try:
            if race is not None and race.open and index < last and broken is None:
                work = _hop(flight, hop, endpoint, rules, ports, runtime, last_hop=False)
                await race.run(work, hops[index + 1 :])
            else:
                early = race.early(hop.model) if race is not None else None
                await _hop(flight, hop, endpoint, rules, ports, runtime, last_hop=index == last, early=early)
        except (UpstreamError, DownstreamError) as error:
            errors.append(error)
            if isinstance(error, UpstreamError) and not error.try_next and broken is None:
                break
        except DeliveredError as delivered:
            flight.resuming = continuation.begin(
                flight, route, delivered.error, runtime.endpoints[flight.served or hop.model], told=delivered.told
            )
            if flight.resuming is None:
                raise
            broken = delivered
        else:
            if flight.resuming is not None:
                flight.ttft_s = flight.resuming.ttft_s  # the client's first content was that of the hop that broke
            return
    raise broken or _telling(errors)


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
    flight: Flight,
    hop: Hop,
    endpoint: Endpoint,
    rules: retry.Rules,
    ports: Ports,
    runtime: Runtime,
    *,
    last_hop: bool,
    early: Early | None = None,
) -> None:
    """`early`: the first attempt was begun before its turn."""
    tried = _Attempt()
    while True:
        if early is not None:
            prepared = early.prepared
        else:
            prepared = await _prepared(flight, endpoint, ports, runtime, repair=tried.repaired)
        wire = prepared.wire
        try:
            return await _attempt(flight, hop, endpoint, prepared, ports, runtime, early)
        except TurnRefused as refused:
            assert flight.guard is not None
            early = None
            flight.guard.ask_again(refused.rulings, flight.tally.reasoning())
        except UpstreamError as error:
            early = None
            error.model = endpoint.name
            if _unserved(error, endpoint, wire) and not tried.rewired:
                tried.rewired = True
                missing = runtime.missing_wires.get(endpoint.name, frozenset())
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


async def _prepared(flight: Flight, endpoint: Endpoint, ports: Ports, runtime: Runtime, *, repair: bool) -> Prepared:
    wire = endpoint.wire_for(flight.dialect.name, runtime.missing_wires.get(endpoint.name, _NONE))
    change: Change | None = None
    if flight.resuming is not None:
        wire = flight.resuming.wire(endpoint, wire)
        change = flight.resuming.change(wire)
    shown = flight
    if ports.leaks is not None and runtime.policy is not None:
        shown, change = await ports.leaks.sent(flight, endpoint, runtime.policy, change)
    prepared = await prepare(shown, endpoint, wire, ports.state, repair=repair, change=change)
    if runtime.hooks is not None:
        prepared = await points.before_upstream(flight, endpoint, prepared, ports, runtime)
    return prepared


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
    flight: Flight,
    hop: Hop,
    endpoint: Endpoint,
    prepared: Prepared,
    ports: Ports,
    runtime: Runtime,
    early: Early | None,
) -> None:
    """One call. Its row is written whatever happens; a DeliveredError means content is out."""
    tally = flight.tally = Tally()
    flight.served, flight.losses = endpoint.name, prepared.losses
    flight.headers = relay.headers_for(flight, hop, endpoint)
    began = flight.attempt_at = ports.clock.monotonic() if early is None else early.began
    flight.ttft_s = None
    probe = ports.health.started(endpoint.name) if early is None else early.probe
    reply: UpstreamReply | None = None
    failure: GatewayError | None = None
    outcome = "cancelled"
    try:
        reply = await (ports.upstream.send(prepared.taken()) if early is None else early.reply())
        if reply.status >= 400:
            raise await refusal.read(reply, endpoint, prepared.wire)
        await relay.deliver(flight, endpoint, prepared, reply, began)
        outcome, flight.reply = "ok", reply
    except GatewayError as error:
        refusal.tell(error, endpoint, streamed=flight.exchange.stream, stall_s=flight.stall_s)
        failure, outcome = error, error.code
        if flight.committed:
            raise DeliveredError(error) from error
        raise
    except TurnRefused:
        outcome = "turn_refused"
        raise
    except relay.Broken as broken:
        failure, outcome = broken.error, broken.error.code
        raise DeliveredError(broken.error, broken.raw, told=True) from broken
    finally:
        seconds = ports.clock.monotonic() - began
        flight.upstream_s += seconds
        flight.attempt_at = None
        ports.health.ended(endpoint.name, _breaker_word(outcome, failure), probe=probe)
        flight.hops.append(rows.ended(flight, endpoint, tally, outcome, failure, seconds, ports, runtime, reply))
        if reply is not None and outcome != "ok":
            # Last: a client that leaves just now cancels this wait, and must not take the row and the probe along.
            await asyncio.shield(reply.aclose())


def _breaker_word(outcome: str, failure: GatewayError | None) -> Literal["success", "failure", "neutral"]:
    if outcome in ("ok", "turn_refused"):
        return "success"
    return "failure" if failure is not None and failure.trips_breaker else "neutral"
