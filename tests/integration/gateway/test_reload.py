"""Hot reload: a changed file or SIGHUP swaps the configuration; a bad file keeps the old one and says so loudly."""

import json
import signal

import httpx2 as httpx

from gateway.testing.scripted import ScriptedServer
from tests.support.gateways import body_of, eventually, model_at, one_model, served, staged


def two_lines(origin, name):
    return {"models": {name: model_at(origin)}, "retry": {"max_attempts": 1}}


async def test_file_and_signal(tmp_path):
    async with (
        ScriptedServer() as up,
        served(tmp_path, two_lines(up.origin, "first")) as gateway,
        httpx.AsyncClient(base_url=gateway.origin, timeout=20) as http,
    ):
        file = tmp_path / "interlock.yaml"

        async def model():
            reply = await http.post("/v1/chat/completions", json=body_of("chat"))
            return reply.headers.get("x-interlock-model")

        async def health():
            return (await http.get("/health")).json()

        assert await model() == "first"
        # By the change of the file.
        file.write_text(json.dumps(two_lines(up.origin, "second")))
        await eventually(lambda: gateway.logged("generation 2"))
        assert await model() == "second"
        # A bad file: the old configuration runs on, and everybody can see why.
        file.write_text("models: {x: {provider: nobody, lane: mid}}")
        await eventually(lambda: gateway.logged("configuration refused"))
        assert await model() == "second"
        told = await health()
        assert told["status"] == "degraded"
        assert "nobody" in told["config"]["reload_error"]
        assert "interlock_config_reload_failures_total 1.0" in (await http.get("/metrics")).text
        # SIGHUP says it again, though nothing changed.
        gateway.signal(signal.SIGHUP)
        await eventually(lambda: sum("configuration refused" in line for line in gateway.log) == 2)
        # Mended.
        file.write_text(json.dumps(two_lines(up.origin, "third")))
        gateway.signal(signal.SIGHUP)
        await eventually(lambda: gateway.logged("generation 3"))
        assert await model() == "third"
        told = await health()
        assert told["config"]["reload_error"] is None
        assert "interlock_config_generation 3.0" in (await http.get("/metrics")).text


async def test_a_request_keeps_the_configuration_it_began_with(tmp_path):
    async with staged(tmp_path, one_model(), pause_s=0.02) as stage, stage.open("chat") as stream:
        await stream.head()
        stage.config = two_lines("http://other.test", "other")
        assert await stage.gateway.reload()
        assert b"[DONE]" in await stream.rest()
        assert stage.row.model == "up/model"
        assert (await stage.ask("chat")).headers["x-interlock-model"] == "other"


async def test_what_lives_on(tmp_path):
    """Sessions, breakers, cool-downs and the bill survive a reload."""
    config = {**one_model(), "breaker": {"failures": 2, "open_s": 300}, "retry": {"max_attempts": 1}}
    async with staged(tmp_path, config) as stage:
        stage.upstream.down.add("http://up.test")
        for _ in range(2):
            await stage.ask("chat")
        assert await stage.gateway.reload()
        assert not stage.gateway.ports.health.status("up/model")[0]
        assert (await stage.client.get("/v1/stats")).json()["calls"] == 2


async def test_a_missing_file_is_a_bad_file(tmp_path):
    async with staged(tmp_path) as stage:
        stage.config = "version: 1\nmodels: {"
        assert not await stage.gateway.reload()
        assert stage.gateway.reload_error
        assert (await stage.ask("chat")).status == 200
