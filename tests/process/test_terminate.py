"""SIGTERM under load: readiness drops, running streams finish or are told, the exit code is 0, and no row is missing."""

import asyncio
import json
import signal

import httpx2 as httpx
import pytest

from tests.process.load import Dripping, ask, config, ended, rows, until
from tests.support.gateways import served

STREAMS = 200


@pytest.mark.parametrize("workers", [1, 2])
async def test_running_streams_finish_and_nothing_is_lost(tmp_path, workers):
    async with (
        Dripping(pieces=8, every_s=0.2) as up,
        served(tmp_path, config(up.origin), "--workers", str(workers)) as gateway,
        httpx.AsyncClient(base_url=gateway.origin, timeout=10) as http,
    ):
        clients = await ask(gateway.port, STREAMS)
        await until(lambda: up.begun == STREAMS)
        gateway.signal(signal.SIGTERM)
        await until(lambda: sum("requests in flight" in line for line in gateway.log) == workers)
        ready = await http.get("/ready", headers={"connection": "close"})
        assert ready.status_code == 503
        refused = await http.post("/v1/chat/completions", json={"model": "auto", "messages": []})
        assert refused.status_code == 503
        assert "shutting down" in refused.json()["error"]["message"]
        await ended(clients, 15)
        assert [c for c in clients if not c.whole or c.words != 8] == []
        assert await gateway.exit_code() == 0
    found = rows(tmp_path)
    assert [outcome for _, outcome in found] == ["ok"] * STREAMS
    assert rows(tmp_path, "SELECT count(*) FROM open_calls") == [(0,)]


@pytest.mark.parametrize("workers", [1, 2])
async def test_at_the_deadline_everybody_is_told_in_their_words(tmp_path, workers):
    async with (
        Dripping(pieces=8, every_s=0.1) as up,
        served(tmp_path, config(up.origin, server={"drain_s": 1}), "--workers", str(workers)) as gateway,
    ):
        up.held = True
        clients = await ask(gateway.port, STREAMS)
        await until(lambda: all(client.words >= 4 for client in clients))
        gateway.signal(signal.SIGTERM)
        await ended(clients, 10)
        for client in clients:
            last = [line for line in client.data.split(b"\n") if line.startswith(b"data: ")][-1]
            assert "shutting down" in json.loads(last[6:])["error"]["message"]
        assert await gateway.exit_code() == 0
    found = rows(tmp_path, "SELECT outcome, output_tokens, usage_source FROM calls")
    assert len(found) == STREAMS
    assert {outcome for outcome, _, _ in found} == {"cut"}
    assert all(tokens >= 4 and source == "estimated" for _, tokens, source in found)


async def test_a_stop_while_it_starts_is_a_clean_one(tmp_path):
    async with Dripping() as up, served(tmp_path, config(up.origin), "--workers", "2") as gateway:
        gateway.signal(signal.SIGTERM)
        gateway.signal(signal.SIGINT)
        assert await gateway.exit_code() == 0
        await asyncio.sleep(0)
