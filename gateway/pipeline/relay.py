"""Carries one upstream reply to the client: streamed or whole, in the client's dialect, with the client's expectations.

Two rules from clients.md section 4 are kept here: a stream request is always answered with a stream (OpenCode repeats a
JSON answer without limit), and a stream always ends the way its dialect demands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import lru_cache

from gateway.dialects._shared import error_of_failed
from gateway.endpoints import Endpoint
from gateway.errors import GatewayError, UpstreamProtocol, UpstreamTimeout
from gateway.ir.events import Failed, Response, fold, unfold
from gateway.ir.exchange import Hop
from gateway.pipeline.flight import Flight, HeaderList
from gateway.pipeline.guard import Guard
from gateway.pipeline.prepare import Prepared
from gateway.pipeline.transit import StreamFailed, Transit, last_event
from gateway.ports import PouredBody, UpstreamReply, pour
from gateway.telemetry import H_LANE, H_LOSSES, H_MODEL, H_REASON, H_SIMULATED
from gateway.toolgate import mend_neutral
from gateway.toolgate.values import Rulings
from gateway.wire.sse import SseSplitter

WHOLE_BYTES_MAX = 64 << 20
"""Largest whole reply taken: 128k output tokens with base64 images stay far below."""

DRAIN_S = 0.25
"""Grace for the end of a body after its terminal event, so that the connection can be used again."""


class Broken(Exception):
    """The upstream reported an error in its stream after content was delivered."""

    def __init__(self, error: GatewayError, raw: bytes) -> None:
        super().__init__(error.message)
        self.error = error
        self.raw = raw


def headers_for(flight: Flight, hop: Hop, endpoint: Endpoint) -> HeaderList:
    """Response headers that only the served hop knows, before the reply; the common ones were set by `serve`."""
    kept = [(n, v) for n, v in flight.headers if n not in _HOP_HEADERS]
    kept += (
        (H_MODEL, header_text(endpoint.name)),
        (H_LANE, endpoint.lane.encode()),
        (H_REASON, header_text(hop.reason)),
    )
    if flight.losses:
        kept.append((H_LOSSES, header_text(", ".join(flight.losses))))
    if endpoint.simulated:
        kept.append((H_SIMULATED, b"true"))
    return kept


_HOP_HEADERS = frozenset({H_MODEL, H_LANE, H_REASON, H_LOSSES, H_SIMULATED})


@lru_cache(4096)
def header_text(text: str, limit: int = 300) -> bytes:
    """A header value: printable ASCII, one line, bounded."""
    text = text[:limit]
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if " " <= c <= "~" else "?" for c in text)
    return text.encode("ascii")


def deliver(
    flight: Flight, endpoint: Endpoint, prepared: Prepared, reply: UpstreamReply, began: float
) -> Awaitable[None]:
    """Returns when the reply is delivered to its end (the closing comment and the end of the body are `serve`'s).
    Raises UpstreamError before content (the next hop may be tried), Broken or UpstreamError with `flight.begun` after."""
    streamed = _is_event_stream(reply)
    if flight.exchange.stream and streamed:
        return _stream(flight, endpoint, prepared, reply, began)
    if flight.exchange.stream:
        return _whole_as_stream(flight, prepared, reply, began)
    if streamed:
        return _stream_as_whole(flight, prepared, reply)
    return _whole(flight, prepared, reply)


def _is_event_stream(reply: UpstreamReply) -> bool:
    return any(name == b"content-type" and b"event-stream" in value.lower() for name, value in reply.headers)


async def _stream(flight: Flight, endpoint: Endpoint, prepared: Prepared, reply: UpstreamReply, began: float) -> None:
    same = prepared.same
    transit = Transit(
        client=flight.dialect,
        upstream=prepared.dialect,
        profile=prepared.wire.profile,
        context=None if same else flight.context(),
        tally=flight.tally,
        hide_usage=prepared.hide_usage,
        encoder=None if flight.resuming is None else flight.encoder(prepared.wire),
        guard=flight.guard,
    )
    chunks = reply.chunks()
    left_s = endpoint.first_token_s - (flight.clock.monotonic() - began)
    limit = asyncio.timeout(max(left_s, 0.001))

    kept, stall_s, loop = flight.kept, flight.stall_s, asyncio.get_running_loop()
    since = 0.0
    guarded = flight.guard is not None

    def take(chunk: bytes) -> bool:
        nonlocal since
        if flight.ttft_s is None and (limit.expired() or flight.beaten):
            return False  # the task is being told just now
        data = transit.feed(chunk)
        if flight.ttft_s is None and transit.begun:
            limit.reschedule(None)
            flight.ttft_s = flight.clock.monotonic() - began
            if flight.on_content is not None:
                flight.on_content()
        if stall_s and transit.begun and not limit.expired():
            limit.reschedule(loop.time() + stall_s)
        if guarded and (since or transit.holding):
            since = _held_since(flight, transit, since)
        if data:
            flight.begun = True
            if kept is not None:
                kept.add(data)
            if not flight.push(data):
                return False
        return not transit.over

    try:
        async with limit:
            ended = False
            while not (ended or transit.over):
                ended = await pour(chunks, take)
                if stall_s and transit.begun:
                    limit.reschedule(None)  # a client that reads slowly is no upstream that stalls
                await flight.settle()
                await _judged(flight, transit)
                if stall_s and transit.begun:
                    limit.reschedule(loop.time() + stall_s)
            if transit.failure is not None:
                raise transit.failure
            limit.reschedule(None)
            data = transit.close()
            if transit.need:
                await _send(flight, data)
                data = await _judged(flight, transit, last=True)
            if transit.failure is not None:
                raise transit.failure
    except TimeoutError:
        if flight.ttft_s is not None:
            raise UpstreamTimeout(f"{endpoint.name} was silent for {stall_s:g} s", phase="idle") from None
        raise UpstreamTimeout(
            f"{endpoint.name} sent no content within {endpoint.first_token_s:g} s", phase="first_token"
        ) from None
    except StreamFailed as failed:
        if flight.committed:
            raise Broken(failed.error, failed.raw) from failed
        raise failed.error from failed
    if flight.ttft_s is None:
        flight.ttft_s = flight.clock.monotonic() - began
    if data or not flight.sink.started:
        flight.begun = True
        await flight.write(data)
    flight.begun = True
    flight.terminal = transit.terminal
    flight.ending = transit.closing
    flight.rest = chunks


def _held_since(flight: Flight, transit: Transit, since: float) -> float:
    """When the calls that are under way began, 0 for none. Too long ago: they are refused."""
    if not transit.holding:
        return 0.0
    now = flight.clock.monotonic()
    assert flight.guard is not None
    if since and now - since > flight.guard.manner.held_s:
        transit.expire()
    return since or now


async def _send(flight: Flight, data: bytes) -> None:
    if data:
        flight.begun = True
        if flight.kept is not None:
            flight.kept.add(data)
        await flight.write(data)


async def _judged(flight: Flight, transit: Transit, *, last: bool = False) -> bytes:
    """Answers what the gate asks, if it does; keep-alives go on meanwhile. What is released is sent, or returned if it is
    the last of the stream."""
    data = b""
    while transit.need:
        assert flight.guard is not None
        await _send(flight, data)
        told = await flight.guard.verdicts(transit.need)
        data = transit.give_up(told) if isinstance(told, str) else transit.resolve(told)
    if last:
        return data
    await _send(flight, data)
    return b""


async def release(flight: Flight) -> None:
    """After the client has everything: reads what may follow the terminal event, briefly (a body read to its end leaves a
    connection that can be used again), and gives the connection back."""
    if flight.reply is None:
        return
    reply, rest, flight.reply, flight.rest = flight.reply, flight.rest, None, None
    try:
        if rest is not None and not (isinstance(reply, PouredBody) and reply.complete):
            async with asyncio.timeout(DRAIN_S):
                async for _ in rest:
                    pass
    except (TimeoutError, GatewayError):
        pass
    finally:
        await reply.aclose()


async def _whole(flight: Flight, prepared: Prepared, reply: UpstreamReply) -> None:
    body = await reply.read(WHOLE_BYTES_MAX)
    if prepared.same and (seen := prepared.dialect.glance(body)) is not None:
        flight.tally.glanced(seen)
        flight.whole = body
        return
    response = prepared.dialect.decode_response(body, prepared.wire.profile)
    _account(flight, response)
    rulings = await _ruled(flight, response, translated=not prepared.same)
    if not prepared.same:
        body = flight.dialect.encode_response(mend_neutral.whole(response, rulings), flight.context())
    elif rulings:
        body = Guard.mended(prepared.dialect.name, body, rulings)
    flight.whole = body


async def _ruled(flight: Flight, response: Response, *, translated: bool) -> Rulings:
    """Verdicts on the calls of a whole reply."""
    if flight.guard is None:
        return {}
    return await flight.guard.rule(response, flight.request() if translated else None, translated=translated)


async def _whole_as_stream(flight: Flight, prepared: Prepared, reply: UpstreamReply, began: float) -> None:
    """The upstream ignored `stream: true`: its whole answer becomes a proper stream."""
    body = await reply.read(WHOLE_BYTES_MAX)
    response = prepared.dialect.decode_response(body, prepared.wire.profile)
    _account(flight, response)
    response = mend_neutral.whole(response, await _ruled(flight, response, translated=not prepared.same))
    encoder = flight.encoder(prepared.wire)
    data = b"".join([*map(encoder.feed, unfold(response)), encoder.close()])
    flight.ttft_s = flight.clock.monotonic() - began
    flight.begun = True
    flight.terminal = data
    data, tail = last_event(data)
    flight.ending = lambda comment: comment + tail
    await flight.write(data)


async def _stream_as_whole(flight: Flight, prepared: Prepared, reply: UpstreamReply) -> None:
    """The upstream streamed although a whole answer was asked for: its stream is folded."""
    splitter = SseSplitter()
    decoder = prepared.dialect.stream_decoder(prepared.wire.profile)
    events = []
    size = 0
    async for chunk in reply.chunks():
        size += len(chunk)
        if size > WHOLE_BYTES_MAX:
            raise UpstreamProtocol("the upstream's streamed reply is over 64 MiB")
        for event in splitter.feed(chunk):
            events += decoder.feed(event)
    if tail := splitter.close().strip():
        events += decoder.feed(tail + b"\n\n")
    events += decoder.close()
    folded = fold(events)
    if isinstance(folded, Failed):
        raise error_of_failed(folded)
    _account(flight, folded)
    folded = mend_neutral.whole(folded, await _ruled(flight, folded, translated=not prepared.same))
    flight.whole = flight.dialect.encode_response(folded, flight.context())


def _account(flight: Flight, response: Response) -> None:
    for event in unfold(response):
        flight.tally.feed(event)
