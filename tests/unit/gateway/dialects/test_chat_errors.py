"""Errors in OpenAI's shape."""

from __future__ import annotations

import json

import pytest

from gateway.dialects._chat_errors import error_body, error_event, error_of
from gateway.errors import (
    BudgetExceeded,
    ContextWindowExceeded,
    GatewayError,
    InternalError,
    MalformedRequest,
    UpstreamOverloaded,
    UpstreamRateLimited,
    UpstreamRejected,
)


@pytest.mark.parametrize(
    ("error", "kind", "code", "param"),
    [
        (MalformedRequest("no", where="$.tools[3]"), "invalid_request_error", "malformed_request", "tools[3]"),
        (ContextWindowExceeded("maximum context length"), "invalid_request_error", "context_length_exceeded", None),
        (BudgetExceeded("spent"), "rate_limit_error", "insufficient_quota", None),
        (UpstreamRateLimited("slow"), "rate_limit_error", "upstream_rate_limited", None),
        (UpstreamRateLimited("spent", quota=True), "insufficient_quota", "insufficient_quota", None),
        (UpstreamOverloaded("busy"), "overloaded_error", "upstream_overloaded", None),
        (UpstreamRejected("no", status=400, upstream_code="bad"), "invalid_request_error", "bad", None),
        (InternalError("oops"), "server_error", "internal_error", None),
    ],
)  # fmt: skip
def test_every_error_has_type_code_and_place(error: GatewayError, kind: str, code: str, param: str | None) -> None:
    told = json.loads(error_body(error))["error"]
    assert set(told) == {"message", "type", "param", "code"}
    assert (told["type"], told["code"], told["param"]) == (kind, code, param)
    assert told["message"] == error.text()


def test_an_error_in_a_stream_is_one_event_and_nothing_after_it() -> None:
    event = error_event(
        UpstreamOverloaded("line\nbreak"),
    )
    assert event.startswith(b'data: {"error":')
    assert event.endswith(b"}\n\n")
    assert event.count(b"\n") == 2
    assert b"[DONE]" not in event


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":{"message":"no","type":"t","code":"c"}}', ("no", "c")),
        (b'{"error":{"message":"no","type":"t","code":400}}', ("no", "t")),
        (b'{"error":{"message":"no","code":"400"}}', ("no", "400")),
        (b"<html>", ("<html>", None)),
    ],
)
def test_an_upstreams_words_are_read(body: bytes, expected: tuple[str, str | None]) -> None:
    assert error_of(400, body) == expected
