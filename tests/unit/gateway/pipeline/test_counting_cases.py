"""count_tokens: the upstream's counter where there is one, else our own; never an error for a readable request."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateways import Stage, model_at, staged

UP = "http://up.test"
ASKED = {"model": "auto", "messages": [{"role": "user", "content": "word " * 400}]}


@pytest.fixture
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    more: dict[str, Any] = getattr(request, "param", {})
    config = {"models": {"up/model": {**model_at(UP, "messages", provider="vllm"), "dialect": None}}}
    async with staged(tmp_path, config, **more) as made:
        yield made


async def count(stage: Stage, body: dict[str, Any] = ASKED) -> tuple[int, dict[str, Any]]:
    reply = await stage.client.post("/v1/messages/count_tokens", body)
    return reply.status, json.loads(reply.body)


async def test_the_upstreams_own_count_goes_before_ours(stage: Stage) -> None:
    status, body = await count(stage)
    (asked,) = stage.upstream.requests
    assert (status, asked.path, asked.json["model"]) == (200, "/v1/messages/count_tokens", "scripted-large")
    assert body["input_tokens"] > 0


@pytest.mark.parametrize(
    "stage",
    [
        {"fault": "503", "fault_on": "any", "fault_times": -1},
        {"fault": "html502", "fault_on": "any", "fault_times": -1},
        {"fault": "cut_early", "fault_on": "any", "fault_times": -1},
    ],
    indirect=True,
)
async def test_ours_where_theirs_fails(stage: Stage) -> None:
    status, body = await count(stage)
    assert status == 200
    assert 300 < body["input_tokens"] < 800


async def test_nobody_is_asked_for_a_model_that_is_unknown(stage: Stage) -> None:
    status, body = await count(stage, {**ASKED, "model": "gpt-9"})
    assert (status, stage.upstream.requests) == (200, [])
    assert 300 < body["input_tokens"] < 800


async def test_what_cannot_be_read_is_refused(stage: Stage) -> None:
    status, body = await count(stage, {"model": "auto", "messages": "no list"})
    assert (status, body["type"]) == (400, "error")


async def test_counting_leaves_no_row(stage: Stage) -> None:
    await count(stage)
    assert stage.rows == []


async def test_responses_are_counted_here(stage: Stage) -> None:
    reply = await stage.client.post("/v1/responses/input_tokens", {"model": "auto", "input": "word " * 400})
    body = json.loads(reply.body)
    assert (reply.status, body["object"], stage.upstream.requests) == (200, "response.input_tokens", [])
    assert 300 < body["input_tokens"] < 800
