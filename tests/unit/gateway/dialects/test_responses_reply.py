from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects import _responses_reply as replies
from gateway.dialects._responses_decode import decode_request
from gateway.dialects.contract import ReplyContext
from gateway.errors import (
    BudgetExceeded,
    ContextWindowExceeded,
    GatewayError,
    InternalError,
    MalformedRequest,
    PolicyDenied,
    TooManyRequests,
    UpstreamConnect,
    UpstreamOverloaded,
    UpstreamRateLimited,
    UpstreamRejected,
)
from gateway.ir.events import Failed
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter, data_of

CONTEXT = ReplyContext(reply_id="a", model="auto", created_s=5)


def encoded(value: Any) -> Any:
    return json.loads(replies.encode(value))


def test_ids_keep_their_prefix_and_their_bound() -> None:
    assert replies.reply_id("resp_1", CONTEXT) == "resp_1"
    assert replies.reply_id("chatcmpl-1", CONTEXT) == "resp_a"
    assert replies.reply_id("", ReplyContext(reply_id="resp_b", model="m", created_s=0)) == "resp_b"
    assert replies.item_id("fc_", "resp_a", 10) == "fc_a000a"
    assert len(replies.item_id("msg_", "resp_" + "x" * 200, 1)) <= 64


def test_the_request_is_echoed() -> None:
    body = {
        "model": "auto",
        "input": "x",
        "instructions": "long",
        "tools": [{"type": "function", "name": "run", "parameters": {}, "strict": True}, {"type": "web_search"}],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "run"}]},
        "temperature": 0.5,
        "top_p": 0.25,
        "max_output_tokens": 99,
        "parallel_tool_calls": False,
        "metadata": {"a": "b"},
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "high"},
        "truncation": "auto",
        "service_tier": "flex",
        "store": True,
        "user": "u",
        "prompt_cache_key": "k",
    }
    context = ReplyContext(reply_id="a", model="auto", created_s=5, request=decode_request(json.dumps(body).encode()))
    shown = encoded(replies.Frame("resp_a", context, None).build("completed", [], Usage(1)))
    for key in ("tools", "tool_choice", "temperature", "top_p", "max_output_tokens", "parallel_tool_calls", "metadata"):
        assert shown[key] == body[key], key
    for key in ("truncation", "service_tier", "store", "user", "prompt_cache_key"):
        assert shown[key] == body[key], key
    assert shown["instructions"] is None
    assert shown["reasoning"] == {"effort": "low", "summary": None}
    assert shown["text"]["verbosity"] == "high"
    assert shown["text"]["format"]["schema"] == {"type": "object"}
    assert (shown["created_at"], shown["model"], shown["status"]) == (5, "auto", "completed")


@pytest.mark.parametrize(
    "choice",
    [
        "auto",
        "none",
        "required",
        {"type": "function", "name": "run"},
        {"type": "web_search"},
        *(
            {"type": "allowed_tools", "mode": mode, "tools": [{"type": "function", "name": "run"}]}
            for mode in ("auto", "required")
        ),
    ],
)
def test_the_choice_is_echoed(choice: Any) -> None:
    body = {"model": "m", "input": "x", "tools": [{"type": "function", "name": "run"}], "tool_choice": choice}
    context = ReplyContext(reply_id="a", model="m", created_s=5, request=decode_request(json.dumps(body).encode()))
    assert encoded(replies.Frame("r", context, 0).build("completed", []))["tool_choice"] == choice


@pytest.mark.parametrize(
    ("failed", "code"),
    [
        (Failed("x", code="context_length_exceeded", status=400), "context_length_exceeded"),
        (Failed("the maximum context length is 5", status=400), "context_length_exceeded"),
        (Failed("x", code="insufficient_quota", status=429), "insufficient_quota"),
        (Failed("x", status=402), "insufficient_quota"),
        (Failed("x", status=429), "rate_limit_exceeded"),
        (Failed("x", "overloaded_error", status=529), "server_error"),
        (Failed("x", status=500), "server_error"),
        (Failed("x", status=400), "invalid_prompt"),
        (Failed("x", status=408), "server_error"),
    ],
)
def test_failures_in_words_that_codex_reads(failed: Failed, code: str) -> None:
    """An overload stays retryable: `server_is_overloaded` would end Codex's turn."""
    assert replies.stream_error(failed) == {"code": code, "message": failed.message}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ContextWindowExceeded("x"), "context_length_exceeded"),
        (BudgetExceeded("x"), "insufficient_quota"),
        (UpstreamRateLimited("x", quota=True), "insufficient_quota"),
        (UpstreamRateLimited("x", retry_after_s=3), "rate_limit_exceeded"),
        (TooManyRequests("x"), "rate_limit_exceeded"),
        (PolicyDenied("x"), "invalid_prompt"),
        (MalformedRequest("x"), "invalid_prompt"),
        (UpstreamRejected("x", status=400), "invalid_prompt"),
        (UpstreamOverloaded("x"), "server_error"),
        (UpstreamConnect("x"), "server_error"),
        (InternalError("x"), "server_error"),
    ],
)
def test_an_error_inside_a_stream(error: GatewayError, code: str) -> None:
    frames = SseSplitter().feed(replies.error_event(error, "req_9"))
    first, last = (json.loads(data_of(frame) or b"") for frame in frames)
    assert first["type"] == "error"
    assert first["code"] == code
    assert last["type"] == "response.failed"
    assert last["response"]["id"] == "resp_9"
    assert last["response"]["error"]["code"] == code
    assert first["sequence_number"] < last["sequence_number"]


def test_a_rate_limit_names_the_delay() -> None:
    assert replies.told(UpstreamRateLimited("slow", retry_after_s=2.5)) == "slow. Please try again in 2.5s."


def test_error_bodies() -> None:
    body = json.loads(replies.error_body(MalformedRequest("bad", where="$.input[0]", accepted="text"), "req_1"))
    assert body == {
        "error": {
            "message": "bad at $.input[0]. Accepted: text",
            "type": "invalid_request_error",
            "param": "$.input[0]",
            "code": "malformed_request",
            "request_id": "req_1",
        }
    }
    assert (
        json.loads(replies.error_body(UpstreamRateLimited("x", quota=True), "r"))["error"]["code"]
        == "insufficient_quota"
    )
    assert json.loads(replies.error_body(UpstreamOverloaded("x"), "r"))["error"]["type"] == "server_error"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error":{"message":"m","code":"c"}}', ("m", "c")),
        (b'{"error":"m"}', ("m", None)),
        (b'{"detail":"m"}', ("m", None)),
        (b"<html>busy</html>", ("<html>busy</html>", None)),
    ],
)
def test_errors_of_upstreams(body: bytes, told: tuple[str, str | None]) -> None:
    assert replies.error_of(503, body) == told
    assert replies.error_of(503, b"")[0]
