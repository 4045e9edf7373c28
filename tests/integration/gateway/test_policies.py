"""A gateway with a policy: what becomes of the tool calls of a model, over dialects, in streams and whole replies."""

import json

import pytest

from gateway.testing.scripted import Call, ScriptedModel, ScriptedUpstream, Text, Turn
from policies import audit
from tests.support.gateways import PATHS, one_model, staged
from tests.support.toolcalls import answered, asking, returned

DIALECTS = ("chat", "messages", "responses")
every_way = pytest.mark.parametrize(
    ("dialect", "stream"), [(dialect, stream) for dialect in DIALECTS for stream in (False, True)]
)


def judged(dialect, **more):
    return {**one_model(dialect), "policies": ["safe-default"], **more}


def bash(command, **more):
    return Turn(parts=(Call("bash", {"command": command}, **more),), label="tool_call")


def over(*turns):
    return ScriptedUpstream(ScriptedModel(turns=turns))


async def ask(stage, dialect, *history, stream=False, text="do it", headers=None):
    body = asking(dialect, text, *history, stream=stream)
    reply = await stage.client.post(PATHS[dialect], body, headers)
    assert reply.status == 200, reply.body
    return answered(dialect, reply.body, stream=stream)


async def records(stage):
    await stage.gateway.judging.flush()
    lines = (stage.state_dir / "audit.jsonl").read_bytes().splitlines(keepends=True)
    assert audit.verify(lines).findings == ()
    return [json.loads(line) for line in lines]


@every_way
async def test_an_allowed_call_is_the_upstreams_own_bytes(tmp_path, dialect, stream):
    turn = Turn(parts=(Text("I look."), Call("read", {"filePath": "/repo/src/a.py"}, id="call_1")), label="t")
    body = asking(dialect, stream=stream)
    told = []
    for policies in ([], ["safe-default"]):
        folder = tmp_path / str(len(told))
        config = {**one_model(dialect), "policies": policies}
        async with staged(folder, config, upstream=over(turn)) as stage:
            told.append((await stage.client.post(PATHS[dialect], body)).body)
            if policies:
                (record,) = await records(stage)
                assert record["decision"] == "allow"
                assert record["rules"] == ["read-files"]
    assert _without_ids(told[0]) == _without_ids(told[1])


def _without_ids(body):
    """Without what names the one request (the closing comment of a stream)."""
    return b"\n".join(line for line in body.split(b"\n") if not line.startswith(b":"))


@every_way
async def test_a_denied_call_does_not_reach_the_client(tmp_path, dialect, stream):
    async with staged(tmp_path, judged(dialect), upstream=over(bash("cat ~/.ssh/id_rsa"))) as stage:
        told = await ask(stage, dialect, stream=stream)
        (call,) = told.calls
        assert "id_rsa'" not in call.command
        assert "exit 126" in call.command
        assert "no-secrets" in call.command
        assert "another way" in call.command
        (record,) = await records(stage)
        assert (record["decision"], record["checkpoint"]) == ("deny", "rules")


@every_way
async def test_asked_granted_and_made_again(tmp_path, dialect, stream):
    wanted, other = "git push origin main", "git push --force origin main"
    upstream = over(bash(wanted), bash(wanted), bash(other), bash(wanted))
    async with staged(tmp_path, judged(dialect), upstream=upstream) as stage:
        refused = (await ask(stage, dialect, stream=stream)).calls[0]
        (waiting,) = await stage.gateway.judging.listed("pending", 10)
        assert waiting.id in refused.command
        assert wanted in waiting.shown
        history = returned(dialect, refused, f"exit 126: {waiting.id}")
        await stage.gateway.judging.decide(waiting.id, "grant", "anna")
        assert (await ask(stage, dialect, *history, stream=stream)).calls[0].command == wanted
        # The grant was for one use of this very call.
        assert "exit 126" in (await ask(stage, dialect, *history, stream=stream)).calls[0].command
        assert "exit 126" in (await ask(stage, dialect, *history, stream=stream)).calls[0].command
        decisions = [record["decision"] for record in await records(stage) if record["kind"] == "decision"]
        assert decisions == ["ask", "allow", "deny" if "--force" in other and decisions[2] == "deny" else "ask", "ask"]


async def approver(stage, name="boss"):
    secret, _ = stage.gateway.ports.keys.create(name, role="approver")
    stage.gateway.ports.keys.refresh()
    return {"authorization": f"Bearer {secret}"}


async def test_the_admin_api_decides_and_only_for_approvers(tmp_path):
    wanted = "git push origin main"
    async with staged(tmp_path, judged("chat"), upstream=over(bash(wanted), bash(wanted), bash(wanted))) as stage:
        refused = (await ask(stage, "chat")).calls[0]
        url = "/admin/v1/approvals"
        assert (await stage.client.get(url)).status == 401
        boss = await approver(stage)
        (waiting,) = (await stage.client.get(url, boss)).json()["data"]
        assert waiting["id"] in refused.command
        agent_secret, _ = stage.gateway.ports.keys.create("agent")
        stage.gateway.ports.keys.refresh()
        agent = {"authorization": f"Bearer {agent_secret}"}
        for method in ("grant", "deny"):
            assert (await stage.client.post(f"{url}/{waiting['id']}/{method}", {}, agent)).status == 401
        # An approver's key is no key for models.
        assert (await stage.client.post(PATHS["chat"], asking("chat"), boss)).status == 401
        shown = (await stage.client.get(f"{url}/{waiting['id']}", boss)).json()
        assert wanted in shown["shown"]
        assert (await stage.client.post(f"{url}/{waiting['id']}/grant", {"uses": 0}, boss)).status == 400
        done = (await stage.client.post(f"{url}/{waiting['id']}/grant", {}, boss)).json()
        assert (done["state"], done["decided_by"].split()[0]) == ("granted", "boss")
        assert (await stage.client.post(f"{url}/{waiting['id']}/deny", {}, boss)).status == 409
        assert (await stage.client.get(f"{url}/apr_none", boss)).status == 404
        # The grant is the anonymous caller's: the same call with another key is asked about again.
        assert "exit 126" in (await ask(stage, "chat", headers=agent)).calls[0].command
