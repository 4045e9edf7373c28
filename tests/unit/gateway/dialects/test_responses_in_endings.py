from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._responses_stream_in import Decoder, decode_response
from gateway.errors import UpstreamOverloaded, UpstreamProtocol, UpstreamRateLimited, UpstreamRejected
from gateway.ir.events import Failed, Finished, Started
from gateway.ir.request import Reasoning, Text, ToolCall
from gateway.ir.usage import Usage
from tests.support.responses_in import CALL, CREATED, completed, decoded, done, frame, text, whole


@pytest.mark.parametrize(
    ("kind", "details", "finish"),
    [
        (
            "incomplete",
            {"incomplete_details": {"reason": "max_output_tokens"}},
            Finished("length", detail="max_output_tokens"),
        ),
        (
            "incomplete",
            {"incomplete_details": {"reason": "content_filter"}},
            Finished("content_filter", detail="content_filter"),
        ),
        ("incomplete", {"incomplete_details": {"reason": "steered"}}, Finished("length", detail="steered")),
        ("incomplete", {}, Finished("length")),
        ("completed", {"incomplete_details": None}, Finished("stop")),
    ],
)
@pytest.mark.case("3A.29")
def test_endings(kind: str, details: dict[str, Any], finish: Finished) -> None:
    """A truncated reply is not a complete one, and its usage is told.

    gateways.md case 3A.29 (Switchyard#300), 3A.14 (envoyproxy/ai-gateway#2184)."""
    reply = whole(CREATED, text(0, "a"), completed([], kind, **details))
    assert reply.finish == finish
    assert reply.usage == Usage(10, output_tokens=3)


@pytest.mark.parametrize(
    ("event", "failed"),
    [
        (
            completed([], "failed", error={"code": "rate_limit_exceeded", "message": "slow"}),
            Failed("slow", "rate_limit_error", "rate_limit_exceeded", 429),
        ),
        (
            completed([], "failed", error={"code": "context_length_exceeded", "message": "long"}),
            Failed("long", "invalid_request_error", "context_length_exceeded", 400),
        ),
        (
            completed([], "failed", error={"code": "invalid_prompt", "message": "bad"}),
            Failed("bad", "invalid_request_error", "invalid_prompt", 400),
        ),
        (
            completed([], "failed", error={"code": "server_error", "message": "x"}),
            Failed("x", "api_error", "server_error", 500),
        ),
        (completed([], "cancelled"), Failed("the response was cancelled")),
        (
            {"type": "error", "code": "server_is_overloaded", "message": "busy", "param": None},
            Failed("busy", "overloaded_error", "server_is_overloaded", 529),
        ),
        (
            {"type": "error", "error": {"message": "m", "code": None, "type": "server_error"}},
            Failed("m", "server_error"),
        ),
        ({"type": "error", "error": "plain"}, Failed("plain")),
    ],
)
@pytest.mark.case("3A.28")
def test_errors_inside_the_stream(event: dict[str, Any], failed: Failed) -> None:
    """An error ends the reply; nothing after it counts.

    gateways.md case 3A.28 (Switchyard#305)."""
    decoder = Decoder()
    assert decoder.feed(frame(CREATED)) == [Started("resp_1", "gpt", 7)]
    assert decoder.feed(frame(event))[-1] == failed
    assert decoder.finished
    assert decoder.feed(frame(text(0, "x"))) == []
    assert decoder.close() == []


def test_an_error_without_a_type() -> None:
    assert decoded(b'data: {"error":{"message":"m","code":400}}\n\n')[-1] == Failed(
        "m", "invalid_request_error", "400", 400
    )


def test_a_call_only_the_terminal_response_knows_is_seen() -> None:
    """A harness that reads calls from `response.completed` would run it."""
    reply = whole(CREATED, text(0, "a"), completed([{**CALL, "arguments": "{}"}]))
    assert [type(part) for part in reply.parts] == [Text, ToolCall]
    assert reply.finish == Finished("tool_calls")


def test_a_terminal_response_may_leave_items_out() -> None:
    """The message stands first in the terminal response because the reasoning before it is missing there."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}]}
    message = {"type": "message", "id": "m_1", "content": [{"type": "output_text", "text": "t"}]}
    for final in ([message], [{**message, "id": "m_2"}], [{**message, "id": "m_2"}, {**thought, "id": "rs_2"}]):
        reply = whole(CREATED, done(0, **thought), text(1, "t"), done(1, **message), completed(final))
        assert reply.parts == (Reasoning(summary=("s",), id="rs_1"), Text("t"))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "m"}}, UpstreamRateLimited),
        ({"status": "failed", "error": {"code": "invalid_prompt", "message": "m"}}, UpstreamRejected),
        ({"status": "failed", "error": None}, UpstreamOverloaded),
        ({"error": {"code": "server_error", "message": "m"}}, UpstreamOverloaded),
        ({"status": "in_progress", "output": []}, UpstreamProtocol),
        ({"choices": []}, UpstreamProtocol),
        ([], UpstreamProtocol),
        ({"output": [{"type": "message", "content": 5}]}, UpstreamProtocol),
    ],
)
def test_a_whole_reply_that_failed(reply: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_response(json.dumps(reply).encode())
