"""Tool calls through the whole gateway: held, judged, refused in every form; over every pair of dialects."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.dialects import registry
from gateway.ir.events import Failed, Response, fold
from gateway.ir.profile import DEFAULT
from gateway.ir.request import ToolCall
from gateway.testing.judge import ScriptedJudge
from gateway.testing.scripted import Call, Text, Turn, say
from gateway.toolgate.values import Manner
from gateway.wire.sse import SseSplitter
from tests.support.gateways import Stage, ended_well, error_of, one_model, staged

DIALECTS = ("chat", "messages", "responses")
TURN = Turn(parts=(Text("I look."), Call("bash", {"command": "rm -rf /"}), Call("read", {"path": "a"})))
ONLY = Turn(parts=(Call("bash", {"command": "rm -rf /"}),))


_SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}
OFFERED: dict[str, list[dict[str, Any]]] = {
    "chat": [{"type": "function", "function": {"name": name, "parameters": _SCHEMA}} for name in ("bash", "read")],
    "messages": [{"name": name, "input_schema": _SCHEMA} for name in ("bash", "read")],
    "responses": [{"type": "function", "name": name, "parameters": _SCHEMA} for name in ("bash", "read")],
}


@contextlib.asynccontextmanager
async def judged(
    folder: Path, judge: ScriptedJudge, manner: Manner, upstream: str = "chat", **script: Any
) -> AsyncIterator[Stage]:
    """A gateway whose calls go to this judge instead of the policies'."""
    config = {**one_model(upstream), "server": {"keepalive_s": 1}}
    async with staged(folder, config, **script) as stage:
        pipeline = stage.gateway.front.pipeline
        pipeline.ports = dataclasses.replace(pipeline.ports, judge=judge)
        stage.gateway._runtime = dataclasses.replace(stage.gateway._runtime, manner=manner, judged=True)
        yield stage


def reply_of(dialect: str, data: bytes, *, stream: bool) -> Response:
    plugin = registry.by_name(dialect)  # type: ignore[arg-type]
    if not stream:
        return plugin.decode_response(data, DEFAULT)
    decoder = plugin.stream_decoder(DEFAULT)
    found = fold([made for event in SseSplitter().feed(data) for made in decoder.feed(event)])
    assert isinstance(found, Response)
    return found


async def asked(stage: Stage, dialect: str, *, stream: bool, **more: Any) -> bytes:
    if not stream:
        answer = await stage.ask(dialect, **more)
        assert answer.status == 200
        return bytes(answer.body)
    async with stage.open(dialect, **more) as exchange:
        data = await exchange.rest()
        assert ended_well(dialect, data)
        return bytes(data)


def calls(reply: Response) -> list[tuple[str, Any]]:
    return [(p.name, json.loads(p.arguments)) for p in reply.parts if isinstance(p, ToolCall)]


def words(reply: Response) -> str:
    return " ".join(getattr(part, "text", "") for part in reply.parts)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("upstream", DIALECTS)
async def test_one_call_is_refused_and_the_other_goes_on(
    tmp_path: Path, client: str, upstream: str, stream: bool
) -> None:
    judge = ScriptedJudge({"bash": "deny"})
    async with judged(tmp_path, judge, Manner("text"), upstream, turns=[TURN]) as stage:
        reply = reply_of(client, await asked(stage, client, stream=stream), stream=stream)
        assert calls(reply) == [("read", {"path": "a"})]
        assert "I look." in words(reply)
        assert "[interlock]" in words(reply)
        assert reply.finish.reason == "tool_calls"
        assert [call.name for call in judge.seen] == ["bash", "read"]
        assert stage.row.outcome == "ok"
        assert stage.row.usage.output_tokens > 0


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("upstream", DIALECTS)
async def test_nothing_is_left_to_call(tmp_path: Path, client: str, upstream: str, stream: bool) -> None:
    async with judged(tmp_path, ScriptedJudge(otherwise="ask"), Manner("text"), upstream, turns=[ONLY]) as stage:
        reply = reply_of(client, await asked(stage, client, stream=stream), stream=stream)
        assert calls(reply) == []
        assert "Needs an approval" in words(reply)
        assert reply.finish.reason == "stop"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("upstream", DIALECTS)
async def test_a_shim_in_every_dialect(tmp_path: Path, client: str, upstream: str, stream: bool) -> None:
    async with judged(tmp_path, ScriptedJudge({"bash": "deny"}), Manner("shim"), upstream, turns=[TURN]) as stage:
        data = await asked(stage, client, stream=stream, tools=OFFERED[client])
        (shell, told), other = calls(reply_of(client, data, stream=stream))
        assert shell == "bash"
        assert told["command"].endswith("; exit 126)")
        assert other == ("read", {"path": "a"})


@pytest.mark.parametrize("client", DIALECTS)
async def test_a_client_that_runs_nothing_gets_the_words(tmp_path: Path, client: str) -> None:
    async with judged(tmp_path, ScriptedJudge(otherwise="deny"), Manner("shim"), turns=[ONLY]) as stage:
        reply = reply_of(client, await asked(stage, client, stream=True), stream=True)
        assert calls(reply) == []
        assert "[interlock] Not allowed" in words(reply)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("upstream", DIALECTS)
async def test_the_model_is_asked_again_and_every_hop_is_billed(
    tmp_path: Path, client: str, upstream: str, stream: bool
) -> None:
    turns = [ONLY, ONLY, say("I will not, then.")]
    judge = ScriptedJudge(otherwise="deny")
    async with judged(tmp_path, judge, Manner("retry"), upstream, turns=turns) as stage:
        reply = reply_of(client, await asked(stage, client, stream=stream), stream=stream)
        assert calls(reply) == []
        assert words(reply).strip() == "I will not, then."
        assert [hop.outcome for hop in stage.row.hops] == ["turn_refused", "turn_refused", "ok"]
        assert stage.row.usage.output_tokens == sum(hop.usage.output_tokens for hop in stage.row.hops)
        assert all(hop.usage.output_tokens > 0 for hop in stage.row.hops)
        last = json.dumps(json.loads(stage.upstream.requests[-1].body))
        assert last.count("[interlock]") == 2, "both refusals were told"


async def test_a_model_that_does_not_listen_is_answered_for(tmp_path: Path) -> None:
    judge = ScriptedJudge(otherwise="deny")
    async with judged(tmp_path, judge, Manner("retry", retries=2), turns=[ONLY, ONLY, ONLY, ONLY]) as stage:
        reply = reply_of("chat", await asked(stage, "chat", stream=True), stream=True)
        assert calls(reply) == []
        assert "[interlock]" in words(reply)
        assert len(stage.row.hops) == 3


async def test_words_that_are_out_cannot_be_taken_back(tmp_path: Path) -> None:
    turn = Turn(parts=(Text("I delete it."), Call("bash", {"command": "rm"})))
    async with judged(tmp_path, ScriptedJudge(otherwise="deny"), Manner("retry"), turns=[turn]) as stage:
        reply = reply_of("chat", await asked(stage, "chat", stream=True), stream=True)
        assert words(reply).startswith("I delete it.")
        assert "[interlock]" in words(reply)
        assert len(stage.row.hops) == 1


@pytest.mark.parametrize("client", DIALECTS)
async def test_an_error_is_told_in_the_clients_words(tmp_path: Path, client: str) -> None:
    async with judged(tmp_path, ScriptedJudge(otherwise="deny"), Manner("error"), turns=[ONLY, TURN, TURN]) as stage:
        answer = await stage.ask(client)
        assert answer.status == 403
        assert "scripted" in error_of(client, answer.body)["message"]
        assert stage.rows[0].outcome == "refused"
        async with stage.open(client) as exchange:
            data = await exchange.rest()
        assert b"policy" in data
        assert b"rm -rf" not in data
        decoder = registry.by_name(client).stream_decoder(DEFAULT)  # type: ignore[arg-type]
        assert isinstance(fold([e for event in SseSplitter().feed(data) for e in decoder.feed(event)]), Failed)


async def test_keep_alives_go_on_while_somebody_thinks(tmp_path: Path) -> None:
    async with judged(tmp_path, ScriptedJudge(delay_s=2.5), Manner(), turns=[TURN]) as stage:
        async with stage.open("chat") as exchange:
            before = await exchange.read_until(b": keep-alive\n\n")
            assert b"I look." in before
            assert b"bash" not in before
            rest = await exchange.rest()
        assert len(calls(reply_of("chat", before.replace(b": keep-alive\n\n", b"") + rest, stream=True))) == 2


@pytest.mark.parametrize("fault", ["cut", "midstream_error"])
async def test_a_call_that_breaks_off_is_never_released_and_the_next_hop_may_serve(tmp_path: Path, fault: str) -> None:
    judge = ScriptedJudge()
    async with judged(tmp_path, judge, Manner(), fault=fault, fault_on="first", turns=[ONLY]) as stage:
        async with stage.open("chat") as exchange:
            data = await exchange.rest()
        assert judge.seen == [] or ended_well("chat", data)
        assert b"tool_calls" not in data or calls(reply_of("chat", data, stream=True))
