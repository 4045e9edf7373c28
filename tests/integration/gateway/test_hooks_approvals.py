"""Hooks on approvals, and calls whose question is left to the harness, through the whole gateway."""

import pytest

from tests.support.gateways import PATHS, eventually, one_model, staged
from tests.support.hooking import Heard, bash, call_of, every_dialect, gateway, policy, records, said
from tests.support.toolcalls import asking


@pytest.mark.parametrize(
    ("answer", "command", "state"),
    [
        ({"decision": "deny", "reason": "no"}, "make all", "denied"),
        ({"decision": "allow", "reason": "ok"}, "make all", "used"),
        ({"decision": "allow"}, "git push", "pending"),  # a floor
        ({"decision": "ask"}, "make all", "pending"),
        (None, "make all", "pending"),
        ("garbage", "make all", "denied"),
    ],
)
async def test_permission_request_decides_before_a_person_is_bothered(tmp_path, answer, command, state):
    heard = Heard(tmp_path)
    hook = {"id": "first", "on": "permission_request", "command": heard.command(answer)}
    async with gateway(tmp_path, hook, upstream=said(bash(command), bash(command))) as stage:
        call = await call_of(stage, "chat")
        assert (call.command == command) is (state == "used")
        (found,) = await stage.gateway.judging.listed(None, 10)
        assert found.state == state
        assert found.decided_by == ("" if state == "pending" else "hook first")
        assert heard.told[0]["ticket"] == found.id
        await call_of(stage, "chat")  # asked again about what waits or was denied: nobody is bothered twice
        assert len(heard.told) == (2 if state == "used" else 1)


async def test_permission_decided_is_told_once(tmp_path):
    heard = Heard(tmp_path)
    hook = {"on": "permission_decided", "command": heard.command()}
    async with gateway(tmp_path, hook, upstream=said(bash("make all"), bash("make all"))) as stage:
        await call_of(stage, "chat")
        (waiting,) = await stage.gateway.judging.listed("pending", 10)
        await stage.gateway.judging.decide(waiting.id, "grant", "anna", note="go")
        await eventually(lambda: heard.told)
        await call_of(stage, "chat")
    (told,) = heard.told
    assert (told["ticket"], told["decision"], told["by"], told["note"]) == (waiting.id, "grant", "anna", "go")


DELEGATES = {"defaults": {"decision": "ask", "ask": "delegate"}}


@pytest.mark.parametrize("stream", [False, True])
@every_dialect
async def test_delegated_calls_are_released_as_they_are(tmp_path, dialect, stream):
    rules = "version: 1\nworkspace: {roots: [/repo]}\nrules: {base: [{id: floor, ask: {program: git}, floor: true}]}\n"
    bodies = []
    for prompts in (None, True, False):
        more = DELEGATES | {"profiles": {"default": {"prompts": prompts}}} if prompts is not None else {}
        config = {**one_model(dialect), "policies": [policy(tmp_path, rules=rules, **more)] if more else []}
        async with staged(tmp_path / f"s{prompts}", config, upstream=said(bash("make all"))) as stage:
            body = asking(dialect, stream=stream)
            reply = await stage.client.post(PATHS[dialect], body)
            bodies.append(b"\n".join(line for line in reply.body.split(b"\n") if not line.startswith(b":")))
            if prompts is not None:
                (record,) = await records(stage, "decision")
                assert (record["decision"], record["granted_by"]) == (
                    ("allow", "delegated") if prompts else ("ask", "")
                )
                assert len(await stage.gateway.judging.listed("pending", 10)) == (0 if prompts else 1)
    assert bodies[0] == bodies[1] != bodies[2]


async def test_a_floor_is_not_delegated(tmp_path):
    more = DELEGATES | {"profiles": {"default": {"prompts": True}}}
    rules = "version: 1\nrules: {base: [{id: floor, ask: {program: git}, floor: true}]}\n"
    async with gateway(tmp_path, rules=rules, upstream=said(bash("git push")), **more) as stage:
        assert "exit 126" in (await call_of(stage, "chat")).command
        assert len(await stage.gateway.judging.listed("pending", 10)) == 1
