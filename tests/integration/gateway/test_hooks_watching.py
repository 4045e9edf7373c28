"""Hooks that only watch, through the whole gateway: response, stop, error, reload, compaction."""

import asyncio
import sys

import msgspec

from gateway.testing.scripted import ScriptedModel, ScriptedUpstream, Text, Turn
from tests.support.gateways import eventually
from tests.support.hooking import Heard, bash, call_of, gateway, said


async def test_response_and_stop_are_told_behind_the_client(tmp_path):
    both = {name: Heard(tmp_path, name) for name in ("response", "stop")}
    hooks = [{"on": name, "command": heard.command("whatever it says")} for name, heard in both.items()]
    async with gateway(tmp_path, *hooks, upstream=said(bash(), Turn(parts=(Text("done"),)))) as stage:
        await call_of(stage, "chat")
        await eventually(lambda: both["response"].told)
        assert both["stop"].told == []
        assert (both["response"].told[0]["tool_calls"], both["response"].told[0]["model"]) == (1, "up/model")
        await stage.ask("chat", stream=True)
        await eventually(lambda: both["stop"].told and len(both["response"].told) == 2)
        assert both["response"].told[1]["output_tokens"] > 0


async def test_a_hook_that_watches_delays_nobody(tmp_path):
    hook = {"on": "response", "command": [sys.executable, "-S", "-c", "import time; time.sleep(30)"]}
    async with gateway(tmp_path, hook) as stage:
        begun = asyncio.get_running_loop().time()
        assert (await stage.ask("chat")).status == 200
        assert asyncio.get_running_loop().time() - begun < 5
        stage.gateway.hooks._tasks._closed = True  # the queue takes no more
        await stage.ask("chat")
        assert 'interlock_hooks_dropped_total{hook="hook-1",point="response"} 1.0' in stage.gateway.exposition()


async def test_errors_are_told(tmp_path):
    heard = Heard(tmp_path)
    upstream = ScriptedUpstream(ScriptedModel(fault="500", fault_times=-1, fault_on="any"))
    async with gateway(tmp_path, {"on": "error", "command": heard.command()}, upstream=upstream) as stage:
        assert (await stage.ask("chat", model="none")).status == 404
        await eventually(lambda: heard.told)
        assert (heard.told[0]["outcome"], heard.told[0]["status"]) == ("refused", 404)


async def test_reload_is_told_also_when_it_failed(tmp_path):
    heard = Heard(tmp_path)
    async with gateway(tmp_path, {"on": "reload", "command": heard.command()}) as stage:
        assert await stage.gateway.reload()
        await eventually(lambda: len(heard.told) == 1)
        stage.config = "version: 7"
        assert not await stage.gateway.reload()
        await eventually(lambda: len(heard.told) == 2)
    good, bad = heard.told
    assert (good["generation"], good["problem"]) == (2, "")
    assert "version" in bad["problem"]


async def test_compaction_is_told_when_the_history_was_replaced(tmp_path, monkeypatch):
    heard = Heard(tmp_path)
    async with gateway(tmp_path, {"on": "compaction", "command": heard.command()}) as stage:
        labelled = stage.gateway.ports.classifier.label

        async def resumed(exchange, **how):
            labels = await labelled(exchange, **how)
            return msgspec.structs.replace(labels, signals={**(labels.signals or {}), "resumed": 1})

        headers = {"x-interlock-session": "session-1"}
        assert (await stage.ask("chat", "a longer text " * 50, headers=headers)).status == 200
        monkeypatch.setattr(stage.gateway.ports.classifier, "label", resumed)
        assert (await stage.ask("chat", "short", headers=headers)).status == 200
        (told,) = await eventually(lambda: heard.told)
        assert told["before_tokens"] > told["after_tokens"] > 0
