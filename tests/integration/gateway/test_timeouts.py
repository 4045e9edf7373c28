"""Five time limits per model, each with an error of its own, in the client's dialect, over real sockets."""

import asyncio
import contextlib
import socket
import time

import pytest

from gateway.testing.scripted import ScriptedServer, say
from tests.support.gateways import PATHS, error_of, failed_in, model_at, one_model, staged, text_in

DIALECTS = list(PATHS)
ONCE = {"retry": {"max_attempts": 1}}


def config(origin, dialect="chat", **limits):
    return {"models": {"up/model": model_at(origin, dialect, timeouts=limits)}, **ONCE}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_first_byte(tmp_path, dialect, stream):
    async with (
        ScriptedServer(fault="slow_headers:5", fault_on="any") as up,
        staged(tmp_path, config(up.origin, dialect, first_byte_s=0.2), upstream="real") as stage,
    ):
        began = time.monotonic()
        reply = await stage.ask(dialect, stream=stream)
        assert time.monotonic() - began < 4
        assert reply.status == 504
        assert "0.2 s (timeouts.first_byte_s)" in error_of(dialect, reply.body)["message"]
        assert stage.row.outcome == "upstream_error"
        assert [h.outcome for h in stage.row.hops] == ["upstream_timeout"]
        assert stage.row.hops[0].usage.source == "none"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_first_token(tmp_path, dialect):
    """The head came at once, the content never does."""
    async with (
        ScriptedServer(fault="hang:5", fault_on="any") as up,
        staged(tmp_path, config(up.origin, dialect, first_token_s=0.2), upstream="real") as stage,
    ):
        reply = await stage.ask(dialect, stream=True)
        assert reply.status == 504
        assert "no content within 0.2 s" in error_of(dialect, reply.body)["message"]
        assert stage.row.outcome == "upstream_error"


async def test_first_token_bounds_the_head_of_a_stream_too(tmp_path):
    async with (
        ScriptedServer(fault="slow_headers:5", fault_on="any") as up,
        staged(tmp_path, config(up.origin, first_token_s=0.2), upstream="real") as stage,
    ):
        began = time.monotonic()
        reply = await stage.ask("chat", stream=True)
        assert reply.status == 504
        assert time.monotonic() - began < 4


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_idle_in_the_middle_of_a_stream(tmp_path, dialect):
    async with (
        ScriptedServer(fault="stall:5", fault_on="any", turns=[say("first words and then nothing more comes")]) as up,
        staged(tmp_path, config(up.origin, dialect, idle_s=0.2), upstream="real") as stage,
    ):
        reply = await stage.ask(dialect, stream=True)
        assert reply.status == 200
        assert text_in(dialect, reply.body)
        assert "0.2 s in the middle of its answer (timeouts.idle_s)" in failed_in(dialect, reply.body)
        assert stage.row.outcome == "cut"
        assert stage.row.usage.source == "estimated"
        assert stage.row.cost_usd_micros > 0


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_total(tmp_path, dialect):
    """Never silent for long, but never done."""
    async with (
        ScriptedServer(pause_s=0.1, turns=[say("word " * 200)]) as up,
        staged(tmp_path, config(up.origin, dialect, total_s=0.5), upstream="real") as stage,
    ):
        began = time.monotonic()
        reply = await stage.ask(dialect, stream=True)
        assert time.monotonic() - began < 3
        assert "0.5 s (timeouts.total_s)" in failed_in(dialect, reply.body)
        assert stage.row.outcome == "cut"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_connect(tmp_path, dialect):
    """A listener whose queue is full: the connection never stands."""
    with socket.socket() as listening, contextlib.ExitStack() as held:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):  # the queue holds one more than it says
            one = held.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        await asyncio.sleep(0.05)
        origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with staged(tmp_path, config(origin, dialect, connect_s=0.3), upstream="real") as stage:
            began = time.monotonic()
            reply = await stage.ask(dialect)
            assert time.monotonic() - began < 4
            assert reply.status == 504
            assert "0.3 s (timeouts.connect_s)" in error_of(dialect, reply.body)["message"]
            assert stage.row.usage.source == "none"


async def test_refused_connection(tmp_path):
    async with staged(tmp_path, {**one_model(), **ONCE}) as stage:
        stage.upstream.down.add("http://up.test")
        reply = await stage.ask("messages")
        assert reply.status == 502
        assert error_of("messages", reply.body)["type"] == "api_error"
        assert stage.row.hops[0].outcome == "upstream_connect"
        assert stage.row.usage.source == "none"


async def test_limits_are_per_model(tmp_path):
    """A patient model after an impatient one: the second hop gets its own limits."""
    async with ScriptedServer(fault="slow_headers:0.6", fault_on="any", fault_times=-1) as up:
        models = {
            "a": model_at(up.origin, timeouts={"first_byte_s": 0.2}),
            "b": model_at(up.origin, timeouts={"first_byte_s": 5}),
        }
        async with staged(tmp_path, {"models": models, **ONCE}, upstream="real") as stage:
            reply = await stage.ask("chat")
            assert reply.status == 200
            assert reply.headers["x-interlock-model"] == "b"
            assert [h.outcome for h in stage.row.hops] == ["upstream_timeout", "ok"]
