"""count_tokens: the upstream's own counter where there is one, the local tokenizer in every other case."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import UpstreamConnect
from gateway.pipeline import counting
from gateway.pipeline.serve import RawRequest
from gateway.ports import Caller
from tests.support.gateways import Stage, model_at, one_model, staged

BODY = {"model": "auto", "messages": [{"role": "user", "content": "hello there, how are you?"}]}


class Upstream:
    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    async def send(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self): ...


class Reply:
    headers = ()

    def __init__(self, status, body):
        self.status, self.body, self.closed = status, body, False

    async def read(self, limit):
        return self.body

    async def aclose(self):
        self.closed = True


def raw(body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RawRequest("req_1", "/v1/messages/count_tokens", "", (), content, Caller("anonymous"))


async def counted(tmp_path, *answers, dialect="messages", body=BODY):
    upstream = Upstream(*answers)
    async with staged(tmp_path, one_model(dialect), upstream=upstream) as stage:
        answer = await counting.count_messages(stage.gateway.front.pipeline, raw(body))
        return json.loads(answer)["input_tokens"], upstream


async def test_the_upstreams_own_count(tmp_path):
    reply = Reply(200, b'{"input_tokens": 4321}')
    count, upstream = await counted(tmp_path, reply)
    assert count == 4321
    assert reply.closed
    assert upstream.asked[0].target == "/v1/messages/count_tokens"
    assert json.loads(upstream.asked[0].body)["model"] == "scripted-large"


@pytest.mark.parametrize(
    "answer",
    [
        UpstreamConnect("down"),
        Reply(500, b""),
        Reply(200, b"not json"),
        Reply(200, b"{}"),
        Reply(404, b'{"input_tokens": 1}'),
    ],
    ids=["down", "500", "not json", "empty", "404"],
)
async def test_otherwise_counted_here(tmp_path, answer):
    count, upstream = await counted(tmp_path, answer)
    assert 5 <= count <= 40
    assert len(upstream.asked) == 1


async def test_nobody_is_asked_who_cannot_count(tmp_path):
    count, upstream = await counted(tmp_path, dialect="chat")
    assert 5 <= count <= 40
    assert not upstream.asked


async def test_longer_is_more(tmp_path):
    long = {**BODY, "system": "be kind " * 200}
    short, _ = await counted(tmp_path / "a", dialect="chat")
    more, _ = await counted(tmp_path / "b", dialect="chat", body=long)
    assert more > short + 200


# --- through the whole gateway ---

UP = "http://up.test"
LONG = {"model": "auto", "messages": [{"role": "user", "content": "word " * 400}]}


@pytest.fixture
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    more: dict[str, Any] = getattr(request, "param", {})
    config = {"models": {"up/model": {**model_at(UP, "messages", provider="vllm"), "dialect": None}}}
    async with staged(tmp_path, config, **more) as made:
        yield made


async def count(stage: Stage, body: dict[str, Any] = LONG) -> tuple[int, dict[str, Any]]:
    reply = await stage.client.post("/v1/messages/count_tokens", body)
    return reply.status, json.loads(reply.body)


async def test_nobody_is_asked_for_a_model_that_is_unknown(stage: Stage) -> None:
    status, body = await count(stage, {**LONG, "model": "gpt-9"})
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
