"""A client that leaves: its upstream is cancelled within 100 ms in every phase, and what it got is billed. Real sockets on
both sides, real uvicorn."""

import asyncio
import json
import time

import pytest

from gateway.testing.scripted import ScriptedServer, say
from gateway.testing.scripted.upstream import ScriptedReply
from tests.support.gateways import PATHS, body_of, eventually, model_at, one_model, serving, staged

LIMIT_S = 0.1
SLACK_S = 2.4
"""The scripted server looks for departures every 20 ms, and the machine that runs the tests may be busy; what the gateway
does is measured apart, at its own upstream port, in `test_cancelled_at_once`."""


def config(origin):
    return {"models": {"up/model": model_at(origin)}, "retry": {"max_attempts": 1}}


async def ask(port, dialect, *, stream):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps(body_of(dialect, stream=stream)).encode()
    head = f"POST {PATHS[dialect]} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    return reader, writer


PHASES = {
    "before headers": ({"fault": "slow_headers:20"}, b""),
    "before the first token": ({"fault": "hang:20"}, b""),
    "in mid-stream": ({"fault": "stall:20", "turns": [say("one two three four five six")]}, b"data: "),
}


@pytest.mark.parametrize("dialect", list(PATHS))
@pytest.mark.parametrize("phase", PHASES)
async def test_in_every_phase(tmp_path, phase, dialect):
    script, until = PHASES[phase]
    async with (
        ScriptedServer(fault_on="any", **script) as up,
        staged(tmp_path, config(up.origin), upstream="real") as stage,
        serving(stage.gateway) as port,
    ):
        reader, writer = await ask(port, dialect, stream=True)
        if until:
            await reader.readuntil(until)
        await eventually(lambda: up.requests)
        await asyncio.sleep(0.1)
        left = time.monotonic()
        writer.transport.abort()
        await eventually(lambda: up.requests[0].aborted)
        assert time.monotonic() - left < LIMIT_S + SLACK_S
        row = await eventually(lambda: stage.rows and stage.row)
        assert row.outcome == "client_left"
        assert [h.outcome for h in row.hops] == ["cancelled"]
        if until:
            assert row.usage.output_tokens > 0
            assert row.usage.source == "estimated"
            assert row.cost_usd_micros > 0
            assert row.status == 200
        else:
            assert row.cost_usd_micros == 0
            assert row.status == 499
        assert stage.gateway.front.in_flight == 0


async def test_a_whole_answer_is_cancelled_too(tmp_path):
    async with (
        ScriptedServer(fault_on="any", fault="slow_headers:20") as up,
        staged(tmp_path, config(up.origin), upstream="real") as stage,
        serving(stage.gateway) as port,
    ):
        _, writer = await ask(port, "chat", stream=False)
        await eventually(lambda: up.requests)
        writer.transport.abort()
        await eventually(lambda: up.requests[0].aborted)
        assert (await eventually(lambda: stage.rows and stage.row)).outcome == "client_left"


async def test_during_the_pause_of_a_retry(tmp_path):
    async with (
        ScriptedServer(fault_on="any", fault="429ra:20", fault_times=-1) as up,
        staged(tmp_path, {"models": {"m": model_at(up.origin)}}, upstream="real") as stage,
        serving(stage.gateway) as port,
    ):
        _, writer = await ask(port, "chat", stream=True)
        await eventually(lambda: up.requests)
        await asyncio.sleep(0.1)
        writer.transport.abort()
        row = await eventually(lambda: stage.rows and stage.row)
        assert row.outcome == "client_left"
        assert len(up.requests) == 1


class Watched:
    """An upstream port that never answers, and notes when it was let go."""

    def __init__(self):
        self.asked, self.released_at = asyncio.Event(), 0.0

    async def send(self, request):
        self.asked.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.released_at = time.monotonic()

    async def aclose(self): ...


async def test_cancelled_at_once(tmp_path):
    """What the gateway itself takes, without anybody's polling: far below 100 ms."""
    upstream = Watched()
    async with staged(tmp_path, upstream=upstream) as stage, serving(stage.gateway) as port:
        _, writer = await ask(port, "chat", stream=True)
        await asyncio.wait_for(upstream.asked.wait(), 5)
        left = time.monotonic()
        writer.close()
        await eventually(lambda: upstream.released_at)
        assert upstream.released_at - left < LIMIT_S


async def test_half_a_request(tmp_path):
    """Gone while sending: no row, no upstream, no error in the log."""
    async with staged(tmp_path) as stage, serving(stage.gateway) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b'POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500\r\n\r\n{"model"')
        await eventually(lambda: stage.gateway.front.in_flight)
        writer.transport.abort()
        await eventually(lambda: not stage.gateway.front.in_flight)
        assert not stage.upstream.requests
        assert not stage.rows


async def test_upstream_connections_are_used_again(tmp_path):
    """The end of an answer looks like a departure to an ASGI app; the upstream's connection must survive it."""
    async with (
        ScriptedServer() as up,
        staged(tmp_path, config(up.origin), upstream="real") as stage,
        serving(stage.gateway) as port,
    ):
        for _ in range(5):
            reader, writer = await ask(port, "chat", stream=True)
            await reader.readuntil(b"[DONE]")
            writer.close()
            await eventually(lambda: not stage.gateway.front.in_flight)
        assert len(up._writers) == 1
        assert not any(r.aborted for r in up.requests)


async def test_leaving_while_a_broken_reply_is_closed_loses_no_hop(tmp_path, monkeypatch):
    """Found by the fault schedules (seeds 239, 437): the cancellation struck before the hop was booked."""
    closing = asyncio.Event()

    async def slow_close(self):
        closing.set()
        await asyncio.sleep(0.2)

    monkeypatch.setattr(ScriptedReply, "aclose", slow_close)
    turn = say("one two three four five six seven")
    async with (
        staged(tmp_path, one_model(), fault="cut", fault_on="any", turns=[turn]) as stage,
        stage.open("chat") as exchange,
    ):
        await exchange.read()
        await closing.wait()
        exchange.leave()
        row = await eventually(lambda: stage.rows and stage.row)
        assert row.outcome == "client_left"
        assert [(hop.outcome, hop.usage.source) for hop in row.hops] == [("upstream_protocol", "estimated")]
        assert row.usage.output_tokens > 0
