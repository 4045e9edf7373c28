"""Embeddings: one call, one row, and only the model's name is ours."""

from __future__ import annotations

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
from tests.support.gateways import staged
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
