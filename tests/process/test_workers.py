"""Several workers are one gateway: sessions, stored responses, breakers, counts and reloads are everybody's."""

import asyncio
import json
import os
import signal

import httpx2 as httpx
import pytest

from gateway.testing.scripted import ScriptedServer
from tests.process.load import Dripping, ask, children, config, ended, rows, until
from tests.support.gateways import body_of, model_at, served

WORKERS = ("--workers", "3")


async def fresh(gateway, method, path, **more):
    """On a connection of its own, so that any worker may get it."""
    async with httpx.AsyncClient(base_url=gateway.origin, timeout=10) as http:
        return await http.request(method, path, **more)


async def everywhere(gateway, method, path, times=24, **more):
    return await asyncio.gather(*(fresh(gateway, method, path, **more) for _ in range(times)))


async def test_whoever_is_asked_answers_for_all(tmp_path):
    async with Dripping(pieces=4, every_s=0.1) as up, served(tmp_path, config(up.origin), *WORKERS) as gateway:
        up.held = True
        clients = await ask(gateway.port, 120)
        await until(lambda: all(client.words >= 2 for client in clients))
        await asyncio.sleep(0.6)  # twice what a worker's word may be old
        for scrape in await everywhere(gateway, "GET", "/metrics", 12):
            assert "interlock_in_flight 120.0" in scrape.text
            assert "interlock_workers 3.0" in scrape.text
        up.held = False
        await ended(clients, 10)
        assert all(client.whole and client.words == 4 for client in clients)
        await asyncio.sleep(0.6)
        for told in await everywhere(gateway, "GET", "/v1/stats", 12):
            assert told.json()["calls"] == 120
            assert told.json()["outcomes"] == {"ok": 120}
        for health in await everywhere(gateway, "GET", "/health", 6):
            assert health.json()["in_flight"] == 0
        gateway.signal(signal.SIGTERM)
        assert await gateway.exit_code() == 0
    found = rows(tmp_path)
    assert len({request_id for request_id, _ in found}) == 120


async def test_the_limit_of_requests_in_flight_is_one(tmp_path):
    settings = config("", server={"in_flight_max": 30})
    async with Dripping(pieces=4, every_s=0.1) as up:
        settings["models"]["up/model"]["base_url"] = up.origin
        async with served(tmp_path, settings, *WORKERS) as gateway:
            up.held = True
            clients = await ask(gateway.port, 30)
            await until(lambda: up.begun == 30)
            await asyncio.sleep(0.6)
            refused = await everywhere(gateway, "POST", "/v1/chat/completions", 12, json=body_of("chat"))
            assert {reply.status_code for reply in refused} == {429}
            up.held = False
            await ended(clients, 10)
            assert all(client.whole for client in clients)


async def test_a_session_and_a_stored_response_are_known_to_all(tmp_path):
    async with ScriptedServer() as up:
        settings = {"models": {"up/model": model_at(up.origin, "responses")}}
        async with served(tmp_path, settings, *WORKERS) as gateway:
            headers = {"x-interlock-session": "mine"}
            first = await fresh(
                gateway, "POST", "/v1/responses", json=body_of("responses", store=True), headers=headers
            )
            stored = first.json()["id"]
            found = await everywhere(gateway, "GET", f"/v1/responses/{stored}", 12)
            assert {reply.status_code for reply in found} == {200}
            again = await everywhere(
                gateway, "POST", "/v1/route?dialect=responses", 12, json=body_of("responses"), headers=headers
            )
            assert {reply.json()["session"]["turns"] for reply in again} == {1}
            assert {reply.json()["sticky"] for reply in again} == {True}
            follow = body_of("responses", "and then?", previous_response_id=stored)
            assert {r.status_code for r in await everywhere(gateway, "POST", "/v1/responses", 9, json=follow)} == {200}


async def test_a_breaker_that_opens_in_one_is_open_in_all(tmp_path):
    settings = {
        "models": {"up/model": model_at("http://127.0.0.1:9")},
        "retry": {"max_attempts": 1},
        "breaker": {"failures": 6, "open_s": 300, "window_s": 300},
    }
    async with served(tmp_path, settings, *WORKERS) as gateway:
        for _ in range(6):
            assert (await fresh(gateway, "POST", "/v1/chat/completions", json=body_of("chat"))).status_code == 502
        await asyncio.sleep(1.5)
        for health in await everywhere(gateway, "GET", "/health", 12):
            assert not health.json()["models"]["up/model"]["up"]
        for scrape in await everywhere(gateway, "GET", "/metrics", 6):
            assert 'interlock_model_up{model="up/model"} 0.0' in scrape.text


async def test_a_reload_reaches_all_and_those_that_come_later(tmp_path):
    async with ScriptedServer() as up, served(tmp_path, config(up.origin), *WORKERS) as gateway:
        file = tmp_path / "interlock.yaml"

        def written(name):
            file.write_text(json.dumps({"version": 1, "models": {name: model_at(up.origin)}}))

        async def models():
            return {
                h.json()["config"]["generation"]: set(h.json()["models"])
                for h in await everywhere(gateway, "GET", "/health", 12)
            }

        written("second")
        await until(lambda: sum("generation 2" in line for line in gateway.log) == 3)
        assert await models() == {2: {"second"}}
        file.write_text("models: {x: {provider: nobody, lane: mid}}")
        await until(lambda: sum("configuration refused" in line for line in gateway.log) == 3)
        victim = children(gateway.process.pid)[0]
        os.kill(victim, signal.SIGKILL)
        await until(lambda: len(children(gateway.process.pid)) == 3 and victim not in children(gateway.process.pid))
        await asyncio.sleep(1.0)
        assert await models() == {2: {"second"}}, "the worker that came later has what the others have"
        assert "interlock_config_reload_failures_total 1.0" in (await fresh(gateway, "GET", "/metrics")).text
        written("third")
        await until(lambda: sum("generation 3" in line for line in gateway.log) == 3)
        gateway.signal(signal.SIGHUP)
        await until(lambda: sum("generation 4" in line for line in gateway.log) == 3)
        assert await models() == {4: {"third"}}


async def test_workers_do_not_outlive_their_supervisor(tmp_path):
    async with Dripping() as up, served(tmp_path, config(up.origin), *WORKERS) as gateway:
        workers = children(gateway.process.pid)
        assert len(workers) == 3
        gateway.signal(signal.SIGKILL)
        await gateway.exit_code()
        await until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))


async def test_what_no_worker_can_start_with_ends_everything(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.sqlite").write_bytes(b"this is not a database, it only is where one should be " * 20)
    with pytest.raises(RuntimeError, match="move it away"):
        async with served(tmp_path, config("http://127.0.0.1:9"), *WORKERS):
            pass
