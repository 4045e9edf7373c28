"""Embeddings: one call, one row, whatever becomes of it; and only the model's name is ours."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.config.settings import Settings
from gateway.errors import GatewayError, ModelNotAllowed, NoRoute, UnknownModel
from gateway.pipeline.embeddings import _endpoint
from gateway.pipeline.runtime import Runtime
from gateway.pipeline.serve import RawRequest
from gateway.ports import Caller
from gateway.testing.scripted import ScriptedModel, ScriptedUpstream
from tests.support.gateways import eventually, one_model, staged
from tests.unit.gateway.routing.made import endpoint, routes

ASKED = {"model": "up/model", "input": ["a", "b"], "dimensions": 8, "unknown": {"kept": 1.0}}
ENDPOINTS = [
    endpoint("api/chat"),
    endpoint("api/embed", embeddings_target="/v1/embeddings"),
    endpoint("box/embed", "local", local=True, embeddings_target="/v1/embeddings"),
]


def chosen(asked: str, caller: Caller = Caller("k"), endpoints: Any = ENDPOINTS) -> str:  # noqa: B008 - frozen
    raw = RawRequest("req_1", "/v1/embeddings", "", (), b"", caller)
    return _endpoint(asked, Runtime(Settings(), routes(endpoints), {}, None), raw).name


@pytest.mark.parametrize(
    ("asked", "caller", "name"),
    [
        ("api/embed", Caller("k"), "api/embed"),
        ("auto", Caller("k"), "box/embed"),
        ("auto", Caller("k", models=("api/embed",)), "api/embed"),
        ("auto", Caller("k", lanes=("mid",)), "api/embed"),
    ],
)
def test_who_serves(asked: str, caller: Caller, name: str) -> None:
    assert chosen(asked, caller) == name


@pytest.mark.parametrize(
    ("asked", "caller", "error"),
    [
        ("nobody", Caller("k"), UnknownModel),
        ("api/chat", Caller("k"), NoRoute),
        ("api/embed", Caller("k", models=("api/chat",)), ModelNotAllowed),
        ("auto", Caller("k", lanes=("frontier",)), ModelNotAllowed),
    ],
)
def test_who_does_not(asked: str, caller: Caller, error: type[GatewayError]) -> None:
    with pytest.raises(error):
        chosen(asked, caller)


def test_nobody_embeds() -> None:
    with pytest.raises(NoRoute, match="no configured model"):
        chosen("auto", endpoints=ENDPOINTS[:1])


async def embedded(tmp_path: Any, body: Any = None, **script: Any) -> Any:
    async with staged(tmp_path, **script) as stage:
        reply = await stage.client.post("/v1/embeddings", ASKED if body is None else body)
        return SimpleNamespace(reply=reply, rows=list(stage.rows), requests=list(stage.upstream.requests))


async def test_bytes_pass_and_a_row_is_left(tmp_path: Any) -> None:
    done = await embedded(tmp_path)
    assert done.reply.status == 200
    assert len(json.loads(done.reply.body)["data"]) == 2
    assert done.requests[0].json == {**ASKED, "model": "scripted-large"}
    (row,) = done.rows
    assert (row.route, row.model, row.outcome, row.usage.source) == ("embeddings", "up/model", "ok", "reported")
    assert done.reply.headers["x-interlock-cost-usd"].startswith("0.00")


async def test_a_failure_leaves_a_row_too(tmp_path: Any) -> None:
    async with staged(tmp_path) as stage:
        stage.upstream.down.add("http://up.test")
        reply = await stage.client.post("/v1/embeddings", ASKED)
        assert reply.status == 502
        assert (stage.row.outcome, stage.row.cost_usd_micros) == ("upstream_error", 0)


@pytest.mark.parametrize(
    "body", [{"model": "up/model"}, {"model": 3, "input": "a"}, [], {"model": "up/model", "input": 3}]
)
async def test_what_is_no_request_for_embeddings(tmp_path: Any, body: Any) -> None:
    done = await embedded(tmp_path, body)
    assert (done.reply.status, done.rows, done.requests) == (400, [], [])


# --- an upstream that answers anything ---


class Upstream(ScriptedUpstream):
    def __init__(self, status=200, body=b'{"object":"list","data":[],"usage":{"prompt_tokens":7}}', wait_s=0.0):
        super().__init__(ScriptedModel())
        self.status, self.body, self.wait_s, self.sent = status, body, wait_s, []

    async def send(self, request):
        self.sent.append(request)
        await asyncio.sleep(self.wait_s)
        return type("R", (), {"status": self.status, "headers": (), "read": self._read, "aclose": self._close})()

    async def _read(self, *_):
        return self.body

    async def _close(self, *_): ...


async def answered(tmp_path, upstream, **body):
    async with staged(tmp_path, one_model(), upstream=upstream) as stage:
        reply = await stage.client.post("/v1/embeddings", {"model": "auto", "input": "x", **body})
        return reply, stage.row


async def test_only_the_model_is_ours(tmp_path):
    upstream = Upstream()
    reply, row = await answered(tmp_path, upstream, dimensions=5, odd={"a": [1, 2.50]})
    assert reply.status == 200
    sent = json.loads(upstream.sent[0].body)
    assert sent == {"model": "scripted-large", "input": "x", "dimensions": 5, "odd": {"a": [1, 2.5]}}
    assert (row.usage.input_tokens, row.usage.source, row.cost_usd_micros) == (7, "reported", 7)
    assert row.hops[0].lane == "mid"


async def test_without_usage_there_is_no_bill(tmp_path):
    _, row = await answered(tmp_path, Upstream(body=b'{"data":[]}'))
    assert (row.usage.source, row.cost_usd_micros, row.outcome) == ("none", 0, "ok")


@pytest.mark.parametrize(
    ("upstream", "status", "outcome"),
    [
        (Upstream(status=500), 500, "upstream_overloaded"),
        (Upstream(status=429), 429, "upstream_rate_limited"),
        (Upstream(body=b"<html>"), 502, "upstream_protocol"),
        (Upstream(body=b"\xff"), 502, "upstream_protocol"),
    ],
    ids=["500", "429", "html", "bytes"],
)
async def test_failures_are_rows_too(tmp_path, upstream, status, outcome):
    reply, row = await answered(tmp_path, upstream)
    assert reply.status == status
    assert row.outcome == "upstream_error"
    assert row.hops[0].outcome == outcome
    assert row.error.startswith(outcome)
    assert row.status == status


async def test_a_client_that_leaves(tmp_path):
    upstream = Upstream(wait_s=30)
    async with staged(tmp_path, one_model(), upstream=upstream) as stage:
        body = json.dumps({"model": "auto", "input": "x"}).encode()
        async with stage.client.open("POST", "/v1/embeddings", body):
            await eventually(lambda: upstream.sent)
        assert stage.row.outcome == "client_left"
        assert stage.row.hops[0].outcome == "cancelled"
