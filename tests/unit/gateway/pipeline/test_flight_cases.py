"""A request in flight: what goes to the client, one writer at a time."""

from __future__ import annotations

import asyncio

from gateway.pipeline.flight import STREAM_HEADERS
from gateway.testing.clock import settle
from tests.unit.gateway.pipeline.made import HeardSink, flight, heard

CUSTOM = {"type": "custom", "custom": {"name": "patch", "description": "d"}}
FUNCTION = {"type": "function", "function": {"name": "run", "parameters": {"type": "object"}}}


async def test_the_head_goes_out_once_with_the_first_bytes() -> None:
    made = flight({"stream": True})
    made.headers = [(b"x-interlock-model", b"m")]
    await made.write(b"a")
    await made.write(b"b")
    assert heard(made).data == b"ab"
    assert heard(made).headers == dict(STREAM_HEADERS) | {b"x-interlock-model": b"m"}
    assert (made.status, made.reply_bytes) == (200, 2)


async def test_a_ping_opens_the_stream_but_begins_no_content() -> None:
    made = flight({"stream": True})
    made.keepalive = True
    await made.ping()
    assert heard(made).data == made.dialect.keepalive
    assert (made.begun, made.reply_bytes, made.last_write) == (False, 0, made.clock.monotonic())


async def test_no_ping_unless_it_is_wanted() -> None:
    made = flight({"stream": True})
    assert not made.quiet
    await made.ping()
    assert not heard(made).started


class SlowSink(HeardSink):
    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.inside = 0

    async def write(self, data: bytes) -> None:
        self.inside += 1
        assert self.inside == 1, "two writers at once"
        await self.gate.wait()
        self.inside -= 1
        await super().write(data)


async def test_content_waits_for_a_ping_under_way_and_a_ping_never_for_content() -> None:
    made = flight({"stream": True})
    made.keepalive, made.sink = True, SlowSink()
    loop = asyncio.get_running_loop()
    ping = loop.create_task(made.ping())
    await settle()
    assert not made.quiet
    content = loop.create_task(made.write(b"content"))
    await settle()
    await made.ping()  # does nothing, at once
    made.sink.gate.set()
    await asyncio.gather(ping, content)
    assert heard(made).data == made.dialect.keepalive + b"content"
    assert made.quiet


def test_the_request_is_decoded_once() -> None:
    made = flight()
    assert made.request() is made.request()


def test_what_an_encoder_is_told() -> None:
    context = flight({"tools": [CUSTOM, FUNCTION], "stream": True}).context()
    assert (context.reply_id, context.model, context.created_s) == ("abc", "auto", 1_770_000_000)
    assert (context.custom_tools, context.input_tokens_estimate) == (frozenset({"patch"}), 7)
    assert context.include_usage is False
