"""The path of one request as a whole, and the small pieces of its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.dialects import registry
from gateway.errors import (
    GatewayError,
    MalformedRequest,
    NoRoute,
    UpstreamOverloaded,
    UpstreamRateLimited,
    UpstreamRejected,
)
from gateway.pipeline import serve
from gateway.testing.scripted import say
from tests.support.gateways import PATHS, body_of, one_model, staged, text_in
from tests.unit.gateway.pipeline.made import HeardSink, flight


@pytest.mark.parametrize(
    ("micros", "text"), [(0, b"0.000000"), (1, b"0.000001"), (1_234_567, b"1.234567"), (25_000_000, b"25.000000")]
)
def test_money_is_exact(micros: int, text: bytes) -> None:
    assert serve.usd(micros) == text


def test_the_closing_comment_is_one_sse_comment() -> None:
    made = flight({"stream": True})
    made.served = "a\nb"
    comment = serve.closing_comment(made, 7)
    assert comment.startswith(b": interlock {")
    assert comment.endswith(b"}\n\n")
    assert comment.count(b"\n") == 2
    statement = json.loads(comment.removeprefix(b": interlock "))
    assert (statement["request_id"], statement["cost_usd"], statement["model"]) == ("req_abc", "0.000007", "a\nb")
    assert statement["usage"]["source"] == "none"


def upstream(error: Any, dialect: str = "chat") -> GatewayError:
    error.dialect = dialect
    made: GatewayError = error
    return made


OWN = b'{"error": {"message": "prompt is too long: 9 tokens > 8 maximum"}}'


@pytest.mark.parametrize(
    ("error", "headers", "own"),
    [
        (upstream(UpstreamRejected("x", status=400, body=OWN)), {}, True),
        (upstream(UpstreamRejected("x", status=400, body=OWN), "messages"), {}, False),
        (upstream(UpstreamRejected("x", status=502, body=b"<html>")), {}, False),
        (UpstreamRateLimited("x", quota=True), {"x-should-retry": "false"}, False),
        (UpstreamRateLimited("x", retry_after_s=2.1), {"retry-after": "3"}, False),
        (UpstreamOverloaded("x", retry_after_s=0.0), {"retry-after": "1"}, False),
        (MalformedRequest("x"), {"x-should-retry": "false"}, False),
        (NoRoute("x"), {}, False),
    ],
)
async def test_a_refusal(error: GatewayError, headers: dict[str, str], own: bool) -> None:
    sink = HeardSink()
    await serve.refuse(sink, registry.by_name("chat"), error, "req_1")
    told = {name.decode(): value.decode() for name, value in sink.headers.items()}
    assert {k: v for k, v in told.items() if k in ("x-should-retry", "retry-after")} == headers
    assert (sink.status, told["x-request-id"]) == (error.status, "req_1")
    assert (sink.data == OWN) is own
    assert "message" in json.loads(sink.data)["error"]


@pytest.mark.parametrize("dialect", list(PATHS))
@pytest.mark.parametrize("stream", [True, False])
async def test_one_answer_one_row_one_binding(tmp_path: Path, dialect: str, stream: bool) -> None:
    async with staged(tmp_path, turns=[say("hello")]) as stage:
        reply = await stage.ask(dialect, stream=stream, headers={"x-interlock-session": "mine"})
        assert reply.status == 200
        assert not stream or text_in(dialect, reply.body) == "hello"
        assert (stage.row.outcome, stage.row.call, stage.row.model) == ("ok", "main", "up/model")
        decision = await stage.client.post(
            f"/v1/route?dialect={dialect}", body_of(dialect, "and now?"), {"x-interlock-session": "mine"}
        )
        told = json.loads(decision.body)
        assert (told["sticky"], told["session"]["turns"], told["model"]) == (True, 1, "up/model")
        assert len(stage.upstream.requests) == 1, "the dry run calls nobody"
        assert len(stage.rows) == 1, "and leaves no row"


async def test_an_unreadable_request_leaves_no_row(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        reply = await stage.client.post(PATHS["chat"], {"model": "auto", "messages": 3})
        assert (reply.status, stage.rows, stage.upstream.requests) == (400, [], [])


async def test_a_refused_request_leaves_one(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        assert (await stage.ask("chat", model="gpt-9")).status == 404
        assert (stage.row.outcome, stage.row.hops, stage.row.model_asked) == ("refused", (), "gpt-9")


async def test_tags_are_the_settings_and_the_callers_once_and_bounded(tmp_path: Path) -> None:
    sent = ",".join(["site", " b ", "", "x" * 99, *(f"t{n}" for n in range(40))])
    async with staged(tmp_path, {**one_model(), "tags": ["site"]}) as stage:
        await stage.ask("chat", headers={"x-interlock-tags": sent[:250]})
        tags = stage.row.tags
    assert tags[:3] == ("site", "b", "x" * 64)
    assert len(tags) == len(set(tags)) <= 17
