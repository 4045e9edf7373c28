"""From exchange and hop to the exact upstream request: reasoning put right, model named, dialect kept or translated.

Each hop starts from the same frozen exchange, so a retry never inherits another hop's edits.
"""

from __future__ import annotations

import logging
from dataclasses import replace as replace_request

import msgspec
from msgspec.structs import replace

from gateway.dialects import registry
from gateway.dialects.contract import Dialect, SeenReasoning, Target, View
from gateway.endpoints import Endpoint, Wire
from gateway.errors import GatewayError, Headers
from gateway.ir.exchange import Exchange
from gateway.pipeline.flight import Change, Flight
from gateway.ports import StateStore, Timeouts, UpstreamRequest
from gateway.sessions import reasoning
from gateway.telemetry import LOG
from gateway.wire import splice

REASONING = "reasoning"
NOTHING = reasoning.Decision()

_log = logging.getLogger(LOG)

FORWARDED_PREFIXES = (b"anthropic-", b"openai-")
"""Client headers that belong to the dialect: forwarded as they are when the upstream speaks the same one (protocols.md 1.6:
beta headers are an open list, never an allowlist of ours)."""


class Prepared(msgspec.Struct):
    """`request` is gone once it is sent: a stream may last minutes, and its request may be megabytes. `same`: bytes pass
    through in one dialect. `hide_usage`: usage was asked for on our own account; the client must not see the extra chunk."""

    request: UpstreamRequest | None
    wire: Wire
    dialect: Dialect
    losses: tuple[str, ...]
    same: bool
    hide_usage: bool

    def taken(self) -> UpstreamRequest:
        """The request, to be sent once."""
        request, self.request = self.request, None
        assert request is not None
        return request


async def prepare(
    flight: Flight, endpoint: Endpoint, wire: Wire, state: StateStore, *, repair: bool, change: Change | None = None
) -> Prepared:
    """`repair`: the upstream refused the request's reasoning; send it without any. `change`: the request is another one than
    the client's, so it is translated. UnsupportedFeature when the target cannot carry the request."""
    exchange = flight.exchange
    call = _call(endpoint, wire, exchange.stream)
    upstream, target = call.dialect, call.target
    same = change is None and upstream is flight.dialect and not upstream.needs_translation(exchange.view, wire.profile)
    losses: tuple[str, ...] = ()
    if same and not flight.asked_again:
        body, losses = await _same(flight, endpoint, wire, state, target, upstream, repair=repair)
    else:
        body, losses = await _translated(flight, endpoint, wire, state, target, upstream, repair=repair, change=change)
    request = UpstreamRequest(
        "POST",
        endpoint.origin,
        _target(wire, exchange, same),
        _headers(exchange, endpoint, call, same),
        body,
        call.timeouts,
        endpoint.proxy,
        endpoint.tls_ca,
    )
    hide_usage = same and exchange.stream and not exchange.view.include_usage
    return Prepared(request, wire, upstream, losses, same, hide_usage)


class _Call(msgspec.Struct, frozen=True):
    """What all calls of one endpoint over one wire have in common."""

    endpoint: Endpoint
    wire: Wire
    dialect: Dialect
    target: Target
    timeouts: Timeouts
    headers: Headers


_calls: dict[tuple[str, str, bool], _Call] = {}
"""By name, dialect and streaming: bounded by the configuration, and checked against it, because a reload may change what a
name means."""


def _call(endpoint: Endpoint, wire: Wire, stream: bool) -> _Call:
    key = (endpoint.name, wire.dialect, stream)
    known = _calls.get(key)
    if known is None or known.endpoint is not endpoint or known.wire is not wire:
        known = _calls[key] = _Call(
            endpoint,
            wire,
            registry.by_name(wire.dialect),
            Target(model=endpoint.model, profile=wire.profile, max_output_tokens=endpoint.max_output_tokens),
            _timeouts(endpoint, stream=stream),
            (
                (b"content-type", b"application/json"),
                (b"accept", b"text/event-stream" if stream else b"application/json"),
                (b"accept-encoding", b"identity"),
            ),
        )
    return known


async def _same(
    flight: Flight, endpoint: Endpoint, wire: Wire, state: StateStore, target: Target, dialect: Dialect, *, repair: bool
) -> tuple[bytes, tuple[str, ...]]:
    exchange = flight.exchange
    body: bytes = exchange.body
    view: View = exchange.view
    if repair:
        body = dialect.without_reasoning(body, view, wire.profile)
        view = dialect.read(body)
    elif seen := exchange.reading.seen(dialect):
        who = endpoint.mint, wire.profile, flight.state.mints
        seen = exchange.reading.unsound(seen, *who)
        decision, sure = await _decide(flight, seen, endpoint, wire, state) if seen else (NOTHING, True)
        if not decision and sure:
            exchange.reading.found_sound(*who)
        if decision:
            body = dialect.rewrite_reasoning(body, view, decision.drop, decision.restore, wire.profile)
            view = dialect.read(body)
    adapted = dialect.adapt(body, view, target, ask_usage=exchange.stream)
    return adapted, _left_out(body, adapted, view, target)


def _left_out(body: bytes, adapted: bytes, view: View, target: Target) -> tuple[str, ...]:
    """Top-level fields that `adapt` took away. Looked for only when more than the model's name changed in size."""
    start, end = view.span_model
    expected = len(body) + len(msgspec.json.encode(target.model)) - (end - start)
    if adapted is body or len(adapted) == expected:
        return ()
    before, after = splice.fields(body), splice.fields(adapted)
    renamed = _BOUNDS if _BOUNDS & after.keys() else frozenset()
    gone = [name for name in before if name not in after and name not in renamed]
    gone += [name for name in _SOFTENED if name in before and name in after and before[name] != after[name]]
    return tuple(gone)


# Two names of one bound: `adapt` puts it under the one that the upstream knows.
_BOUNDS = frozenset({"max_tokens", "max_completion_tokens"})
# Fields that `adapt` replaces by the nearest thing the upstream takes: auto for a forced tool, json_object for a schema.
_SOFTENED = ("tool_choice", "response_format")


async def _translated(
    flight: Flight,
    endpoint: Endpoint,
    wire: Wire,
    state: StateStore,
    target: Target,
    upstream: Dialect,
    *,
    repair: bool,
    change: Change | None,
) -> tuple[bytes, tuple[str, ...]]:
    request = flight.request()
    messages = request.messages + flight.asked_again
    if not repair and (seen := reasoning.seen_in(messages)):
        decision, _ = await _decide(flight, seen, endpoint, wire, state)
        messages = reasoning.apply(messages, decision)
    stream = flight.exchange.stream
    request = replace_request(request, messages=messages, stream=stream, include_usage=stream)
    if change is not None:
        request = change.request(request)
    encoded = upstream.encode_request(request, target)
    body = encoded.body
    if repair:
        body = upstream.without_reasoning(body, upstream.read(body), wire.profile)
    if change is not None:
        body = change.body(body)
    if flight.dialect.name == "responses":  # this gateway stores by itself: nothing is lost
        return body, tuple(loss for loss in encoded.losses if loss != "store")
    return body, encoded.losses


async def _decide(
    flight: Flight, seen: list[SeenReasoning], endpoint: Endpoint, wire: Wire, state: StateStore
) -> tuple[reasoning.Decision, bool]:
    """The decision, and whether it was made knowing all that is remembered."""
    session = flight.exchange.session.id
    keys = reasoning.keys_needed(seen)
    raw = await recalled_many(state, REASONING, [f"{session}|{k}" for k in keys])
    found = zip(keys, raw or [], strict=raw is not None)
    known = {key: entry for key, value in found if (entry := reasoning.load(value)) is not None}
    decision = reasoning.decide(seen, known, mint=endpoint.mint, profile=wire.profile, mints=flight.state.mints)
    return decision, raw is not None


async def recalled(state: StateStore, ns: str, key: str) -> bytes | None:
    """What is remembered; nothing when the store is away. Memory makes answers better, it must not prevent them."""
    try:
        return await state.get(ns, key)
    except GatewayError as error:
        _log.error("%s is not recalled: %s", ns, error.message)
        return None


async def recalled_many(state: StateStore, ns: str, keys: list[str]) -> list[bytes | None] | None:
    """As `recalled`, in the order of the keys; None when the store is away."""
    try:
        return await state.get_many(ns, keys)
    except GatewayError as error:
        _log.error("%s of %d keys is not recalled: %s", ns, len(keys), error.message)
        return None


def _timeouts(endpoint: Endpoint, *, stream: bool) -> Timeouts:
    """A stream's first content cannot come before its head: the shorter of the two limits holds for the head as well."""
    timeouts = endpoint.timeouts
    if stream and endpoint.first_token_s < timeouts.first_byte_s:
        return replace(timeouts, first_byte_s=endpoint.first_token_s)
    return timeouts


def _target(wire: Wire, exchange: Exchange, same: bool) -> str:
    return f"{wire.target}?{exchange.query}" if same and exchange.query else wire.target


def _headers(exchange: Exchange, endpoint: Endpoint, call: _Call, same: bool) -> Headers:
    request_id = (b"x-request-id", exchange.request_id.encode())
    forwarded = forwarded_headers(exchange.headers) if same else []
    if not forwarded:
        return (*call.headers, request_id, *endpoint.headers)
    taken = {name for name, _ in forwarded}
    own = [h for h in endpoint.headers if h[0] not in taken]
    return (*call.headers, request_id, *own, *forwarded)


def forwarded_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The client's headers that go on to an upstream of the same dialect."""
    return [(n, v) for n, v in headers if n.startswith(FORWARDED_PREFIXES) or n == b"user-agent"]
