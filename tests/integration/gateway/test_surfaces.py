"""The surfaces beside the three dialects, and what every answer carries."""

import asyncio
import json
import time

import pytest

from gateway.testing.scripted import ScriptedServer, say
from tests.support.gateways import PATHS, error_of, events_of, model_at, one_model, serving, staged

DIALECTS = list(PATHS)


# --- headers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_headers_of_a_whole_answer(tmp_path, dialect):
    async with staged(tmp_path) as stage:
        reply = await stage.ask(dialect, "write a docstring for f")
        h = reply.headers
        assert h["x-request-id"] == stage.row.request_id
        assert h["x-interlock-model"] == "up/model"
        assert h["x-interlock-lane"] == "mid"
        assert h["x-interlock-route"] == stage.row.route
        assert h["x-interlock-call"] == stage.row.call
        assert h["x-interlock-session"] == stage.row.session
        assert h["x-interlock-task"] == stage.row.task
        assert h["x-interlock-reason"]
        assert h["x-interlock-cost-usd"] == f"{stage.row.cost_usd_micros / 1e6:.6f}"
        assert int(h["content-length"]) == len(reply.body) == stage.row.reply_bytes


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_stream_tells_its_cost_in_a_comment(tmp_path, dialect):
    async with staged(tmp_path) as stage:
        reply = await stage.ask(dialect, stream=True)
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["cache-control"] == "no-cache, no-transform"
        comment = next(line for line in reply.text.splitlines() if line.startswith(": interlock "))
        told = json.loads(comment.removeprefix(": interlock "))
        assert told["request_id"] == stage.row.request_id
        assert told["cost_usd"] == f"{stage.row.cost_usd_micros / 1e6:.6f}"
        assert told["model"] == "up/model"


async def test_forced_by_header(tmp_path):
    models = {"a": model_at("http://a.test"), "b": model_at("http://b.test", lane="frontier")}
    async with staged(tmp_path, {"models": models}) as stage:
        by_model = await stage.ask("chat", headers={"x-interlock-model": "b"})
        assert by_model.headers["x-interlock-model"] == "b"
        by_lane = await stage.ask("messages", headers={"x-interlock-lane": "frontier"})
        assert by_lane.headers["x-interlock-model"] == "b"
        assert by_lane.headers["x-interlock-route"] == "lane:frontier"
        wrong = await stage.ask("chat", headers={"x-interlock-model": "c"})
        assert wrong.status == 404
        assert "x-interlock-model" in error_of("chat", wrong.body)["message"]
        assert stage.rows[-1].outcome == "refused"


async def test_tags_reach_the_bill(tmp_path):
    async with staged(tmp_path, {**one_model(), "tags": ["site"]}) as stage:
        await stage.ask("chat", headers={"x-interlock-tags": "team-a, team-b,,"})
        assert stage.row.tags == ("site", "team-a", "team-b")


async def test_named_models(tmp_path):
    models = {"a/one": model_at("http://a.test"), "b/two": model_at("http://b.test", aliases=["second"])}
    async with staged(tmp_path, {"models": models}) as stage:
        for asked in ("b/two", "second", "claude-b-two"):
            reply = await stage.ask("messages", model=asked)
            assert reply.headers["x-interlock-model"] == "b/two"
            assert reply.headers["x-interlock-route"] == "named"
        for asked in ("auto", "claude-auto", "auto:mid", "claude-auto-mid"):
            assert (await stage.ask("messages", model=asked)).status == 200


# --- models ------------------------------------------------------------------------------------------------------


async def test_models_are_listed_for_both_vendors_clients(tmp_path):
    models = {"a/one": model_at("http://a.test"), "claude-x": model_at("http://b.test", lane="frontier")}
    async with staged(tmp_path, {"models": models}) as stage:
        listed = {m["id"]: m for m in (await stage.client.get("/v1/models")).json()["data"]}
        assert {"auto", "auto:mid", "auto:frontier", "a/one", "claude-x"} <= listed.keys()
        assert "auto:local" not in listed
        assert {"claude-auto", "claude-auto-mid", "claude-a-one"} <= listed.keys()
        assert listed["claude-a-one"]["alias_of"] == "a/one"
        one = listed["a/one"]
        assert one["object"] == one["type"] == "model"
        assert one["context_window"] == one["max_model_len"] == 1_000_000
        for name in listed:
            assert (await stage.client.get(f"/v1/models/{name}")).json()["id"] == name
        unknown = await stage.client.get("/v1/models/nobody")
        assert unknown.status == 404
        page = (await stage.client.get("/v1/models?limit=2")).json()
        assert page["has_more"]
        after = (await stage.client.get(f"/v1/models?limit=2&after_id={page['last_id']}")).json()
        assert after["data"][0]["id"] not in {m["id"] for m in page["data"]}


async def test_models_whatever_upstreams_do(tmp_path):
    """Claude Code gives up its discovery after three seconds."""
    async with (
        ScriptedServer(fault="slow_headers:30", fault_on="any", fault_times=-1) as up,
        staged(tmp_path, {"models": {"up/model": model_at(up.origin)}}, upstream="real") as stage,
        serving(stage.gateway) as port,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
        writer.write(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert b" 200 " in await asyncio.wait_for(reader.readline(), 3)
        assert time.monotonic() - began < 3
        assert not up.requests
        writer.close()


# --- what is not offered -----------------------------------------------------------------------------------------


async def test_websocket_attempts_are_answered_426_at_once(tmp_path):
    """Codex falls back to HTTP on 426 and on nothing else. Real uvicorn: it is the one that sees the upgrade."""
    async with staged(tmp_path) as stage, serving(stage.gateway) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b" 426 " in await asyncio.wait_for(reader.readline(), 2)
        writer.close()


@pytest.mark.parametrize("path", [*PATHS.values(), "/v1/embeddings", "/v1/completions", "/v1/route"])
async def test_only_post(tmp_path, path):
    async with staged(tmp_path) as stage:
        reply = await stage.client.request("PUT", path)
        assert reply.status == 405
        assert "POST" in reply.text


async def test_everyday_mistakes_in_the_path(tmp_path):
    async with staged(tmp_path) as stage:
        for path, cure in {
            "/chat/completions": "/v1/chat/completions",
            "/v1/v1/messages": "/v1/messages",
            "/v1/message": "/v1/messages",
        }.items():
            reply = await stage.client.post(path, {})
            assert reply.status == 404
            assert cure in reply.text


# --- counting, embeddings, completions ---------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [None, "500", "slow_headers:20", "cut_early", "404model"])
async def test_count_tokens_is_never_an_error(tmp_path, fault):
    async with staged(tmp_path, one_model("messages"), fault=fault, fault_on="any", fault_times=-1) as stage:
        if fault == "500":
            stage.upstream.down.add("http://up.test")
        for model in ("auto", "up/model", "nobody-knows-this"):
            body = {"model": model, "messages": [{"role": "user", "content": "hello there"}]}
            reply = await stage.client.post("/v1/messages/count_tokens", body)
            assert reply.status == 200
            assert 1 <= reply.json()["input_tokens"] < 60
        reply = await stage.client.post("/v1/responses/input_tokens", {"model": "auto", "input": "hello there"})
        assert reply.json()["object"] == "response.input_tokens"
        assert 1 <= reply.json()["input_tokens"] < 60
        assert not stage.rows, "counting costs nothing and is no call"


async def test_embeddings(tmp_path):
    config = {"models": {"up/model": model_at("http://up.test"), "other": model_at("http://x.test", "messages")}}
    async with staged(tmp_path, config) as stage:
        for model in ("up/model", "auto"):
            reply = await stage.client.post("/v1/embeddings", {"model": model, "input": ["a", "b"]})
            assert reply.status == 200
            assert reply.json()["data"][0]["embedding"]
            assert reply.headers["x-interlock-model"] == "up/model"
        row = stage.rows[0]
        assert row.outcome == "ok"
        assert row.route == "embeddings"
        assert row.usage.input_tokens > 0
        assert row.cost_usd_micros == row.usage.input_tokens
        assert (await stage.client.post("/v1/embeddings", {"model": "nobody", "input": "a"})).status == 404
        assert (await stage.client.post("/v1/embeddings", {"model": "other", "input": "a"})).status == 503
        stage.upstream.down.add("http://up.test")
        assert (await stage.client.post("/v1/embeddings", {"model": "auto", "input": "a"})).status == 502
        assert stage.rows[-1].outcome == "upstream_error"
        assert stage.rows[-1].error
        assert stage.rows[-1].cost_usd_micros == 0


@pytest.mark.parametrize("upstream", DIALECTS)
async def test_legacy_completions(tmp_path, upstream):
    async with staged(tmp_path, one_model(upstream), turns=[say("and more"), say("and more")]) as stage:
        body = {"model": "auto", "prompt": "once upon a time", "max_tokens": 50}
        whole = (await stage.client.post("/v1/completions", body)).json()
        assert whole["object"] == "text_completion"
        assert whole["choices"][0]["text"] == "and more"
        stream = await stage.client.post("/v1/completions", body | {"stream": True})
        pieces = [e["choices"][0]["text"] for _, e in events_of(stream.body) if e != "[DONE]" and e.get("choices")]
        assert "".join(pieces) == "and more"
        assert stream.body.rstrip().endswith(b"data: [DONE]")
        assert [r.outcome for r in stage.rows] == ["ok", "ok"]


async def test_the_dry_run_calls_nobody(tmp_path):
    async with staged(tmp_path) as stage:
        for dialect in DIALECTS:
            body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "input": "hi", "max_tokens": 5}
            if dialect == "responses":
                del body["messages"]
            told = (await stage.client.post(f"/v1/route?dialect={dialect}", body)).json()
            assert told["model"] == "up/model"
            assert {
                "lane",
                "route",
                "call",
                "task",
                "scores",
                "sticky",
                "reason",
                "candidates",
                "classifier",
            } <= told.keys()
        assert not stage.upstream.requests
        assert not stage.rows
        wrong = await stage.client.post("/v1/route?dialect=klingon", {"model": "auto", "messages": []})
        assert wrong.status == 400
        assert "chat" in wrong.text


async def test_probes(tmp_path):
    async with staged(tmp_path) as stage:
        for path in ("/health", "/ready", "/", "/api/hello", "/docs", "/openapi.json"):
            assert (await stage.client.get(path)).status == 200
        for path in ("/", "/api/hello"):
            assert (await stage.client.request("HEAD", path)).status == 200
