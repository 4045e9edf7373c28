from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._responses_decode import decode_request
from gateway.dialects._responses_stream_in import Decoder
from gateway.dialects._responses_stream_out import Encoder, encode_response
from gateway.dialects.contract import ReplyContext
from gateway.ir.events import (
    BlockStart,
    BlockStop,
    Delta,
    Event,
    Failed,
    Finished,
    Response,
    Started,
    UsageReport,
    fold,
    unfold,
)
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter
from tests.support.responses_out import CODEX_CONTEXT, CONTEXT, START, sent


@pytest.mark.case("3A.1")
def test_interleaved_blocks_are_told_one_after_the_other_without_loss() -> None:
    """Parallel calls whose pieces alternate: one item open at a time, first pieces included.

    gateways.md case 3A.1 (litellm#25321), 3A.3 (litellm#30765)."""
    events: list[Event] = [START]
    events += [BlockStart(0, Text("")), Delta(0, "t")]
    events += [BlockStart(i, ToolCall(f"c{i}", "run", "")) for i in (1, 2, 3)]
    events += [Delta(i, piece) for piece in ("{", '"a":', "1}") for i in (3, 1, 2)]
    events += [Delta(0, "u"), BlockStop(2), BlockStop(0), BlockStop(3), BlockStop(1), Finished("tool_calls")]
    out = sent(events)
    output = out[-1]["response"]["output"]
    assert output[0]["content"][0]["text"] == "tu"
    assert [(i["call_id"], i["arguments"]) for i in output[1:]] == [(f"c{n}", '{"a":1}') for n in (1, 2, 3)]
    open_items = 0
    for event in out:
        open_items += event["type"] == "response.output_item.added"
        open_items -= event["type"] == "response.output_item.done"
        assert open_items in (0, 1)


def test_blocks_left_open_are_closed_before_the_end() -> None:
    out = sent(
        [START, BlockStart(0, Text("")), Delta(0, "a"), BlockStart(1, ToolCall("c", "run", "{}")), Finished("stop")]
    )
    assert [item["type"] for item in out[-1]["response"]["output"]] == ["message", "function_call"]


@pytest.mark.case("3A.15")
def test_empty_blocks_leave_no_trace() -> None:
    """An empty text block before a call is not an item.

    gateways.md case 3A.15 (agentgateway#2148)."""
    out = sent(
        [
            START,
            BlockStart(0, Text("")),
            Delta(0, ""),
            BlockStop(0),
            BlockStart(1, Reasoning()),
            BlockStop(1),
            BlockStart(2, Opaque("messages", "server_tool_use", b"{}")),
            BlockStop(2),
            BlockStart(3, ToolCall("c", "run", "{}")),
            BlockStop(3),
            Finished("tool_calls"),
        ]
    )
    assert [item["type"] for item in out[-1]["response"]["output"]] == ["function_call"]


@pytest.mark.parametrize(
    ("reason", "kind", "details"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("stop_sequence", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("context_window", "incomplete", {"reason": "max_output_tokens"}),
        ("pause", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
        ("refusal", "incomplete", {"reason": "content_filter"}),
    ],
)
@pytest.mark.case("3A.14")
def test_endings(reason: Any, kind: str, details: Any) -> None:
    """A cut answer is incomplete and says why; usage is told in every ending.

    gateways.md case 3A.14 (envoyproxy/ai-gateway#2184), 3A.29 (Switchyard#300)."""
    out = sent([START, UsageReport(Usage(3, output_tokens=4)), Finished(reason)])
    assert out[-1]["type"] == f"response.{kind}"
    assert out[-1]["response"]["status"] == kind
    assert out[-1]["response"]["incomplete_details"] == details
    assert out[-1]["response"]["usage"]["total_tokens"] == 7


def test_a_failure_keeps_what_was_said_and_counted() -> None:
    out = sent(
        [
            START,
            BlockStart(0, Text("")),
            Delta(0, "half"),
            UsageReport(Usage(3)),
            Failed("slow down", "rate_limit_error", "rate_limit_exceeded", 429),
            Delta(0, "late"),
        ]
    )
    reply = out[-1]["response"]
    assert out[-1]["type"] == "response.failed"
    assert reply["error"] == {"code": "rate_limit_exceeded", "message": "slow down"}
    assert reply["output"][0]["content"][0]["text"] == "half"
    assert reply["usage"]["input_tokens"] == 3


def test_a_stream_without_an_end_fails_aloud() -> None:
    assert sent([START])[-1]["response"]["error"]["code"] == "server_error"
    assert sent([])[-1]["type"] == "response.failed"


def test_usage_told_at_the_start_is_kept() -> None:
    out = sent(
        [
            Started("msg_1", "claude", None, Usage(9, output_tokens=1)),
            UsageReport(Usage(0, output_tokens=5)),
            Finished("stop"),
        ]
    )
    assert out[-1]["response"]["usage"]["input_tokens"] == 9
    assert out[-1]["response"]["usage"]["output_tokens"] == 5


def test_unknown_usage_is_null_not_zero() -> None:
    assert sent([START, Finished("stop")])[-1]["response"]["usage"] is None


def test_schemas_with_line_ends_do_not_break_the_frame() -> None:
    tool = b'{"type":"function","name":"f","parameters":{\n"type":\r\n"object"}}'
    body = b'{"model":"m","input":"x","tools":[' + tool + b'],"metadata":{\n}}'
    context = ReplyContext(reply_id="r", model="m", created_s=0, request=decode_request(body))
    out = sent([START, Finished("stop")], context)
    assert out[0]["response"]["tools"][0]["parameters"] == {"type": "object"}


def test_a_whole_reply_is_the_streams_last_response() -> None:
    """One mapping for both forms."""
    reply = Response(
        "x",
        "up",
        (
            Reasoning(text="th"),
            Text("a", annotations=b'[{"type":"file_path","file_id":"f","index":0}]'),
            ToolCall("c", "run", "{}"),
        ),
        Finished("tool_calls"),
        Usage(5, output_tokens=2),
        9,
    )
    streamed = sent(unfold(reply))[-1]["response"]
    assert json.loads(encode_response(reply, CONTEXT)) == streamed
    assert streamed["created_at"] == 9


def test_what_was_encoded_decodes_to_the_same_reply() -> None:
    reply = Response(
        "resp_x",
        "auto",
        (
            Reasoning(summary=("s", "t"), encrypted="E", id="rs_1"),
            Text("a"),
            Refusal("no"),
            ToolCall("c", "run", '{"a":1}', item_id="fc_1"),
            ToolCall("d", "apply_patch", "*** x", "custom", item_id="ctc_1"),
            Opaque("responses", "web_search_call", b'{"type":"web_search_call","id":"ws"}'),
        ),
        Finished("tool_calls"),
        Usage(5, output_tokens=2),
        9,
    )
    encoder = Encoder(CODEX_CONTEXT)
    raw = b"".join(map(encoder.feed, unfold(reply)))
    decoder = Decoder()
    events = [event for frame in SseSplitter().feed(raw) for event in decoder.feed(frame)]
    assert fold(events) == reply
