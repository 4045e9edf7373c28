"""Who judges, and what happens when nobody does."""

from __future__ import annotations

import pytest

from gateway.errors import PolicyDenied
from gateway.ir.events import Finished, Response
from gateway.ir.request import Message, Reasoning, Request, Text, Tool, ToolCall
from gateway.pipeline.guard import Guard, offered
from gateway.testing.judge import ScriptedJudge, verdict
from gateway.toolgate.mend_chat import ChatMender
from gateway.toolgate.mend_neutral import NeutralMender
from gateway.toolgate.values import Manner, TurnRefused
from policies import verdict as judged
from tests.unit.gateway.pipeline.made import exchange

TOOLS = {"tools": [{"type": "function", "function": {"name": "bash", "parameters": {}}}]}
REPLY = Response("r", "m", (Text("I look."), ToolCall("c1", "bash", '{"command":"ls"}')), Finished("tool_calls"))


def made(judge: ScriptedJudge | None = None, manner: Manner | None = None) -> Guard:
    return Guard(judge or ScriptedJudge(), exchange(TOOLS), manner or Manner())


async def test_calls_are_judged_with_the_tools_the_request_offered() -> None:
    judge = ScriptedJudge()
    rulings = await made(judge).rule(REPLY, None, translated=False)
    assert judge.seen == [judged.ToolCall("c1", "bash", b'{"command":"ls"}', known=frozenset({"bash"}))]
    assert rulings[1].untouched


async def test_without_calls_nobody_is_asked() -> None:
    judge = ScriptedJudge(otherwise=RuntimeError("asked"))
    assert await made(judge).rule(Response("r", "m", (Text("x"),)), None, translated=False) == {}


@pytest.mark.parametrize(
    ("judge", "why"),
    [
        (ScriptedJudge(delay_s=5), "within 0.01 s"),
        (ScriptedJudge(otherwise=RuntimeError("broken")), "RuntimeError"),
        (ScriptedJudge(otherwise=OSError("gone")), "OSError"),
    ],
)
async def test_a_judge_that_fails_or_is_late_allows_nothing(judge: ScriptedJudge, why: str) -> None:
    guard = made(judge, Manner(judge_s=0.01))
    rulings = await guard.rule(REPLY, None, translated=False)
    assert rulings[1].gone
    assert why in rulings[1].text
    assert guard.rulings == list(rulings.values())


async def test_a_judge_that_answers_for_fewer_calls_allows_nothing() -> None:
    class Short(ScriptedJudge):
        async def judge(self, calls, exchange):  # type: ignore[no-untyped-def]
            return []

    assert (await made(Short()).rule(REPLY, None, translated=False))[1].gone


async def test_errors_and_second_chances() -> None:
    with pytest.raises(PolicyDenied):
        await made(ScriptedJudge(otherwise="deny"), Manner("error")).rule(REPLY, None, translated=False)
    guard = made(ScriptedJudge(otherwise="deny"), Manner("retry", retries=1))
    with pytest.raises(TurnRefused) as caught:
        await guard.rule(REPLY, None, translated=False)
    guard.ask_again(caught.value.rulings, [Reasoning("hm")])
    said, result = guard.again
    assert said == Message("assistant", (Reasoning("hm"), REPLY.parts[1]))
    assert result.role == "tool"
    rulings = await guard.rule(REPLY, None, translated=False)
    assert rulings[1].form == "text", "one chance was all"
    assert len(guard.rulings) == 2


def test_each_dialect_has_its_own_mender() -> None:
    class Encoder:
        def feed(self, event: object) -> bytes:
            return b""

        def close(self) -> bytes:
            return b""

    assert isinstance(made().gate("chat", None, None)._mender, ChatMender)
    assert isinstance(made().gate("chat", Encoder(), None)._mender, NeutralMender)


def test_upstreams_know_some_tools_by_another_name() -> None:
    long = Tool("mcp__a__" + "x" * 80)
    request = Request(origin="chat", model="m", messages=(), tools=(long, Tool("bash")))
    names = offered(request)
    assert names["bash"].name == "bash"
    assert long in names.values()
    assert all(len(name) <= 64 for name in names)
    assert offered(None) == {}


async def test_whole_replies_are_mended_in_their_dialect() -> None:
    guard = made(ScriptedJudge(otherwise=verdict("allow", arguments=b'{"command":"true"}')))
    rulings = await guard.rule(REPLY, None, translated=False)
    body = b'{"choices":[{"message":{"tool_calls":[{"function":{"name":"bash","arguments":"{}"}}]}}]}'
    assert b'{\\"command\\":\\"true\\"}' in Guard.mended("chat", body, rulings)
