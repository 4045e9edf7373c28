"""Carrying a reply to the client: four ways, and what a client may always expect."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.adapters.state.memory import MemoryState
from gateway.endpoints import Wire
from gateway.errors import UpstreamOverloaded, UpstreamProtocol, UpstreamTimeout
from gateway.ir.exchange import Hop
from gateway.ir.profile import DEFAULT
from gateway.ir.request import DialectName
from gateway.pipeline import relay
from gateway.pipeline.flight import Flight
from gateway.pipeline.prepare import prepare
from gateway.testing.clock import ManualClock
from tests.unit.gateway.pipeline.made import DONE, END, JSON, ROLE, MadeReply, delta, event, flight, heard
from tests.unit.gateway.routing.made import endpoint

WHOLE = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
).encode()
STREAM = (ROLE, delta(content="hello"), END, DONE)
FAILED = event({"error": {"message": "overloaded", "type": "server_error", "code": 503}})


async def delivered(made: Flight, reply: MadeReply, upstream: DialectName = "chat", **more: Any) -> Flight:
    at = endpoint("up/model", wires=(Wire(upstream, "/x", DEFAULT),), **more)
    prepared = await prepare(made, at, at.wires[0], MemoryState(ManualClock(), 1 << 20), repair=False)
    await relay.deliver(made, at, prepared, reply, made.clock.monotonic())
    return made


async def test_a_stream_for_a_stream() -> None:
    made = await delivered(flight({"stream": True}), MadeReply(*STREAM))
    assert heard(made).data == b"".join(STREAM[:3])
    assert made.ending is not None
    assert made.ending(b": c\n\n") == b": c\n\n" + DONE
    assert (made.begun, made.ttft_s) == (True, 0.0)


async def test_a_whole_reply_for_a_whole_reply_is_its_bytes() -> None:
    made = await delivered(flight(), MadeReply(WHOLE, headers=JSON))
    assert made.whole == WHOLE
    assert made.tally.usage is not None
    assert made.tally.usage.output_tokens == 2


async def test_a_stream_is_always_answered_with_a_stream() -> None:
    made = await delivered(flight({"stream": True}), MadeReply(WHOLE, headers=JSON))
    assert heard(made).headers[b"content-type"].startswith(b"text/event-stream")
    assert b"hello" in heard(made).data
    assert made.ending is not None
    assert made.ending(b"") == DONE


async def test_and_a_whole_request_never() -> None:
    made = await delivered(flight(), MadeReply(*STREAM))
    assert json.loads(made.whole)["choices"][0]["message"]["content"] == "hello"


async def test_a_translated_whole_reply() -> None:
    made = await delivered(flight(dialect="messages"), MadeReply(WHOLE, headers=JSON))
    assert json.loads(made.whole)["content"] == [{"type": "text", "text": "hello"}]


async def test_an_error_before_content_leaves_the_client_untouched() -> None:
    for reply in (MadeReply(ROLE, FAILED), MadeReply(ROLE, UpstreamOverloaded("x"))):
        made = flight({"stream": True})
        with pytest.raises(UpstreamOverloaded):
            await delivered(made, reply)
        assert not made.begun
        assert not heard(made).started


async def test_an_error_after_content_is_told_with_the_upstreams_own_event() -> None:
    made = flight({"stream": True})
    with pytest.raises(relay.Broken) as caught:
        await delivered(made, MadeReply(ROLE, delta(content="a"), FAILED))
    assert caught.value.raw == FAILED
    assert made.begun
    assert heard(made).data == ROLE + delta(content="a")


@pytest.mark.parametrize("reply", [MadeReply(ROLE), MadeReply(), MadeReply(b": only comments\n\n")])
async def test_an_answer_without_content_is_none(reply: MadeReply) -> None:
    with pytest.raises(UpstreamProtocol):
        await delivered(flight({"stream": True}), reply)


async def test_a_folded_stream_that_failed_is_that_failure() -> None:
    with pytest.raises(UpstreamOverloaded):
        await delivered(flight(), MadeReply(ROLE, FAILED))


class Silent(MadeReply):
    async def chunks(self) -> Any:
        yield ROLE
        await asyncio.sleep(60)


async def test_content_must_begin_in_time() -> None:
    with pytest.raises(UpstreamTimeout) as caught:
        await delivered(flight({"stream": True}), Silent(), first_token_s=0.02)
    assert caught.value.phase == "first_token"


async def test_release_reads_to_the_end_and_gives_back_once() -> None:
    made = flight({"stream": True})
    reply = MadeReply(*STREAM, b": trailing\n\n")
    made.reply = reply
    await delivered(made, reply)
    given = reply.given
    await relay.release(made)
    await relay.release(made)
    assert (reply.given, reply.closed) == (given + 1, 1)


async def test_release_gives_back_also_what_breaks_at_the_end() -> None:
    made = flight({"stream": True})
    reply = MadeReply(*STREAM, UpstreamProtocol("cut"))
    made.reply = reply
    await delivered(made, reply)
    await relay.release(made)
    assert reply.closed == 1


def test_headers_of_a_hop_replace_those_of_the_hop_before() -> None:
    made = flight()
    made.headers, made.losses = [(b"x-request-id", b"r")], ("seed", "top_k")
    made.headers = relay.headers_for(made, Hop("a", "local", "why"), endpoint("a", "local", simulated=True))
    assert dict(made.headers)[b"x-interlock-simulated"] == b"true"
    assert dict(made.headers)[b"x-interlock-dropped"] == b"seed, top_k"
    made.losses = ()
    headers = relay.headers_for(made, Hop("b", "mid", "why\r\nnot"), replace(endpoint("b")))
    assert dict(headers) == {
        b"x-request-id": b"r",
        b"x-interlock-model": b"b",
        b"x-interlock-lane": b"mid",
        b"x-interlock-reason": b"why??not",
    }
    assert len(headers) == 4


@pytest.mark.parametrize(("text", "value"), [("größe", b"gr??e"), ("a\nb\0", b"a?b?"), ("x" * 400, b"x" * 300)])
def test_a_header_is_printable_and_bounded(text: str, value: bytes) -> None:
    assert relay.header_text(text) == value
