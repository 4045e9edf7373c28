"""`ScriptedUpstream` keeps the contract of the `Upstream` port: heads first, silences as timeouts, cuts as errors."""

from __future__ import annotations

import json

import pytest

from gateway.errors import UpstreamConnect, UpstreamProtocol, UpstreamTimeout
from gateway.ports import Timeouts, UpstreamRequest
from gateway.testing.scripted import ScriptedModel, ScriptedUpstream, say

BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}], "tools": []}).encode()


def request(origin: str = "http://a", *, body: bytes = BODY, timeouts: Timeouts | None = None) -> UpstreamRequest:
    return UpstreamRequest("POST", origin, "/v1/chat/completions", (), body, timeouts or Timeouts())


class Naps:
    """Sleeps that take no time and remember how long they were meant to be."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_a_stream_arrives_in_pieces() -> None:
    upstream = ScriptedUpstream(turns=[say("Hello there, this is a longer text.")])
    reply = await upstream.send(request())
    assert reply.status == 200
    assert dict(reply.headers)[b"content-type"].startswith(b"text/event-stream")
    pieces = [chunk async for chunk in reply.chunks()]
    assert len(pieces) > 4
    assert pieces[-1] == b"data: [DONE]\n\n"
    await reply.aclose()
    assert not upstream.requests[0].aborted


async def test_leaving_early_is_recorded() -> None:
    upstream = ScriptedUpstream(turns=[say("Hello")])
    reply = await upstream.send(request())
    async for _ in reply.chunks():
        break
    await reply.aclose()
    await reply.aclose()
    assert upstream.requests[0].aborted


async def test_silence_is_a_timeout_of_its_phase() -> None:
    naps = Naps()
    upstream = ScriptedUpstream(fault="stall:400", fault_on="any", sleep=naps, turns=[say("Hello you there")])
    reply = await upstream.send(request(timeouts=Timeouts(idle_s=60)))
    with pytest.raises(UpstreamTimeout) as caught:
        await reply.read(10**6)
    assert caught.value.phase == "idle"
    assert naps.slept == [60]
    upstream = ScriptedUpstream(fault="slow_headers:9", fault_on="any", sleep=naps)
    with pytest.raises(UpstreamTimeout) as caught:
        await upstream.send(request(timeouts=Timeouts(first_byte_s=5)))
    assert caught.value.phase == "first_byte"


async def test_a_cut_is_a_protocol_error_after_what_came_before() -> None:
    upstream = ScriptedUpstream(fault="cut", fault_on="any", turns=[say("Hello you there")])
    reply = await upstream.send(request())
    chunks, seen = aiter(reply.chunks()), b""
    while b"Hello" not in seen:
        seen += await anext(chunks)
    with pytest.raises(UpstreamProtocol):
        await anext(chunks)


async def test_limits_origins_and_closing() -> None:
    other = ScriptedModel(turns=[say("other")])
    upstream = ScriptedUpstream(vendors={"http://b": other}, down={"http://c"})
    whole = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    reply = await upstream.send(request("http://b", body=whole))
    assert b"other" in await reply.read(10**6)
    assert len(other.requests) == 1
    assert upstream.requests == []
    with pytest.raises(UpstreamProtocol, match="larger than 10 bytes"):
        await (await upstream.send(request(body=whole))).read(10)
    with pytest.raises(UpstreamConnect):
        await upstream.send(request("http://c"))
    await upstream.aclose()
    with pytest.raises(UpstreamConnect):
        await upstream.send(request())
