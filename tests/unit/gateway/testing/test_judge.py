import asyncio

import pytest

from gateway.testing.judge import ScriptedJudge, verdict
from policies.verdict import ToolCall
from tests.unit.gateway.pipeline.made import exchange

A, B = ToolCall("1", "a", b"{}"), ToolCall("2", "b", b"{}")


async def test_it_answers_by_name_and_remembers():
    rewrite = verdict("allow", arguments=b"[]")
    judge = ScriptedJudge({"a": "deny", "b": rewrite})
    first, second = await judge.judge([A, B], exchange())
    assert (first.decision, first.rules[0].rule) == ("deny", "scripted")
    assert second is rewrite
    assert judge.seen == [A, B]


async def test_it_answers_by_function_and_can_fail_and_be_late():
    judge = ScriptedJudge(lambda call: "ask" if call.id == "1" else KeyError("broken"))
    assert (await judge.judge([A], exchange()))[0].decision == "ask"
    with pytest.raises(KeyError):
        await judge.judge([B], exchange())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ScriptedJudge(delay_s=5).judge([A], exchange()), 0.01)
