"""Hop by hop: which failure is told, what is tried again, and what is not tried at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.endpoints import Wire
from gateway.errors import (
    GatewayError,
    NoRoute,
    UpstreamConnect,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamProtocol,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from gateway.ir.profile import DEFAULT
from gateway.pipeline.hops import QUOTA_COOL_S, _breaker_word, _cool_s, _reasoning_refused, _telling, _unserved
from gateway.testing.scripted import ScriptedModel, ScriptedUpstream, Turn, say
from tests.support.gateways import Stage, model_at, staged
from tests.unit.gateway.routing.made import endpoint

A, B = "http://a.test", "http://b.test"
REJECTED = UpstreamRejected("no", status=400)
LIMITED = UpstreamRateLimited("slow down")
CONNECT, TIMEOUT = UpstreamConnect("refused"), UpstreamTimeout("late", phase="idle")


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([CONNECT, LIMITED, TIMEOUT], LIMITED),
        ([UpstreamOverloaded("a"), REJECTED, LIMITED], REJECTED),
        ([NoRoute("x"), CONNECT], CONNECT),
        ([TIMEOUT, UpstreamProtocol("cut")], TIMEOUT),
    ],
)
def test_of_several_failures_the_most_telling_is_told(errors: list[GatewayError], told: GatewayError) -> None:
    assert _telling(errors) is told
    assert _telling(errors[::-1]) is told


def test_of_equal_failures_the_last() -> None:
    errors: list[GatewayError] = [UpstreamConnect("first"), UpstreamConnect("last")]
    assert _telling(errors) is errors[1]
    assert _telling([UpstreamRejected("key", status=403), CONNECT]) is CONNECT


@pytest.mark.parametrize(
    ("error", "used", "unserved"),
    [
        (UpstreamRejected("Not Found", status=404), 1, True),
        (UpstreamRejected("Method Not Allowed", status=405), 1, True),
        (UpstreamRejected("The model `x` does not exist", status=404), 1, False),
        (UpstreamRejected("Not Found", status=404), 0, False),  # the preferred wire: there is no other to try
        (UpstreamRejected("bad", status=400), 1, False),
        (UpstreamProtocol("cut"), 1, False),
        (CONNECT, 1, False),
    ],
)
def test_a_server_without_such_a_path(error: UpstreamError, used: int, unserved: bool) -> None:
    at = endpoint("a", wires=(Wire("chat", "/c", DEFAULT), Wire("messages", "/m", DEFAULT)))
    assert _unserved(error, at, at.wires[used]) is unserved


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (UpstreamRejected("messages.1.content.0: Invalid `signature` in `thinking` block", status=400), True),
        (UpstreamRejected("Missing `reasoning_content` field in the assistant message", status=400), True),
        (UpstreamRejected("x", status=400, upstream_code="invalid_encrypted_content"), True),
        (UpstreamRejected("messages: at least one message is required", status=400), False),
        (UpstreamRejected("thinking", status=422), False),
        (UpstreamOverloaded("thinking about it"), False),
    ],
)
def test_a_refusal_about_reasoning(error: UpstreamError, refused: bool) -> None:
    assert _reasoning_refused(error) is refused


@pytest.mark.parametrize(
    ("outcome", "failure", "word"),
    [
        ("ok", None, "success"),
        ("cancelled", None, "neutral"),
        ("upstream_overloaded", UpstreamOverloaded("x"), "failure"),
        ("upstream_rate_limited", LIMITED, "neutral"),
        ("upstream_rejected", REJECTED, "neutral"),
        ("upstream_timeout", TIMEOUT, "failure"),
        ("upstream_connect", CONNECT, "failure"),
    ],
)
def test_what_counts_against_a_model(outcome: str, failure: GatewayError | None, word: str) -> None:
    assert _breaker_word(outcome, failure) == word


def test_how_long_a_model_is_left_alone() -> None:
    assert _cool_s(UpstreamRateLimited("r", retry_after_s=7)) == 7
    assert _cool_s(LIMITED) == 0
    assert _cool_s(UpstreamRateLimited("r", quota=True)) == QUOTA_COOL_S


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Stage]:
    models = {"a": model_at(A), "b": model_at(B)}
    config: dict[str, Any] = {"models": models, "retry": {"max_attempts": 1}, "breaker": {"failures": 1}}
    upstream = ScriptedUpstream(vendors={A: ScriptedModel(), B: ScriptedModel(turns=[say("from b")] * 9)})
    async with staged(tmp_path, config, upstream=upstream) as stage:
        yield stage


async def test_a_model_that_fell_ill_after_the_plan_was_made_is_passed_over(two: Stage) -> None:
    """Two requests are planned while a model may be probed: the second must not be a second probe."""
    health = two.gateway.ports.health
    planned_well = [True]
    true_status = health.status

    def status(model: str) -> tuple[bool, str]:
        if model == "a" and planned_well:
            planned_well.clear()
            health.ended("a", "failure", probe=health.started("a"))  # meanwhile
            return True, ""
        return true_status(model)

    health.status = status  # type: ignore[method-assign]
    reply = await two.ask("chat")
    assert reply.headers["x-interlock-model"] == "b"
    assert [h.model for h in two.row.hops] == ["b"]
    assert two.upstream.vendors[A].requests == []


async def test_where_all_are_ill_they_are_tried_in_order(two: Stage) -> None:
    for model in ("a", "b"):
        two.gateway.ports.health.ended(model, "failure", probe=0)
    assert (await two.ask("chat")).headers["x-interlock-model"] == "a"


async def test_an_upstreams_401_is_no_401_of_ours(tmp_path: Path) -> None:
    async with staged(tmp_path, fault="401", fault_on="any", fault_times=-1) as stage:
        reply = await stage.ask("chat")
        assert reply.status == 403
        assert b"refused the gateway's credentials" in reply.body
        assert stage.row.hops[0].status == 401


async def test_a_refused_thought_is_sent_once_more_without(tmp_path: Path) -> None:
    said = b'{"error": {"message": "Invalid `signature` in thinking block", "type": "x"}}'
    refusal = Turn(raw=(said,), status=400, headers=((b"content-type", b"application/json"),))
    async with staged(tmp_path, turns=[refusal, say("fine"), refusal, refusal]) as stage:
        assert (await stage.ask("chat")).status == 200
        assert [h.outcome for h in stage.row.hops] == ["upstream_rejected", "ok"]
        stage.rows.clear()
        assert (await stage.ask("chat")).status == 400
        assert len(stage.row.hops) == 2
