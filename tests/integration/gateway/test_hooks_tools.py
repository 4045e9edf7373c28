"""Hooks on tool calls and their results, through the whole gateway: pre_tool_use, post_tool_use."""

import json

import pytest

from gateway.testing.scripted import Text, Turn
from tests.support.gateways import PATHS
from tests.support.hooking import CONTEXT, Heard, bash, call_of, every_dialect, gateway, last_text, records, said, sent
from tests.support.toolcalls import asking, returned


def pre(answer=None, folder=None, **more):
    return {"id": "guard", "on": "pre_tool_use", "command": Heard(folder).command(answer), **more}


@pytest.mark.parametrize("stream", [False, True])
@every_dialect
async def test_a_rewrite_reaches_the_client_and_is_judged_again(tmp_path, dialect, stream):
    heard = Heard(tmp_path)
    for command, wanted in (
        ("ls /repo/sandbox", "ls /repo/sandbox"),
        ("rm -rf /repo", "exit 126"),
        ("git push", "exit 126"),
    ):
        answer = {"arguments": {"command": command}, "decision": "allow"}
        hook = {"id": "jail", "on": "pre_tool_use", "command": heard.command(answer), "may_rewrite": True}
        async with gateway(tmp_path, hook, dialect=dialect, upstream=said(bash("ls /repo"))) as stage:
            assert wanted in (await call_of(stage, dialect, stream=stream)).command
            (record,) = await records(stage, "decision")
            assert json.loads(record["rewritten"]) == {"command": command}


@pytest.mark.parametrize("command", ["rm -rf /repo", "git push"])
async def test_no_rewrite_lifts_a_deny_or_a_floor(tmp_path, command):
    hook = pre({"arguments": {"command": "ls /repo"}, "decision": "allow"}, tmp_path, may_rewrite=True)
    async with gateway(tmp_path, hook, upstream=said(bash(command))) as stage:
        assert "exit 126" in (await call_of(stage, "chat")).command


@pytest.mark.parametrize(
    ("command", "passes"),
    [("make all", True), ("ls /repo", True), ("git push", False), ("rm x", False), ("$(x)", False)],
)
async def test_an_allow_lifts_a_plain_ask_only(tmp_path, command, passes):
    async with gateway(tmp_path, pre({"decision": "allow"}, tmp_path), upstream=said(bash(command))) as stage:
        assert ((await call_of(stage, "chat")).command == command) is passes


async def test_matchers_of_kind_and_program(tmp_path):
    names = {"kind": {"tool": "read"}, "program": {"program": ["ls", "make*"]}, "other": {"program": "git"}}
    hooks = [{"id": n, "on": "pre_tool_use", "command": Heard(tmp_path, n).command(), **m} for n, m in names.items()]
    async with gateway(tmp_path, *hooks, upstream=said(bash("ls /repo"))) as stage:
        await call_of(stage, "chat")
    assert {name: len(Heard(tmp_path, name).told) for name in names} == {"kind": 0, "program": 1, "other": 0}


async def test_context_of_a_released_call_comes_with_the_next_request(tmp_path):
    upstream = said(bash(), Turn(parts=(Text("done"),)), Turn(parts=(Text("done"),)))
    async with gateway(tmp_path, pre(CONTEXT, tmp_path), upstream=upstream) as stage:
        headers = {"x-interlock-session": "session-1"}
        call = await call_of(stage, "chat", headers=headers)
        history = returned("chat", call, "a.py")
        for told in (True, False):
            await stage.client.post(PATHS["chat"], asking("chat", "do it", *history), headers)
            assert ("Mind the gap." in stage.upstream.model.work[-1].body.decode()) is told


@every_dialect
async def test_post_tool_use_sees_each_new_result(tmp_path, dialect):
    heard = Heard(tmp_path)
    hook = {"id": "look", "on": "post_tool_use", "tool": "shell", "command": heard.command(CONTEXT)}
    upstream = said(bash(), Turn(parts=(Text("done"),)))
    async with gateway(tmp_path, hook, dialect=dialect, upstream=upstream) as stage:
        call = await call_of(stage, dialect)
        history = returned(dialect, call, "found a.py")
        reply = await stage.client.post(PATHS[dialect], asking(dialect, "do it", *history))
        assert reply.status == 200, reply.body
        (told,) = heard.told
        assert (told["tool"]["name"], told["tool"]["arguments"]) == ("bash", {"command": "ls /repo"})
        assert (told["result"], told["cut"]) == ("found a.py", False)
        assert "Mind the gap." in last_text(dialect, sent(stage))


async def test_post_tool_use_may_refuse_the_request(tmp_path):
    hook = {
        "id": "look",
        "on": "post_tool_use",
        "command": Heard(tmp_path).command({"decision": "deny", "reason": "bad"}),
    }
    async with gateway(tmp_path, hook, upstream=said(bash())) as stage:
        call = await call_of(stage, "chat")
        reply = await stage.client.post(PATHS["chat"], asking("chat", "do it", *returned("chat", call, "x")))
        assert reply.status == 403
        assert "look: bad" in reply.json()["error"]["message"]
