"""Embeddings: passed through to the endpoint that serves them; only the model name is ours."""

from __future__ import annotations

from functools import partial
from typing import Literal

import msgspec

from gateway.accounting.cost import Pricing, cost_of
from gateway.dialects import registry
from gateway.endpoints import Endpoint
from gateway.errors import GatewayError, MalformedRequest, ModelNotAllowed, NoRoute, UnknownModel, UpstreamProtocol
from gateway.ir.exchange import Exchange, HopRow, Identity, Labels, Plan
from gateway.ir.usage import Usage
from gateway.pipeline import lost, settle
from gateway.pipeline.flight import Flight
from gateway.pipeline.runtime import Runtime
from gateway.pipeline.serve import Pipeline, RawRequest, usd
from gateway.ports import Caller, Sink, UpstreamRequest
from gateway.telemetry import H_COST, H_MODEL, H_REQUEST_ID
from gateway.wire import splice

REPLY_BYTES_MAX = 64 << 20


class _Body(msgspec.Struct):
    model: str
    input: str | list[msgspec.Raw]


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0


class _Reply(msgspec.Struct):
    usage: _Usage | None = None


async def embed(pipeline: Pipeline, raw: RawRequest, sink: Sink) -> None:
    """One upstream call, one ledger row. UnknownModel, NoRoute, UpstreamError."""
    runtime, ports = pipeline.runtime(), pipeline.ports
    await ports.prices.ready()
    try:
        raw.body.decode("utf-8")  # what is not looked at is forwarded as it is, but as text
        asked = msgspec.json.decode(raw.body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequest(f"the body is no embeddings request: {error}") from error
    endpoint = _endpoint(asked.model, runtime, raw)
    exchange = _exchange(raw, asked.model, ports.clock.now())
    flight = Flight(exchange, registry.by_name("chat"), sink, ports.clock, ports.clock.monotonic())
    flight.plan = Plan((), "embeddings", False, f"{endpoint.name} serves embeddings")
    flight.served = endpoint.name
    body = await _accounted(pipeline, endpoint, raw, flight, runtime)
    headers = [
        (b"content-type", b"application/json"),
        (H_REQUEST_ID, raw.request_id.encode()),
        (H_MODEL, endpoint.name.encode()),
        (H_COST, usd(flight.hops[-1].cost_usd_micros)),
    ]
    await sink.whole(200, headers, body)


async def _accounted(
    pipeline: Pipeline, endpoint: Endpoint, raw: RawRequest, flight: Flight, runtime: Runtime
) -> bytes:
    """The call, with its row written whatever happens."""
    ports, usage = pipeline.ports, Usage(source="none")
    began = flight.attempt_at = ports.clock.monotonic()
    ports.ledger.opened(raw.request_id, partial(lost.row, flight, ports, runtime))
    probe = ports.health.started(endpoint.name)
    outcome, status = "cancelled", 0
    word: Literal["success", "failure", "neutral"] = "neutral"
    error: str | None = None
    flight.outcome, flight.status = "client_left", 499
    try:
        body, usage = await _call(pipeline, endpoint, raw, flight)
        outcome, word, status = "ok", "success", 200
        flight.outcome, flight.status, flight.reply_bytes = "ok", 200, len(body)
        return body
    except GatewayError as failure:
        outcome, error = failure.code, failure.message[:500]
        word = "failure" if failure.trips_breaker else "neutral"
        flight.outcome, flight.status, flight.error = "upstream_error", failure.status, f"{outcome}: {error}"
        raise
    finally:
        seconds = flight.upstream_s = ports.clock.monotonic() - began
        flight.attempt_at = None
        ports.health.ended(endpoint.name, word, probe=probe)
        pricing = runtime.pricing.get(endpoint.name, Pricing())
        cost = cost_of(usage, pricing, ports.prices, at_s=flight.exchange.received_s, busy_s=seconds)
        flight.hops.append(
            HopRow(
                model=endpoint.name,
                provider=endpoint.provider,
                upstream_model=endpoint.model,
                outcome=outcome,
                status=status,
                error=error,
                ttft_ms=None,
                total_ms=round(seconds * 1000, 3),
                usage=usage,
                cost_usd_micros=cost.total_usd_micros,
                cost_parts=cost.parts,
                price_version=cost.version,
                lane=endpoint.lane,
            )
        )
        ports.ledger.record(settle.row(flight, ports, runtime))


def _endpoint(asked: str, runtime: Runtime, raw: RawRequest) -> Endpoint:
    name = runtime.table.resolve(asked)
    able = [e for e in runtime.endpoints.values() if e.embeddings_target]
    if name is not None and name in runtime.endpoints:
        endpoint = runtime.endpoints[name]
        if not endpoint.embeddings_target:
            raise NoRoute(
                f"{name} serves no embeddings", accepted=", ".join(e.name for e in able) or "no model here does"
            )
    elif name is None:
        raise UnknownModel(f"unknown model {asked[:120]!r}", where="$.model", accepted=", ".join(e.name for e in able))
    elif not able:
        raise NoRoute("no configured model serves embeddings")
    else:
        endpoint = min(able, key=lambda e: (not _allowed(e, raw.caller), not e.local))
    if not _allowed(endpoint, raw.caller):
        raise ModelNotAllowed(f"this key may not use {endpoint.name}")
    return endpoint


def _allowed(endpoint: Endpoint, caller: Caller) -> bool:
    return (not caller.models or endpoint.name in caller.models) and (not caller.lanes or endpoint.lane in caller.lanes)


async def _call(pipeline: Pipeline, endpoint: Endpoint, raw: RawRequest, flight: Flight) -> tuple[bytes, Usage]:
    body = splice.splice(raw.body, {"model": msgspec.json.encode(endpoint.model)})
    leaks, policy = pipeline.ports.leaks, pipeline.runtime().policy
    if leaks is not None and policy is not None:
        body = await leaks.input(flight, body, endpoint, policy)
    assert endpoint.embeddings_target is not None
    request = UpstreamRequest(
        method="POST",
        origin=endpoint.origin,
        target=endpoint.embeddings_target,
        headers=((b"content-type", b"application/json"), (b"accept-encoding", b"identity"), *endpoint.headers),
        body=body,
        timeouts=endpoint.timeouts,
        proxy=endpoint.proxy,
        tls_ca=endpoint.tls_ca,
    )
    reply = await pipeline.ports.upstream.send(request)
    try:
        answer = await reply.read(REPLY_BYTES_MAX)
    finally:
        await reply.aclose()
    if reply.status >= 400:
        raise endpoint.read_error(reply.status, reply.headers, answer, endpoint.name)
    try:
        usage = msgspec.json.decode(answer, type=_Reply).usage
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamProtocol(f"{endpoint.name} answered embeddings with something that is not JSON") from error
    tokens = usage.prompt_tokens if usage else 0
    return answer, Usage(input_tokens=tokens, source="reported" if usage else "none")


def _exchange(raw: RawRequest, model: str, now_s: float) -> Exchange:
    caller = raw.caller
    return Exchange(
        request_id=raw.request_id,
        received_s=now_s,
        dialect="chat",
        path=raw.path,
        query=raw.query,
        headers=raw.headers,
        body=raw.body,
        view=None,
        model_asked=model,
        stream=False,
        identity=Identity(key_id=caller.key_id, key_name=caller.name, key_tags=caller.tags),
        labels=Labels(call="main"),
        tags=caller.tags,
    )
