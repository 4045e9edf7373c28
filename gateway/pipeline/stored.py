"""`store` and `previous_response_id` of Responses, kept in the gateway's own state store and scoped by caller key.

The gateway never relies on an upstream's store: a follow-up may go to another model. What is kept: the raw input items, the
raw output items, and the whole response object, for as long as `responses_store.ttl_s`.
"""

from __future__ import annotations

import logging

import msgspec

from gateway.config.settings import ResponsesStoreConfig
from gateway.dialects import responses
from gateway.dialects.contract import ClientDialect, View
from gateway.errors import NotFound, UpstreamProtocol
from gateway.pipeline.flight import Flight
from gateway.ports import StateStore
from gateway.telemetry import LOG
from gateway.wire import sse

STORED = "response"

_log = logging.getLogger(LOG)


class StoredResponse(msgspec.Struct, frozen=True):
    """`input` and `output` are raw JSON items; `body` the raw response object."""

    input: list[bytes]
    output: list[bytes]
    body: bytes


_decoder = msgspec.msgpack.Decoder(StoredResponse)


def key_of(key_id: str, response_id: str) -> str:
    return f"{key_id}|{response_id}"


async def load(state: StateStore, key_id: str, response_id: str) -> StoredResponse:
    """NotFound when it never was, has expired, or belongs to another key."""
    raw = await state.get(STORED, key_of(key_id, response_id))
    if raw is None:
        raise NotFound(
            f"response {response_id[:80]!r} is not stored here: it was sent with store=false, is older than the retention "
            "limit, or belongs to another key",
            where="previous_response_id",
            accepted="the whole conversation in `input`",
        )
    return _decoder.decode(raw)


async def resolve(
    body: bytes, view: View, dialect: ClientDialect, key_id: str, state: StateStore
) -> tuple[bytes, View]:
    """The request with its stored history put in front, if it refers to one."""
    if view.previous_response_id is None:
        return body, view
    earlier = await load(state, key_id, view.previous_response_id)
    body = responses.with_history(body, [*earlier.input, *earlier.output])
    return body, dialect.read(body)


async def keep(flight: Flight, state: StateStore, rules: ResponsesStoreConfig) -> None:
    """Stores a delivered response unless the client said store=false. Too large: answered, not stored, and logged."""
    view: View = flight.exchange.view
    if flight.dialect.name != "responses" or view.store is False or rules.ttl_s <= 0:
        return
    body = flight.whole or _object(flight.terminal)
    if not body:
        return
    try:
        response_id = responses.response_id(body)
        value = StoredResponse(responses.input_items(flight.exchange.body), responses.output_items(body), body)
    except UpstreamProtocol:
        _log.warning("a response could not be read for storing: %s", flight.exchange.request_id)
        return
    raw = msgspec.msgpack.encode(value)
    if len(raw) > rules.max_bytes:
        _log.warning("response %s is %d bytes: answered, not stored", response_id, len(raw))
        return
    await state.put(STORED, key_of(flight.exchange.identity.key_id, response_id), raw, rules.ttl_s)


class _Terminal(msgspec.Struct):
    response: msgspec.Raw = msgspec.Raw(b"")


_terminal = msgspec.json.Decoder(_Terminal)


def _object(events: bytes) -> bytes:
    """The response object inside the terminal event (the last of the events given)."""
    for event in reversed(sse.SseSplitter().feed(events)):
        data = sse.data_of(event)
        if data and b'"response"' in data:
            try:
                return bytes(_terminal.decode(data).response)
            except msgspec.DecodeError:
                return b""
    return b""
