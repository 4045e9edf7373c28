"""A hop asked before its turn, by itself. Races are tests/integration/gateway/test_hedge.py."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.dialects import registry
from gateway.errors import UpstreamProtocol, UpstreamTimeout
from gateway.ir.exchange import Hop
from gateway.ir.profile import DEFAULT
from gateway.pipeline.hedge import AHEAD_BYTES_MAX, Early, Peeked
from gateway.testing.clock import ManualClock
from tests.unit.gateway.pipeline.made import DONE, END, JSON, ROLE, MadeReply, delta


def early(reply: Any, *, first_token_s: float = 5.0) -> Early:
    async def send(_: Any) -> Any:
        if isinstance(reply, Exception):
            raise reply
        return reply

    health = SimpleNamespace(started=lambda _: 7)
    ports: Any = SimpleNamespace(clock=ManualClock(), health=health, upstream=SimpleNamespace(send=send))
    endpoint: Any = SimpleNamespace(name="up", first_token_s=first_token_s, timeouts=None, read_error=None)
    prepared: Any = SimpleNamespace(
        taken=lambda: None, dialect=registry.by_name("chat"), wire=SimpleNamespace(profile=DEFAULT, dialect="chat")
    )
    return Early(Hop("up", "mid", "why"), endpoint, prepared, ports)


async def test_it_listens_until_there_is_content_and_gives_all_of_it() -> None:
    chunks = (b": wait\n\n", ROLE, delta(content="One"), delta(content=" two"), END, DONE)
    reply = MadeReply(*chunks)
    one = early(reply)
    peeked = await one.reply()
    assert one.ready
    assert one.probe == 7
    assert reply.given == 3, "no further than the first content"
    assert [chunk async for chunk in peeked.chunks()] == list(chunks)
    assert peeked.status == 200
    await one.close()
    assert reply.closed == 1


async def test_a_whole_answer_is_content_by_itself() -> None:
    reply = MadeReply(b"{}", headers=JSON)
    one = early(reply)
    peeked = await one.reply()
    assert one.ready
    assert await peeked.read(10) == b"{}"


async def test_what_was_read_ahead_is_part_of_the_whole() -> None:
    body = await Peeked(MadeReply(), MadeReply(b"b", b"c").chunks(), [b"a"]).read(3)
    assert body == b"abc"
    with pytest.raises(UpstreamProtocol, match="larger than 2 bytes"):
        await Peeked(MadeReply(), MadeReply(b"b", b"c").chunks(), [b"a"]).read(2)


async def test_an_endless_prelude_is_let_go() -> None:
    noise = b": " + b"x" * (AHEAD_BYTES_MAX // 2) + b"\n\n"
    reply = MadeReply(noise, noise, noise, noise)
    await early(reply).reply()
    assert reply.given == 2


async def test_a_failure_is_told_as_one() -> None:
    one = early(UpstreamProtocol("gone"))
    await asyncio.wait({one.task})
    assert not one.ready
    assert (await one.failure()).message == "up: gone"


async def test_silence_has_its_limit() -> None:
    class Silent(MadeReply):
        async def chunks(self) -> Any:
            await asyncio.sleep(30)
            yield b""

    one = early(Silent(), first_token_s=0.02)
    with pytest.raises(UpstreamTimeout) as caught:
        await one.reply()
    assert caught.value.phase == "first_token"


async def test_who_waits_and_is_cancelled_takes_it_along() -> None:
    class Silent(MadeReply):
        async def chunks(self) -> Any:
            await asyncio.sleep(30)
            yield b""

    reply = Silent()
    one = early(reply)
    waiting = asyncio.ensure_future(one.reply())
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    assert reply.closed == 1
