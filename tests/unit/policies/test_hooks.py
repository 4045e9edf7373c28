"""What hooks are told and what their answers mean."""

import json

import pytest

from policies import hooks
from policies.facts import Command, Facts
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
    "text",
    [
        b"ok",
        b"[]",
        b'{"decision":"approve"}',
        b'{"x":1}',
        b'{"reason":1}',
        b'{"arguments":1}',
        b"[" * 100_000,
        b'{"decision":"deny","decision":"allow"}',
        b'{"lane":"local"}',
        b'{"tags":[]}',
        b'{"decision":1}',
        b'{"reason":"' + b"x" * 3000 + b'"}',
        b'{"context":"' + b"x" * 11_000 + b'"}',
        b"\xff\xfe{}",
    ],
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


@pytest.mark.parametrize(
    ("point", "text", "failed"),
    [
        ("request", b'{"decision":"ask"}', True),  # no call is pending
        ("request", b'{"arguments":{}}', True),
        ("request", b'{"context":"c"}', False),
        ("permission_request", b'{"context":"c"}', True),
        ("pre_route", b'{"lane":"local"}', False),
        ("pre_route", b'{"lane":"mid"}', False),
        ("pre_route", b'{"lane":"frontier"}', True),
        ("pre_route", b'{"lane":["local"]}', True),
        ("pre_route", b'{"tags":["t","t"]}', False),
        ("pre_route", b'{"tags":["u"]}', True),
        ("pre_route", b'{"tags":"t"}', True),
        ("response", b"whatever", False),
    ],
)
def test_what_each_point_takes(point, text, failed):
    more = {"lanes": ["mid"], "tags": ["t"]} if point == "pre_route" else {}
    assert bool(hooks.answer(hook(on=point, may_rewrite=True, **more), text).failed) is failed


def test_nobody_reads_what_a_watching_hook_says():
    watching = hook(on="stop")
    assert hooks.exited(watching, 0, b'{"decision":"deny"}', b"") == HookAnswer()
    assert hooks.exited(watching, 2, b"", b"no").failed


def test_programs():
    ls = Facts("shell", "bash", commands=(Command("ls"),))
    assert hooks.wanted(hook(program=["l*"]), "pre_tool_use", ls)
    assert not hooks.wanted(hook(program=["git"]), "pre_tool_use", ls)
    assert not hooks.wanted(hook(program=["git"]), "pre_tool_use", Facts("read", "read"))
    for unread in (Command(""), Command("x", unknown=("what",))):
        assert hooks.wanted(hook(program=["git"]), "pre_tool_use", Facts("shell", "bash", commands=(unread,)))
    assert hooks.wanted(hook(program=["git"]), "pre_tool_use", Facts("shell", "bash", unknown=("a part",)))


def test_tools_by_name_alone():
    assert hooks.named("bash").kind == "shell"
    assert hooks.named("mcp__gh__list") == Facts("mcp", "list", "gh")
    assert hooks.named("nobody knows").kind == "other"
    assert hooks.wanted(hook(tool="mcp__gh__*"), "pre_tool_use", hooks.named("mcp__gh__list"), "mcp__gh__list")


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


def test_a_payload_tells_the_private_tags_and_the_request():
    caller = Caller(tags=("a",), extra={"request": "req_1", "private": "b\nc"})
    told = json.loads(hooks.payload("stop", caller, {}))
    assert (told["request"], told["tags"]) == ("req_1", ["a", "b", "c"])


def test_calls_of_every_form():
    assert hooks.tool_fields(ToolCall("1", "a", b'{"x":1}'))["arguments"] == {"x": 1}
    assert hooks.tool_fields(ToolCall("1", "a", b"t", custom=True))["input"] == "t"
    assert hooks.tool_fields(ToolCall("1", "a", b"\xff"))["arguments_base64"] == "/w=="
