"""Ordered fallback: before the first content byte always, after it never."""

import pytest

from gateway.testing.scripted import ScriptedModel, ScriptedUpstream, Turn, say
from tests.support.gateways import PATHS, ended_well, failed_in, model_at, staged, text_in

DIALECTS = list(PATHS)
ONCE = {"retry": {"max_attempts": 1}}
A, B = "http://a.test", "http://b.test"


def two(first="chat", second="chat"):
    return {"models": {"a": model_at(A, first), "b": model_at(B, second)}, **ONCE}


def stage_of(tmp_path, first, second="chat", **script):
    vendors = {A: ScriptedModel(fault_on="any", fault_times=-1, **script), B: ScriptedModel(turns=[say("from b")])}
    return staged(tmp_path, two(first, second), upstream=ScriptedUpstream(vendors=vendors))


def sse(*events):
    return Turn(raw=tuple(b"data: " + e + b"\n\n" for e in events))


ODDITIES = {
    "empty body": Turn(raw=(b"",)),
    "only comments": Turn(raw=(b": one\n\n", b": two\n\n")),
    "html with 200": Turn(raw=(b"<html>login</html>",), headers=((b"content-type", b"text/html"),)),
    "error event": sse(b'{"error": {"message": "overloaded", "type": "server_error", "code": 503}}'),
    "not json": sse(b"{not json"),
    "json of another kind": sse(b"[1, 2]"),
}


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "fault",
    ["503", "500", "529", "429ra:60", "429quota", "402", "401", "403", "404model", "400ctx", "html502", "cut_early"],
)
async def test_refusals_and_early_cuts(tmp_path, client, stream, fault):
    async with stage_of(tmp_path, "chat", fault=fault) as stage:
        reply = await stage.ask(client, stream=stream)
        assert reply.status == 200
        assert reply.headers["x-interlock-model"] == "b"
        assert b"from b" in reply.body or text_in(client, reply.body) == "from b"
        hops = stage.row.hops
        assert [h.model for h in hops] == ["a", "b"]
        assert hops[0].usage.source == "none"
        assert hops[0].cost_usd_micros == 0
        assert stage.row.outcome == "ok"
        assert stage.row.model == "b"


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("oddity", ODDITIES)
async def test_an_answer_without_content_is_no_answer(tmp_path, client, oddity):
    async with stage_of(tmp_path, "chat", turns=[ODDITIES[oddity]]) as stage:
        reply = await stage.ask(client, stream=True)
        assert text_in(client, reply.body) == "from b"
        assert ended_well(client, reply.body)
        assert [h.model for h in stage.row.hops] == ["a", "b"]


@pytest.mark.parametrize("upstream", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
async def test_cut_before_content_in_every_pair(tmp_path, client, upstream):
    async with stage_of(tmp_path, upstream, upstream, fault="cut_early") as stage:
        reply = await stage.ask(client, stream=True)
        assert text_in(client, reply.body) == "from b"
        assert ended_well(client, reply.body)


@pytest.mark.parametrize("upstream", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("fault", ["cut", "midstream_error"])
async def test_never_after_content(tmp_path, client, upstream, fault):
    async with stage_of(tmp_path, upstream, fault=fault, turns=[say("these words are out already")] * 2) as stage:
        reply = await stage.ask(client, stream=True)
        said = text_in(client, reply.body)
        assert said
        assert "from b" not in said
        assert failed_in(client, reply.body)
        assert not stage.upstream.vendors[B].requests
        row = stage.row
        assert row.outcome == "cut"
        assert row.usage.output_tokens > 0
        assert row.cost_usd_micros > 0


async def test_the_error_of_the_last_resort_tells_most(tmp_path):
    """All fail: the caller hears of the rate limit, which it can do something about, not of the dead server."""
    async with stage_of(tmp_path, "chat", fault="429ra:3") as stage:
        stage.upstream.down.add(B)
        reply = await stage.ask("messages")
        assert reply.status == 429
        assert reply.headers["retry-after"] == "3"
        assert [h.outcome for h in stage.row.hops] == ["upstream_rate_limited", "upstream_connect"]


async def test_a_html_page_is_not_passed_on(tmp_path):
    """Same dialect, everything down: the error is JSON in the client's dialect."""
    vendors = {A: ScriptedModel(fault="html502", fault_on="any", fault_times=-1)}
    config = {"models": {"a": model_at(A)}, **ONCE}
    async with staged(tmp_path, config, upstream=ScriptedUpstream(vendors=vendors)) as stage:
        reply = await stage.ask("chat")
        assert reply.status == 502
        assert reply.json()["error"]["message"]


async def test_the_upstreams_credentials_are_not_the_callers(tmp_path):
    """A 401 of the vendor reaches nobody as a 401: the harness would ask its user for a new key."""
    vendors = {A: ScriptedModel(fault="401", fault_on="any", fault_times=-1)}
    config = {"models": {"a": model_at(A)}, **ONCE}
    async with staged(tmp_path, config, upstream=ScriptedUpstream(vendors=vendors)) as stage:
        reply = await stage.ask("chat")
        assert reply.status not in (200, 401)
        assert "credential" in reply.json()["error"]["message"].lower() or "key" in reply.json()["error"]["message"]


async def test_the_order_is_that_of_the_route(tmp_path):
    models = {name: model_at(f"http://{name}.test") for name in ("a", "b", "c")}
    config = {"models": models, "routes": [{"id": "r", "to": ["c", "a", "b"]}], **ONCE}
    async with staged(tmp_path, config) as stage:
        stage.upstream.down |= {"http://c.test", "http://a.test"}
        reply = await stage.ask("chat")
        assert reply.headers["x-interlock-route"] == "r"
        assert [h.model for h in stage.row.hops] == ["c", "a", "b"]


async def test_a_named_model_has_no_stand_in(tmp_path):
    async with stage_of(tmp_path, "chat", fault="503") as stage:
        reply = await stage.ask("chat", model="a")
        assert reply.status == 503
        assert not stage.upstream.vendors[B].requests


async def test_a_lane_asked_for_is_kept(tmp_path):
    """auto:local may be a promise that the code does not leave the house."""
    models = {"here": model_at(A, lane="local"), "there": model_at(B, lane="frontier")}
    async with staged(tmp_path, {"models": models, **ONCE}) as stage:
        stage.upstream.down.add(A)
        for _ in range(7):  # until the breaker is open, and on
            reply = await stage.ask("chat", model="auto:local")
            assert reply.status == 502
        assert {h.model for row in stage.rows for h in row.hops} == {"here"}
        assert (await stage.ask("chat", headers={"x-interlock-lane": "frontier"})).status == 200
        wrong = await stage.ask("chat", headers={"x-interlock-lane": "fronteer"})
        assert wrong.status == 400
        assert "x-interlock-lane" in wrong.json()["error"]["message"]
