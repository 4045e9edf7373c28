"""What a tool brought and a cloud model must not see, through the whole gateway: what reaches the upstream is looked at."""

import json
from dataclasses import dataclass

import pytest

from gateway.testing.scripted import Call, ScriptedModel, ScriptedUpstream, Text, Turn
from policies import audit
from policies.secrets import MASK
from tests.support.gateways import PATHS, error_of, model_at, staged
from tests.support.toolcalls import Seen, answered, asking, returned

DIALECTS = ("chat", "messages", "responses")
each = pytest.mark.parametrize("dialect", DIALECTS)
CLOUD, OWN = "http://cloud.test", "http://own.test"
# Put together here, so that no scanner takes this file for a leak.
TOKEN = "ghp_" + "a1B2c3D4e" * 4
CARD = "4111 1111 " + "1111 1111"
PEM = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEow\n+/aA==\n-----END RSA PRIVATE " + "KEY-----"
SECRETS = (TOKEN, CARD, "MIIEow")
RESULT = f'total 3\nexport GITHUB_TOKEN={TOKEN}\n"card": "{CARD}" – Zürich\n{PEM}\n'


def policy(folder, redact="{}"):
    path = folder / "team.yaml"
    path.write_text(f"version: 1\nextends: safe-default\nredact: {redact}\n")
    return [str(path)]


def config(folder, dialect, redact="{}", *, upstream=None, **more):
    spoken = upstream or dialect
    own = {"provider": "vllm", "base_url": OWN, "model": "scripted-large", "lane": "local", "dialect": spoken}
    models = {"cloud/big": model_at(CLOUD, spoken), "own/small": {**own, "context_tokens": 1_000_000}}
    routes = [{"id": "all", "to": ["cloud/big", "own/small"]}]
    return {"models": models, "routes": routes, "policies": policy(folder, redact), **more}


@dataclass
class Vendors:
    cloud: ScriptedModel
    own: ScriptedModel

    @property
    def upstream(self):
        return ScriptedUpstream(vendors={CLOUD: self.cloud, OWN: self.own})


def vendors(*turns):
    return Vendors(ScriptedModel(turns=turns), ScriptedModel(turns=turns))


def read_back(dialect, result=RESULT, id_="call_1"):
    return returned(dialect, Seen(id_, "read", {"filePath": "/repo/notes.txt"}), result)


async def ask(stage, dialect, *history, text="do it", headers=None, stream=False, **more):
    body = asking(dialect, text, *history, stream=stream, **more)
    return await stage.client.post(PATHS[dialect], body, headers)


def sent(model, at=-1):
    return model.requests[at].body.decode()


async def leaks_in(stage):
    await stage.gateway.judging.flush()
    lines = (stage.state_dir / "audit.jsonl").read_bytes().splitlines(keepends=True)
    assert audit.verify(lines).findings == ()
    return [r for r in map(json.loads, lines) if r["kind"] == "leak"]


def clean(text):
    return not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("upstream", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
@each
async def test_no_secret_of_a_result_reaches_a_cloud_model(tmp_path, dialect, upstream, stream):
    """Passed through and translated, whole and in a stream."""
    them = vendors()
    async with staged(tmp_path, config(tmp_path, dialect, upstream=upstream), upstream=them.upstream) as stage:
        told = await ask(stage, dialect, *read_back(dialect), stream=stream)
        assert told.status == 200, told.body
        body = sent(them.cloud)
        assert clean(body)
        assert {mask.split(":")[1] for mask in MASK.findall(body)} == {"github_token", "card", "private_key"}
        assert "Zürich" in body or "Z\\u00fcrich" in body
        kept = json.loads(stage.row.extra["leaks"])
        kinds = {"card": 1, "github_token": 1, "private_key": 1}
        assert kept == {"cloud/big": {"masked": kinds, "new": kinds}}
        (record,) = await leaks_in(stage)
        assert (record["action"], record["model"], record["kinds"]) == ("mask", "cloud/big", kinds)
        assert clean(json.dumps(record))
        metrics = (await stage.client.get("/metrics")).body.decode()
        assert 'interlock_leaks_kept_total{kind="github_token",model="cloud/big"} 1.0' in metrics
        assert clean("".join(map(str, await stage.sql("SELECT * FROM entries"))))


@each
async def test_an_own_model_gets_everything_as_it_is(tmp_path, dialect):
    them = vendors()
    async with staged(tmp_path, config(tmp_path, dialect), upstream=them.upstream) as stage:
        told = await ask(stage, dialect, *read_back(dialect), model="own/small")
        assert told.status == 200
        assert TOKEN in sent(them.own)
        assert "leaks" not in stage.row.extra
        assert await leaks_in(stage) == []


@each
async def test_only_the_masked_bytes_differ(tmp_path, dialect):
    bodies = []
    for number, redact in enumerate(("{}", "{secrets: off}")):
        folder = tmp_path / str(number)
        folder.mkdir()
        them = vendors()
        async with staged(folder, config(folder, dialect, redact), upstream=them.upstream) as stage:
            await ask(stage, dialect, *read_back(dialect, f"é\t{TOKEN}\u2028 \\ end"))
        bodies.append(sent(them.cloud))
    masked, plain = bodies
    (mask,) = set(MASK.findall(masked))
    assert masked.replace(mask, TOKEN) == plain


@each
async def test_masks_are_the_same_over_turns_restarts_and_sessions(tmp_path, dialect):
    them, found = vendors(), set()
    for session in ("session-one", "session-two"):
        async with staged(tmp_path, config(tmp_path, dialect), upstream=them.upstream) as stage:
            history = read_back(dialect)
            for turn in range(3):
                await ask(stage, dialect, *history, headers={"x-interlock-session": session})
                found |= set(MASK.findall(sent(them.cloud)))
                history += read_back(dialect, f"{turn} {TOKEN}", f"call_{turn + 2}")
            counts = [json.loads(row.extra["leaks"])["cloud/big"] for row in stage.rows]
            assert [count["masked"]["github_token"] for count in counts] == [1, 2, 3]
            assert [count["new"].get("github_token", 0) for count in counts] == [1, 0, 0]
    assert len(found) == 3
    first, second = sent(them.cloud, 0), sent(them.cloud, 1)
    start = first.index("[secret:")
    assert second[: start + 30] == first[: start + 30]


@each
async def test_what_an_own_model_said_is_masked_when_the_session_moves_to_the_cloud(tmp_path, dialect):
    call = Seen("call_1", "bash", {"command": f"echo {TOKEN} > a"})
    them = vendors()
    async with staged(tmp_path, config(tmp_path, dialect), upstream=them.upstream) as stage:
        await ask(stage, dialect, *returned(dialect, call, "done"))
        assert clean(sent(them.cloud))
        assert "[secret:github_token:" in sent(them.cloud)


@each
async def test_user_text_is_left_alone_unless_a_rule_says_so(tmp_path, dialect):
    them = vendors()
    async with staged(tmp_path, config(tmp_path, dialect), upstream=them.upstream) as stage:
        await ask(stage, dialect, text=f"use {TOKEN}")
        assert TOKEN in sent(them.cloud)
    async with staged(
        tmp_path, config(tmp_path, dialect, "{texts: [results, replies, user]}"), upstream=them.upstream
    ) as stage:
        await ask(stage, dialect, text=f"use {TOKEN}")
        assert clean(sent(them.cloud))


@each
async def test_without_tools_the_users_messages_are_the_results(tmp_path, dialect):
    """Harnesses without tool calls (Aider, mini-swe-agent) put files and output there."""
    them = vendors()
    async with staged(tmp_path, config(tmp_path, dialect), upstream=them.upstream) as stage:
        told = await stage.ask(dialect, f"notes.txt:\n{TOKEN}")
        assert told.status == 200
        assert clean(sent(them.cloud))


async def test_a_legacy_prompt_is_masked(tmp_path):
    them = vendors()
    async with staged(tmp_path, config(tmp_path, "chat"), upstream=them.upstream) as stage:
        told = await stage.client.post("/v1/completions", {"model": "auto", "prompt": f'x "{TOKEN}" é'})
        assert told.status == 200, told.body
        assert clean(sent(them.cloud))


@each
@pytest.mark.parametrize("stream", [False, True])
async def test_deny_is_an_error_in_the_dialect(tmp_path, dialect, stream):
    them = vendors()
    async with staged(tmp_path, config(tmp_path, dialect, "{kinds: {card: deny}}"), upstream=them.upstream) as stage:
        assert (await ask(stage, dialect, *read_back(dialect, TOKEN))).status == 200
        told = await ask(stage, dialect, *read_back(dialect), stream=stream)
        assert told.status == 403
        message = error_of(dialect, told.body)["message"]
        assert "[secret:card:" in message
        assert clean(message)
        assert len(them.cloud.requests) == 1
        assert not them.own.requests
        assert stage.rows[-1].outcome == "refused"
        assert [record["action"] for record in await leaks_in(stage)] == ["mask", "deny"]
        assert (await ask(stage, dialect, *read_back(dialect), model="own/small")).status == 200


@each
async def test_local_keeps_the_session_on_own_servers_for_good(tmp_path, dialect):
    them, headers = vendors(), {"x-interlock-session": "session-one"}
    async with staged(tmp_path, config(tmp_path, dialect, "{secrets: local}"), upstream=them.upstream) as stage:
        assert (await ask(stage, dialect, headers=headers)).headers["x-interlock-model"] == "cloud/big"
        told = await ask(stage, dialect, *read_back(dialect), headers=headers)
        assert told.headers["x-interlock-model"] == "own/small"
        assert TOKEN in sent(them.own)
        # The history was compacted: what was read is gone from it, not from what the model may repeat.
        again = await ask(stage, dialect, text="go on", headers=headers)
        assert again.headers["x-interlock-model"] == "own/small"
        other = await ask(stage, dialect, headers={"x-interlock-session": "session-two"})
        assert other.headers["x-interlock-model"] == "cloud/big"
        named = await ask(stage, dialect, *read_back(dialect), headers=headers, model="cloud/big")
        assert named.status >= 400
        assert "own servers" in error_of(dialect, named.body)["message"]
        assert all(clean(request.body.decode()) for request in them.cloud.requests)
        dry = await stage.client.post(
            f"/v1/route?dialect={dialect}", asking(dialect, "x", *read_back(dialect)), headers
        )
        assert dry.json()["model"] == "own/small"
    # And it is remembered over a restart.
    async with staged(tmp_path, config(tmp_path, dialect, "{secrets: local}"), upstream=them.upstream) as stage:
        told = await ask(stage, dialect, text="and now", headers=headers)
        assert told.headers["x-interlock-model"] == "own/small"


@each
async def test_ask_waits_for_a_person_and_holds_for_the_session(tmp_path, dialect):
    them, headers = vendors(), {"x-interlock-session": "session-one"}
    async with staged(tmp_path, config(tmp_path, dialect, "{secrets: ask}"), upstream=them.upstream) as stage:
        for decision, secret in (("grant", TOKEN), ("deny", "glpat-" + "x1Y2z3" * 4)):
            history = read_back(dialect, f"k {secret}")
            refused = await ask(stage, dialect, *history, headers=headers)
            assert refused.status == 403
            (waiting,) = await stage.gateway.judging.listed("pending", 10)
            message = error_of(dialect, refused.body)["message"]
            assert waiting.id in message
            assert secret not in message + waiting.shown + waiting.reason
            await stage.gateway.judging.decide(waiting.id, decision, "anna")
            for _ in range(2):
                told = await ask(stage, dialect, *history, headers=headers)
                assert told.status == 200, told.body
                assert (secret in sent(them.cloud)) is (decision == "grant")
        # What was granted to one session was not granted to another.
        other = await ask(stage, dialect, *read_back(dialect, TOKEN), headers={"x-interlock-session": "session-two"})
        assert other.status == 403, (other.headers, other.body)


async def test_ask_can_hold_the_request(tmp_path):
    them = vendors()
    made = config(tmp_path, "chat")
    made["policies"][0] = str(tmp_path / "held.yaml")
    (tmp_path / "held.yaml").write_text(
        "version: 1\nextends: safe-default\nredact: {secrets: ask}\ndefaults: {ask: hold, ask_timeout_s: 0.3}\n"
    )
    async with staged(tmp_path, made, upstream=them.upstream) as stage:
        refused = await ask(stage, "chat", *read_back("chat"))
        assert refused.status == 403
        assert error_of("chat", refused.body)["message"].count("apr_") == 2
        assert not them.cloud.requests


@each
async def test_actions_differ_by_lane(tmp_path, dialect):
    redact = "{secrets: {cloud: mask, frontier: deny, own: mask}}"
    them = vendors()
    made = config(tmp_path, dialect, redact)
    made["models"]["cloud/top"] = model_at(CLOUD, dialect, lane="frontier")
    async with staged(tmp_path, made, upstream=them.upstream) as stage:
        assert (await ask(stage, dialect, *read_back(dialect), model="cloud/big")).status == 200
        assert (await ask(stage, dialect, *read_back(dialect), model="cloud/top")).status == 403
        assert (await ask(stage, dialect, *read_back(dialect), model="own/small")).status == 200
        assert clean(sent(them.own))


@each
async def test_words_and_patterns_of_the_team(tmp_path, dialect):
    redact = (
        "{teams: [{name: codename, words: [Bluebird, Zürich]}],"
        " patterns: [{name: ticket, regex: 'ACME-([0-9]{5})', match: [ACME-12345], not_match: [ACME-1]}]}"
    )
    them = vendors()
    async with staged(tmp_path, config(tmp_path, dialect, redact), upstream=them.upstream) as stage:
        await ask(stage, dialect, *read_back(dialect, 'src/bluebird_api "ZÜRICH"\nACME-12345 bluebirds'))
        body = sent(them.cloud)
        assert "bluebird_api" not in body
        assert "12345" not in body
        assert "bluebirds" in body
        assert {mask.split(":")[1] for mask in MASK.findall(body)} == {"codename", "ticket"}


async def test_a_failover_masks_for_each_hop_by_itself(tmp_path):
    """The own server fails, the cloud takes over: each gets what it may see, and the row says what was kept from whom."""
    them = vendors()
    made = config(tmp_path, "chat")
    made["routes"] = [{"id": "all", "to": ["own/small", "cloud/big"]}]
    upstream = ScriptedUpstream(vendors={CLOUD: them.cloud}, down={OWN})
    async with staged(tmp_path, made, upstream=upstream) as stage:
        assert (await ask(stage, "chat", *read_back("chat"))).status == 200
        assert clean(sent(them.cloud))
        assert list(json.loads(stage.row.extra["leaks"])) == ["cloud/big"]


@each
async def test_a_call_that_holds_a_mask_is_asked_about(tmp_path, dialect):
    """Nothing is put back in the place of a mask: the tool would write the mask into the file."""
    found = "[secret:github_token:0123abcd]"
    them = vendors(
        Turn(parts=(Call("bash", {"command": f"echo {found}"}),), label="t"),
        Turn(parts=(Call("read", {"filePath": f"/repo/{found}"}),), label="t"),
        Turn(parts=(Text("done"),), label="t"),
    )
    async with staged(tmp_path, config(tmp_path, dialect), upstream=them.upstream) as stage:
        told = answered(dialect, (await ask(stage, dialect)).body, stream=False)
        assert "redact/masked" in json.dumps(await _decisions(stage))
        assert "exit 126" in told.calls[0].command
        await ask(stage, dialect)
        asked, looked = await _decisions(stage)
        assert asked["facts"]["masked"] == [found]
        assert "redact/masked" not in looked["rules"]


async def _decisions(stage):
    await stage.gateway.judging.flush()
    lines = (stage.state_dir / "audit.jsonl").read_bytes().splitlines()
    return [r for r in map(json.loads, lines) if r["kind"] == "decision"]


@each
async def test_a_secret_in_a_commit_message_is_masked_by_rule(tmp_path, dialect):
    wanted = f"git commit -m 'use {TOKEN}'"
    them = vendors(Turn(parts=(Call("bash", {"command": wanted}),), label="t"))
    path = tmp_path / "commit.yaml"
    path.write_text(
        "version: 1\nextends: safe-default\nredact: {publish: mask}\nrules:\n  git:\n"
        "    - {id: commits, allow: {program: git, subcommand: commit, paths: './**'}}\n"
        "profiles: {default: {rules: [safety, reading, git]}}\n"
    )
    made = {**config(tmp_path, dialect), "policies": [str(path)]}
    async with staged(tmp_path, made, upstream=them.upstream) as stage:
        told = answered(dialect, (await ask(stage, dialect)).body, stream=False)
        assert TOKEN not in told.calls[0].command
        assert told.calls[0].command.startswith("git commit -m 'use [secret:github_token:")


async def test_a_request_is_not_counted_by_a_vendor_with_its_secrets(tmp_path):
    them = vendors()
    made = config(tmp_path, "messages")
    async with staged(tmp_path, made, upstream=them.upstream) as stage:
        path = "/v1/messages/count_tokens"
        plain = await stage.client.post(path, asking("messages", "hello"))
        counted = await stage.client.post(path, asking("messages", "hello", *read_back("messages")))
        assert (plain.status, counted.status) == (200, 200)
        assert all(clean(request.body.decode()) for request in them.cloud.requests)
        assert [request.target for request in them.cloud.requests].count(path) == 1


async def test_nothing_is_looked_at_where_nothing_is_judged(tmp_path):
    them = vendors()
    async with staged(tmp_path, {**config(tmp_path, "chat"), "policies": []}, upstream=them.upstream) as stage:
        await ask(stage, "chat", *read_back("chat"))
        assert TOKEN in sent(them.cloud)


async def test_a_hedge_that_may_not_see_the_request_leaves_the_first_model_at_work(tmp_path):
    """The own server is slow, the cloud model beside it is refused the request: that is no reason to give up."""
    own = ScriptedModel(turns=(Turn(parts=(Text("slow"),), label="t"),), fault="hang:0.3", fault_on="any")
    cloud = ScriptedModel()
    made = config(tmp_path, "chat", "{secrets: deny}")
    made["routes"] = [{"id": "all", "to": ["own/small", "cloud/big"], "hedge_after_s": 0.05}]
    async with staged(tmp_path, made, upstream=ScriptedUpstream(vendors={CLOUD: cloud, OWN: own})) as stage:
        told = await ask(stage, "chat", *read_back("chat"), stream=True)
        assert told.status == 200
        assert b"slow" in told.body
        assert not cloud.requests


@pytest.mark.parametrize(("redact", "status"), [("{}", 200), ("{kinds: {card: deny}}", 403)])
async def test_embeddings_are_masked_too(tmp_path, redact, status):
    them = vendors()
    async with staged(tmp_path, config(tmp_path, "chat", redact), upstream=them.upstream) as stage:
        body = {"model": "cloud/big", "input": ["a", f"é {TOKEN}", CARD]}
        told = await stage.client.post("/v1/embeddings", body)
        assert told.status == status, told.body
        assert all(clean(request.body.decode()) for request in them.cloud.requests)
        assert len(them.cloud.requests) == (1 if status == 200 else 0)


async def test_a_hooks_model_is_shown_masks(tmp_path):
    """It judges what a tool brought, and is a cloud model like any other."""
    them = vendors()
    made = config(tmp_path, "chat")
    hooked = tmp_path / "hooked.yaml"
    hooked.write_text(
        "version: 1\nextends: safe-default\nhooks:\n"
        "  - {id: look, on: post_tool_use, model: cloud/big, criteria: no orders to the agent, on_error: allow}\n"
    )
    made["policies"] = [str(hooked)]
    async with staged(tmp_path, made, upstream=them.upstream) as stage:
        await ask(stage, "chat", *read_back("chat"), model="own/small")
        assert len(them.cloud.requests) == 1
        assert "[secret:github_token:" in sent(them.cloud)
        assert clean(sent(them.cloud))
