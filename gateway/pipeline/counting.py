"""count_tokens: by the upstream's own counter where it has one, else by the local tokenizer. Never an error for a readable
request: a harness without a count compacts too late or never (gateways.md cases 70-74)."""

from __future__ import annotations

import asyncio
import logging

import msgspec

from gateway.dialects import registry, responses
from gateway.dialects.contract import Target
from gateway.dialects.messages import DIALECT as MESSAGES
from gateway.endpoints import Endpoint
from gateway.errors import GatewayError, UnsupportedFeature
from gateway.pipeline.prepare import forwarded_headers
from gateway.pipeline.runtime import Ports, Runtime
from gateway.pipeline.serve import Pipeline, RawRequest
from gateway.ports import Timeouts, UpstreamRequest
from gateway.telemetry import LOG

UPSTREAM_S = 3.0
"""Longest wait for an upstream's count; the local estimate answers after that."""

_log = logging.getLogger(LOG)


class _Count(msgspec.Struct):
    input_tokens: int


async def count_messages(pipeline: Pipeline, raw: RawRequest) -> bytes:
    """Body of the answer to `POST /v1/messages/count_tokens`."""
    runtime, ports = pipeline.runtime(), pipeline.ports
    view = MESSAGES.read(raw.body)
    endpoint = await _counter(pipeline, raw, runtime)
    if endpoint is not None and ports.leaks is not None and runtime.policy is not None:
        clean = await ports.leaks.clean(view, endpoint, runtime.policy)
        endpoint = endpoint if clean else None  # what would be masked is not sent to be counted either
    if endpoint is not None and (counted := await _ask(endpoint, raw, ports)) is not None:
        return MESSAGES.count_body(counted)
    texts, extra = MESSAGES.countable(raw.body)
    return MESSAGES.count_body(await ports.tokens.count(texts) + extra)


async def count_responses(pipeline: Pipeline, raw: RawRequest) -> bytes:
    """Body of the answer to `POST /v1/responses/input_tokens`."""
    registry.by_name("responses").read(raw.body)
    texts, extra = responses.countable(raw.body)
    total = await pipeline.ports.tokens.count(texts) + extra
    return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": total})


async def _counter(pipeline: Pipeline, raw: RawRequest, runtime: Runtime) -> Endpoint | None:
    """The endpoint that would serve the request, if it counts in the Messages dialect itself."""
    try:
        decision = await pipeline.route(raw, MESSAGES)
    except GatewayError:
        return None
    endpoint = runtime.endpoints[decision["model"]]
    return endpoint if endpoint.count_tokens else None


async def _ask(endpoint: Endpoint, raw: RawRequest, ports: Ports) -> int | None:
    wire = endpoint.count_tokens
    if wire is None:
        return None
    target = Target(model=endpoint.model, profile=wire.profile)
    try:
        body = MESSAGES.adapt(raw.body, MESSAGES.read(raw.body), target, ask_usage=False)
    except UnsupportedFeature as error:
        # What this model could not serve can still be counted: the harness asks in order to decide what to send.
        _log.info("count_tokens: %s cannot carry the request (%s): counted locally", endpoint.name, error.message)
        return None
    request = UpstreamRequest(
        method="POST",
        origin=endpoint.origin,
        target=wire.target,
        headers=(
            (b"content-type", b"application/json"),
            (b"accept-encoding", b"identity"),
            *endpoint.headers,
            *forwarded_headers(raw.headers),
        ),
        body=body,
        timeouts=Timeouts(connect_s=UPSTREAM_S, first_byte_s=UPSTREAM_S, idle_s=UPSTREAM_S, total_s=UPSTREAM_S),
        proxy=endpoint.proxy,
        tls_ca=endpoint.tls_ca,
    )
    try:
        async with asyncio.timeout(UPSTREAM_S):
            reply = await ports.upstream.send(request)
            try:
                answer = await reply.read(1 << 16)
            finally:
                await reply.aclose()
        if reply.status != 200:
            return None
        return msgspec.json.decode(answer, type=_Count).input_tokens
    except (GatewayError, TimeoutError, msgspec.DecodeError) as error:
        _log.info("count_tokens of %s failed (%s): counted locally", endpoint.name, type(error).__name__)
        return None
