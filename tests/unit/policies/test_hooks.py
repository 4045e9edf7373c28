"""What hooks are told and what their answers mean."""

import json

import pytest

from policies import hooks
from policies.facts import Facts
from policies.hooks import HookAnswer
from policies.model import Hook
from policies.verdict import Caller, ToolCall


def hook(**more):
    return Hook.model_validate({"id": "h", "on": "pre_tool_use", "command": ["x"]} | more)


def test_exit_codes():
    assert hooks.exited(hook(), 0, b"", b"") == HookAnswer()
    assert hooks.exited(hook(), 2, b"", b" no \n") == HookAnswer("deny", "no")
    assert hooks.exited(hook(), 2, b"", b"").reason
    assert "ended with 1" in hooks.exited(hook(), 1, b"", b"").failed
    assert "in time" in hooks.exited(hook(), None, b"", b"").failed


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b'{"decision":"ask","reason":"r","context":"c"}', HookAnswer("ask", "r", None, "c")),
        (b"{}", HookAnswer()),
        (b'{"arguments":{"a":"\xc3\xbc"}}', HookAnswer(arguments=b'{"a":"\xc3\xbc"}')),
        (b'{"arguments":"raw"}', HookAnswer(arguments=b"raw")),
    ],
)
def test_answers(text, wanted):
    assert hooks.answer(hook(may_rewrite=True), text) == wanted


@pytest.mark.parametrize(
    "text", [b"ok", b"[]", b'{"decision":"approve"}', b'{"x":1}', b'{"reason":1}', b'{"arguments":1}', b"[" * 100_000]
)
def test_answers_that_fail(text):
    assert hooks.answer(hook(may_rewrite=True), text).failed


def test_a_hook_that_may_not_rewrite():
    assert "may not" in hooks.answer(hook(), b'{"arguments":{}}').failed


def test_failures_count_as_on_error():
    failed = HookAnswer(failed="x")
    assert hooks.said(hook(), failed)[0] == "deny"
    assert hooks.said(hook(on_error="ask"), failed)[0] == "ask"
    assert hooks.said(hook(on_error="allow"), failed)[0] is None
    assert hooks.said(hook(on="response"), failed)[0] is None


def test_the_strictest_answer_holds():
    assert hooks.joined([("allow", "a"), (None, ""), ("ask", "b")]) == ("ask", "b")
    assert hooks.joined([]) == (None, "")


def test_who_is_asked():
    facts = Facts("shell", "bash")
    assert hooks.wanted(hook(), "pre_tool_use", facts)
    assert hooks.wanted(hook(tool="shell"), "pre_tool_use", facts)
    assert hooks.wanted(hook(tool="ba*"), "pre_tool_use", facts)
    assert not hooks.wanted(hook(tool="write"), "pre_tool_use", facts)
    assert not hooks.wanted(hook(), "stop", facts)


def test_times_and_forms():
    model = hook(command=None, model="m", criteria="c")
    assert (hooks.timeout_s(hook()), hooks.timeout_s(model), hooks.timeout_s(hook(timeout_ms=10))) == (5, 30, 0.01)
    assert [hooks.form(hook()), hooks.form(hook(command=None, http="http://x")), hooks.form(model)] == [
        "command",
        "http",
        "model",
    ]


@pytest.mark.parametrize("point", hooks.POINTS)
def test_every_point_has_a_schema_that_its_payload_fits(point):
    schema = hooks.schema(point)
    own = {name: {"string": "", "integer": 0, "object": {}}[kind] for name, kind in hooks.POINTS[point][1].items()}
    told = json.loads(hooks.payload(point, Caller(), own))
    assert set(told) == set(schema["required"])


def test_calls_of_every_form():
    assert hooks.tool_fields(ToolCall("1", "a", b'{"x":1}'))["arguments"] == {"x": 1}
    assert hooks.tool_fields(ToolCall("1", "a", b"t", custom=True))["input"] == "t"
    assert hooks.tool_fields(ToolCall("1", "a", b"\xff"))["arguments_base64"] == "/w=="
