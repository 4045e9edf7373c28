"""Who may ask: nobody needs a key on loopback until there is one, everybody everywhere else."""

import pytest

from gateway.testing.clock import ManualClock
from tests.support.gateways import PATHS, error_of, model_at, one_model, staged

DIALECTS = list(PATHS)
MODELS = {"models": {"a": model_at("http://a.test", lane="local"), "b": model_at("http://b.test", lane="frontier")}}


def made(stage, name="k", **more):
    secret, caller = stage.gateway.ports.keys.create(name, **more)
    stage.gateway.ports.keys.refresh()
    return secret, caller


def bearer(secret):
    return {"authorization": f"Bearer {secret}"}


async def test_loopback_without_keys_takes_any_placeholder(tmp_path):
    async with staged(tmp_path) as stage:
        for headers in ({}, bearer("sk-placeholder"), {"x-api-key": "none"}, {"authorization": "Basic eHg6eXk="}):
            assert (await stage.ask("chat", headers=headers)).status == 200
        assert {r.key_id for r in stage.rows} == {"anonymous"}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_bound_elsewhere_a_key_is_always_needed(tmp_path, dialect):
    async with staged(tmp_path, local=False) as stage:
        for headers in ({}, bearer("sk-placeholder")):
            reply = await stage.ask(dialect, headers=headers)
            assert reply.status == 401
            assert "interlock key create" in error_of(dialect, reply.body)["message"]
        for path in ("/v1/models", "/v1/stats", "/v1/responses/resp_1"):
            assert (await stage.client.get(path)).status == 401
        for path in (
            "/v1/messages/count_tokens",
            "/v1/embeddings",
            "/v1/completions",
            "/v1/route",
            "/v1/responses/input_tokens",
        ):
            assert (await stage.client.post(path, {})).status == 401
        for path in ("/health", "/ready"):
            assert (await stage.client.get(path)).status == 200
        assert not stage.upstream.requests


async def test_always_even_on_loopback(tmp_path):
    async with staged(tmp_path, {**one_model(), "keys": {"required": "always"}}) as stage:
        assert (await stage.ask("chat")).status == 401


async def test_once_a_key_exists_it_is_needed(tmp_path):
    async with staged(tmp_path) as stage:
        secret, caller = made(stage)
        assert (await stage.ask("chat")).status == 401
        assert (await stage.ask("chat", headers=bearer(secret + "x"))).status == 401
        assert (await stage.ask("chat", headers=bearer(secret))).status == 200
        assert (await stage.ask("messages", headers={"x-api-key": secret})).status == 200
        # Claude Code sends a placeholder in one header and the key in the other.
        assert (await stage.ask("messages", headers={**bearer("placeholder"), "x-api-key": secret})).status == 200
        assert {r.key_id for r in stage.rows} == {caller.key_id}


async def test_revoking_the_last_key_does_not_open_the_door(tmp_path):
    async with staged(tmp_path) as stage:
        secret, caller = made(stage)
        assert stage.gateway.ports.keys.revoke(caller.key_id) == 1
        stage.gateway.ports.keys.refresh()
        assert (await stage.ask("chat", headers=bearer(secret))).status == 401
        assert (await stage.ask("chat")).status == 401


async def test_expiry(tmp_path):
    clock = ManualClock()
    async with staged(tmp_path, clock=clock) as stage:
        secret, _ = made(stage, expires_s=clock.now() + 60)
        assert (await clock.run(stage.ask("chat", headers=bearer(secret)))).status == 200
        await clock.advance(60)
        assert (await clock.run(stage.ask("chat", headers=bearer(secret)))).status == 401


async def test_a_key_made_by_another_process_is_seen_within_two_seconds(tmp_path):
    clock = ManualClock()
    async with staged(tmp_path, clock=clock) as stage:
        secret, _ = stage.gateway.ports.keys.create("later")  # what the CLI does
        assert stage.gateway.ports.keys.find(secret) is None
        for _ in range(40):
            await clock.advance(0.05)
            await clock.run(_turn(clock))
        assert stage.gateway.ports.keys.find(secret) is not None


async def _turn(clock):
    await clock.sleep(0.01)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_allowed_models(tmp_path, dialect):
    async with staged(tmp_path, MODELS) as stage:
        secret, _ = made(stage, models=("b",))
        reply = await stage.ask(dialect, headers=bearer(secret))
        assert reply.headers["x-interlock-model"] == "b"
        refused = await stage.ask(dialect, model="a", headers=bearer(secret))
        assert refused.status == 403
        assert stage.rows[-1].outcome == "refused"
        error_of(dialect, refused.body)
        listed = (await stage.client.get("/v1/models", bearer(secret))).json()["data"]
        assert not any(m["id"] in ("a", "auto:local") for m in listed)


async def test_allowed_lanes(tmp_path):
    async with staged(tmp_path, MODELS) as stage:
        secret, _ = made(stage, lanes=("local",))
        assert (await stage.ask("chat", headers=bearer(secret))).headers["x-interlock-model"] == "a"
        assert (await stage.ask("chat", model="b", headers=bearer(secret))).status == 403
        assert (await stage.ask("chat", model="auto:frontier", headers=bearer(secret))).status == 403
        stage.upstream.down.add("http://a.test")
        failed = await stage.ask("chat", headers=bearer(secret))
        assert failed.status == 502
        assert {h.model for h in stage.rows[-1].hops} == {"a"}, "no fallback leaves the key's lanes"
        assert (await stage.client.post("/v1/embeddings", {"model": "b", "input": "x"}, bearer(secret))).status == 403


async def test_sessions_are_scoped_by_key(tmp_path):
    """The same session id under two keys is two sessions."""
    async with staged(tmp_path) as stage:
        one, _ = made(stage, "one")
        two, _ = made(stage, "two")
        for secret in (one, two):
            await stage.ask("chat", headers={**bearer(secret), "x-interlock-session": "the-same"})
        assert len({r.session for r in stage.rows}) == 2


async def test_key_tags_reach_the_bill(tmp_path):
    async with staged(tmp_path) as stage:
        secret, _ = made(stage, tags=("payments",))
        await stage.ask("chat", headers=bearer(secret))
        assert stage.row.tags == ("payments",)
