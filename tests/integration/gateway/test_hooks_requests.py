"""Hooks that decide about a request, through the whole gateway: session_start, request, pre_route, post_route, pre_upstream."""

import pytest

from tests.support.gateways import PATHS, UP, error_of, model_at
from tests.support.hooking import CONTEXT, Heard, every_dialect, gateway, last_text, records, sent
from tests.support.toolcalls import asking

ARRIVING = ("session_start", "request", "pre_route", "post_route", "pre_upstream")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("point", ARRIVING)
@every_dialect
async def test_a_refusal_comes_in_the_clients_dialect_with_hook_and_reason(tmp_path, dialect, point, stream):
    hook = {"id": "guard", "on": point, "command": Heard(tmp_path).command(err="not on a Sunday", code=2)}
    async with gateway(tmp_path, hook, dialect=dialect) as stage:
        reply = await stage.ask(dialect, stream=stream)
        assert reply.status == 403
        message = error_of(dialect, reply.body)["message"]
        assert "guard" in message
        assert "not on a Sunday" in message
        assert stage.upstream.model.work == []
        assert stage.row.outcome == "refused"
        (record,) = await records(stage)
        assert (record["hook"], record["point"], record["decision"]) == ("guard", point, "deny")


@pytest.mark.parametrize("point", ARRIVING)
@every_dialect
async def test_context_stands_behind_the_conversation(tmp_path, dialect, point):
    heard = Heard(tmp_path)
    async with gateway(
        tmp_path, {"id": "tell", "on": point, "command": heard.command(CONTEXT)}, dialect=dialect
    ) as stage:
        assert (await stage.ask(dialect, "hello")).status == 200
        assert last_text(dialect, sent(stage)).endswith('<hook-context hook="tell">\nMind the gap.\n</hook-context>')
        (told,) = heard.told
        assert told["point"] == point
        assert told["request"].startswith("req_")
        assert told["session"]
        if "prompt" in told:
            assert told["prompt"] == "hello"


@every_dialect
async def test_context_moves_no_byte_of_the_prefix(tmp_path, dialect):
    """With and without the hook, everything before the last message is the same."""
    bodies = []
    history = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    for hooks in ((), ({"on": "request", "command": Heard(tmp_path).command(CONTEXT)},)):
        async with gateway(tmp_path, *hooks, dialect=dialect) as stage:
            body = asking(dialect, "zero", *history[1:], {"role": "user", "content": "three"})
            assert (await stage.client.post(PATHS[dialect], body)).status == 200
            bodies.append(stage.upstream.model.work[-1].body)
    plain, told = bodies
    place = plain.rindex(b"three")
    assert told[:place].replace(b'[{"type":"text","text":', b"").strip()[: place - 40] == plain[: place - 40]
    assert b"Mind the gap" in told
    assert b"Mind the gap" not in plain


async def test_session_start_is_asked_once_and_its_context_stays(tmp_path):
    heard = Heard(tmp_path)
    headers = {"x-interlock-session": "session-1"}
    async with gateway(tmp_path, {"on": "session_start", "command": heard.command(CONTEXT)}) as stage:
        for text in ("one", "two"):
            assert (await stage.ask("chat", text, headers=headers)).status == 200
            assert "Mind the gap." in last_text("chat", sent(stage))
        assert len(heard.told) == 1
        assert (await stage.ask("chat", "one", headers={"x-interlock-session": "session-2"})).status == 200
        assert len(heard.told) == 2


async def test_a_refused_session_stays_refused_until_it_is_let_through(tmp_path):
    heard = Heard(tmp_path)
    async with gateway(tmp_path, {"on": "session_start", "command": heard.command(code=2)}) as stage:
        for _ in range(2):
            assert (await stage.ask("chat", headers={"x-interlock-session": "session-1"})).status == 403
        assert len(heard.told) == 2


def lanes():
    return {
        "models": {
            "up/local": model_at(UP, lane="local"),
            "up/big": {**model_at("http://big.test"), "lane": "frontier"},
        },
        "routes": [{"id": "default", "to": ["up/big", "up/local"]}],
    }


async def test_pre_route_narrows_to_a_lane(tmp_path):
    heard = Heard(tmp_path)
    async with gateway(tmp_path, models=lanes()) as stage:
        assert (await stage.ask("chat")).headers["x-interlock-model"] == "up/big"
    hook = {"on": "pre_route", "command": heard.command({"lane": "local"})}
    async with gateway(tmp_path, hook, models=lanes()) as stage:
        reply = await stage.ask("chat")
        assert reply.headers["x-interlock-model"] == "up/local"
        assert heard.told[0]["call"] == "main"
        # A model asked for by name cannot go around it.
        assert (await stage.ask("chat", model="up/big")).status == 403


@pytest.mark.parametrize("answer", [{"lane": "frontier"}, {"lane": "everywhere"}, {"tags": ["x"]}])
async def test_pre_route_cannot_choose_what_it_does_not_list(tmp_path, answer):
    async with gateway(
        tmp_path, {"on": "pre_route", "command": Heard(tmp_path).command(answer)}, models=lanes()
    ) as stage:
        assert (await stage.ask("chat")).status == 403
    hook = {"on": "pre_route", "command": Heard(tmp_path).command(answer), "lanes": ["frontier"], "tags": ["x"]}
    async with gateway(tmp_path, hook, models=lanes()) as stage:
        assert (await stage.ask("chat")).status == (403 if answer == {"lane": "everywhere"} else 200)


async def test_pre_route_never_widens_what_a_key_may_use(tmp_path):
    hook = {"on": "pre_route", "command": Heard(tmp_path).command({"lane": "frontier"}), "lanes": ["frontier"]}
    async with gateway(tmp_path, hook, models=lanes()) as stage:
        secret, _ = stage.gateway.ports.keys.create("small", lanes=("local",))
        stage.gateway.ports.keys.refresh()
        reply = await stage.ask("chat", headers={"authorization": f"Bearer {secret}"})
        assert reply.status == 403
        assert "hook-1" in reply.json()["error"]["message"]


async def test_post_route_and_pre_upstream_are_told_where_it_goes(tmp_path):
    route, up = Heard(tmp_path, "route"), Heard(tmp_path, "up")
    hooks = ({"on": "post_route", "command": route.command()}, {"on": "pre_upstream", "command": up.command()})
    async with gateway(tmp_path, *hooks) as stage:
        assert (await stage.ask("chat")).status == 200
    assert (route.told[0]["model"], route.told[0]["hops"]) == ("up/model", ["up/model"])
    assert (up.told[0]["model"], up.told[0]["dialect"], up.told[0]["provider"]) == (
        "up/model",
        "chat",
        "openai_compatible",
    )


async def test_a_request_without_hooks_asks_nobody(tmp_path):
    async with gateway(tmp_path) as stage:
        assert stage.gateway.runtime.hooks is None
        assert (await stage.ask("chat")).status == 200
        assert stage.gateway.hooks._runners == []


async def test_runs_are_counted(tmp_path):
    async with gateway(
        tmp_path, {"on": "request", "command": Heard(tmp_path).command("garbage"), "on_error": "allow"}
    ) as stage:
        await stage.ask("chat")
        wanted = 'interlock_hook_runs_total{hook="hook-1",outcome="failed",point="request"} 1.0'
        assert wanted in stage.gateway.exposition()
