"""kill -9 of the gateway under running streams: after the restart the bill is intact and complete, and sessions are known.

What is promised: rows of calls that had ended `BATCH_WAIT_S` (and a commit) before the kill are there; calls under way for
longer than twice `LOOK_S` are booked as `lost` by the next start with what had been delivered; younger ones may be missing.
"""

import asyncio
import contextlib
import signal
import sqlite3

import httpx2 as httpx

from tests.process.load import Dripping, ask, children, config, ended, rows, until
from tests.support.gateways import body_of, served

STREAMS = 200
CONTENT_TOKENS = 4 * 6 // 4  # four words of six bytes


async def test_the_bill_after_a_kill(tmp_path):
    async with Dripping(pieces=8, every_s=0.05) as up:
        async with served(tmp_path, config(up.origin)) as gateway:
            before = await ask(gateway.port, 40)
            await ended(before, 10)
            up.held = True
            clients = await ask(gateway.port, STREAMS)
            await until(lambda: all(client.words >= 4 for client in clients))
            await asyncio.sleep(0.4)  # the two looks of the journal, and its commit
            gateway.signal(signal.SIGKILL)
            assert await gateway.exit_code() == -9
            await ended(clients, 5)
        found = rows(tmp_path)
        assert [outcome for _, outcome in found] == ["ok"] * 40, "all that had ended, whole"
        assert rows(tmp_path, "SELECT count(*) FROM open_calls") == [(STREAMS,)]
        up.held = False
        async with (
            served(tmp_path, config(up.origin)) as gateway,
            httpx.AsyncClient(base_url=gateway.origin, timeout=10) as http,
        ):
            assert gateway.logged(f"{STREAMS} calls were under way when a gateway was killed")
            lost = rows(
                tmp_path,
                "SELECT model, route, input_tokens, output_tokens, usage_source, cost_usd_micros, session "
                "FROM calls WHERE outcome = 'lost'",
            )
            assert len(lost) == STREAMS, "no call vanished"
            assert all(model == "up/model" and route == "default" for model, route, *_ in lost)
            assert all(row[2] > 0 and row[4] == "estimated" and row[5] > 0 for row in lost)
            assert len({row[6] for row in lost}) == STREAMS
            assert rows(tmp_path, "SELECT count(*) FROM open_calls") == [(0,)]
            hops = rows(tmp_path, "SELECT outcome, count(*) FROM hops GROUP BY 1")
            assert dict(hops) == {"ok": 40, "lost": STREAMS}
            told = (await http.get("/v1/stats")).json()
            assert told["outcomes"] == {"lost": STREAMS}
            assert (await http.post("/v1/chat/completions", json=body_of("chat", stream=True))).status_code == 200


async def test_a_session_survives_a_kill(tmp_path):
    """Sticky: the first answer binds the session to the second model, since the first is down; that is known afterwards."""
    async with Dripping(pieces=2, every_s=0.02) as up:
        models = config(up.origin)["models"]
        both = {
            "models": {"first": {**models["up/model"], "base_url": "http://127.0.0.1:9"}, "second": models["up/model"]},
            "routes": [{"id": "r", "to": ["first", "second"]}],
            "retry": {"max_attempts": 1},
            "breaker": {"failures": 100},
        }
        headers = {"x-interlock-session": "mine"}

        async def asked(gateway, path="/v1/chat/completions"):
            async with httpx.AsyncClient(base_url=gateway.origin, timeout=10) as http:
                return await http.post(path, json=body_of("chat", stream=True), headers=headers)

        async with served(tmp_path, both) as gateway:
            assert (await asked(gateway)).headers["x-interlock-model"] == "second"
            await asyncio.sleep(0.5)
            gateway.signal(signal.SIGKILL)
            await gateway.exit_code()
        async with served(tmp_path, both) as gateway:
            decided = (await asked(gateway, "/v1/route?dialect=chat")).json()
            assert decided["model"] == "second"
            assert decided["sticky"]
            assert decided["session"]["turns"] == 1


async def test_a_killed_worker_is_replaced_and_its_calls_are_booked(tmp_path):
    async with (
        Dripping(pieces=8, every_s=0.05) as up,
        served(tmp_path, config(up.origin), "--workers", "2") as gateway,
        httpx.AsyncClient(base_url=gateway.origin, timeout=10) as http,
    ):
        up.held = True
        clients = await ask(gateway.port, 60)
        await until(lambda: all(client.words >= 4 for client in clients))
        await asyncio.sleep(0.5)
        victim = children(gateway.process.pid)[0]
        import os

        os.kill(victim, signal.SIGKILL)
        await until(lambda: gateway.logged("was ended by SIGKILL; it starts again"))
        await until(lambda: any(client.done.done() for client in clients))
        cut = [client for client in clients if client.done.done()]
        assert 0 < len(cut) < 60
        await until(lambda: len(rows(tmp_path, "SELECT 1 FROM calls WHERE outcome = 'lost'")) == len(cut))
        up.held = False
        await ended(clients, 10)
        assert [c for c in clients if c not in cut and not c.whole] == [], "the other worker's streams were not touched"
        assert victim not in children(gateway.process.pid)
        await until(lambda: len(rows(tmp_path)) == 60)
        again = await ask(gateway.port, 40)
        await ended(again, 10)
        assert all(client.whole for client in again)
        metrics = (await http.get("/metrics")).text
        assert "interlock_worker_restarts_total 1.0" in metrics
        assert "interlock_workers 2.0" in metrics
        gateway.signal(signal.SIGTERM)
        assert await gateway.exit_code() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "ledger.sqlite")) as db:
        outcomes = dict(db.execute("SELECT outcome, count(*) FROM calls GROUP BY 1").fetchall())
    assert outcomes == {"ok": 100 - len(cut), "lost": len(cut)}
