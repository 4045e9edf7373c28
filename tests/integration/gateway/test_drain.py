"""SIGTERM: running requests finish, new ones are refused, and what does not finish in time is told so. Real processes."""

import asyncio
import contextlib
import json
import signal
import sqlite3

import httpx2 as httpx
import pytest

from gateway.testing.scripted import ScriptedServer, say
from tests.support.gateways import (
    PATHS,
    body_of,
    ended_well,
    error_of,
    eventually,
    failed_in,
    model_at,
    served,
    text_in,
)


def config(origin, **server):
    return {"models": {"up/model": model_at(origin)}, "server": server, "retry": {"max_attempts": 1}}


async def streamed(http, dialect, begun):
    data = b""
    async with http.stream("POST", PATHS[dialect], json=body_of(dialect, stream=True)) as reply:
        async for piece in reply.aiter_bytes():
            data += piece
            if text_in_safe(dialect, data):
                begun.set()
    return data


def text_in_safe(dialect, data):
    with contextlib.suppress(ValueError, KeyError):
        return text_in(dialect, data[: data.rfind(b"\n\n") + 2])
    return ""


def outcomes(folder):
    with contextlib.closing(sqlite3.connect(folder / "state" / "ledger.sqlite")) as db:
        return [row[0] for row in db.execute("SELECT outcome FROM calls")]


async def test_a_running_stream_finishes(tmp_path):
    async with (
        ScriptedServer(fault="stall:1.5", fault_on="any", turns=[say("first the one, then the other")]) as up,
        served(tmp_path, config(up.origin, drain_s=20)) as gateway,
        httpx.AsyncClient(base_url=gateway.origin, timeout=20) as http,
    ):
        assert (await http.get("/ready")).status_code == 200
        begun = asyncio.Event()
        stream = asyncio.ensure_future(streamed(http, "messages", begun))
        await asyncio.wait_for(begun.wait(), 10)
        gateway.signal(signal.SIGTERM)
        await eventually(lambda: gateway.logged("draining"))
        assert (await http.get("/ready")).status_code == 503
        refused = await http.post(PATHS["chat"], json=body_of("chat"))
        assert refused.status_code == 503
        assert "shutting down" in error_of("chat", refused.content)["message"]
        data = await stream
        assert text_in("messages", data) == "first the one, then the other"
        assert ended_well("messages", data)
        assert await gateway.exit_code() == 0
        assert outcomes(tmp_path) == ["ok"]


async def test_at_the_drain_limit_clients_are_told(tmp_path):
    async with (
        ScriptedServer(
            fault="stall:30", fault_on="any", fault_times=-1, turns=[say("begun and never ended")] * 4
        ) as up,
        served(tmp_path, config(up.origin, drain_s=0.5)) as gateway,
        httpx.AsyncClient(base_url=gateway.origin, timeout=20) as http,
    ):
        begun = {dialect: asyncio.Event() for dialect in PATHS}
        streams = {d: asyncio.ensure_future(streamed(http, d, begun[d])) for d in PATHS}
        waiting = asyncio.ensure_future(http.post(PATHS["chat"], json=body_of("chat")))
        await asyncio.wait_for(asyncio.gather(*(b.wait() for b in begun.values())), 10)
        await eventually(lambda: len(up.requests) == 4)
        gateway.signal(signal.SIGTERM)
        for dialect, stream in streams.items():
            data = await stream
            assert text_in(dialect, data)
            assert "shutting down" in failed_in(dialect, data)
        whole = await waiting
        assert whole.status_code == 503
        assert "shutting down" in error_of("chat", whole.content)["message"]
        assert await gateway.exit_code() == 0
        assert sorted(outcomes(tmp_path)) == ["cut", "cut", "cut", "error"]


async def test_nothing_to_wait_for(tmp_path):
    async with served(tmp_path, config("http://127.0.0.1:9")) as gateway:
        gateway.signal(signal.SIGTERM)
        assert await gateway.exit_code() == 0


async def test_a_taken_port_is_said(tmp_path):
    async with served(tmp_path, config("http://127.0.0.1:9")) as gateway:
        with pytest.raises(RuntimeError, match="is taken"):
            async with served(tmp_path, config("http://127.0.0.1:9"), "--port", str(gateway.port)):
                pass
        assert json.loads((await get(gateway, "/health")).content)["status"] in ("ok", "degraded")


async def get(gateway, path):
    async with httpx.AsyncClient(base_url=gateway.origin, timeout=10) as http:
        return await http.get(path)
