from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._responses_decode import decode_request
from gateway.dialects._responses_stream_in import Decoder
from gateway.dialects._responses_stream_out import Encoder, citation, encode_response
from gateway.dialects.contract import ReplyContext
from gateway.ir.events import (
    Annotated,
    BlockStart,
    BlockStop,
    Delta,
    Event,
    Failed,
    Finished,
    Response,
    Sealed,
    Started,
    UsageReport,
    fold,
    unfold,
)
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter, data_of, name_of

CONTEXT = ReplyContext(reply_id="a1", model="auto", created_s=5)
START = Started("chatcmpl-1", "up")
CODEX = decode_request(
    json.dumps(
        {
            "model": "auto",
            "input": "x",
            "tools": [
                {"type": "function", "name": "run"},
                {"type": "custom", "name": "apply_patch"},
                {
                    "type": "namespace",
                    "name": "agents",
                    "description": "",
                    "tools": [{"type": "function", "name": "spawn"}],
                },
            ],
        }
    ).encode()
)
CODEX_CONTEXT = ReplyContext(reply_id="a1", model="auto", created_s=5, request=CODEX)


def sent(events: list[Event], context: ReplyContext = CONTEXT) -> list[dict[str, Any]]:
    """The events as the client reads them; checks what holds for every stream."""
    encoder = Encoder(context)
    raw = b"".join([*map(encoder.feed, events), encoder.close()])
    splitter = SseSplitter()
    frames = splitter.feed(raw)
    assert splitter.close() == b""
    out = []
    for number, frame in enumerate(frames):
        data = data_of(frame)
        assert data is not None
        event = json.loads(data)
        assert name_of(frame) == event["type"].encode()
        assert event["sequence_number"] == number
        out.append(event)
    assert [e["type"] for e in out[:2]] == ["response.created", "response.in_progress"]
    assert out[-1]["type"] in ("response.completed", "response.incomplete", "response.failed")
    assert b"[DONE]" not in raw
    finished = [e["item"] for e in out if e["type"] == "response.output_item.done"]
    assert out[-1]["response"]["output"] == finished
    places = [e["output_index"] for e in out if e["type"] == "response.output_item.added"]
    assert places == list(range(len(places)))
    return out


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events[2:]]


def test_a_message_in_codex_order() -> None:
    """Every event that Codex needs, in its order.

    protocols.md 1.2 (Oaklight/llm-rosetta#56, Wei-Shaw/sub2api#2875, Sophomoresty/gemini-web2api#57)."""
    out = sent(
        [
            START,
            BlockStart(0, Text("")),
            Delta(0, "he"),
            Delta(0, ""),
            Delta(0, "llo"),
            BlockStop(0),
            UsageReport(Usage(10, 4, 0, 0, 3, 1)),
            Finished("stop"),
        ]
    )
    assert kinds(out) == [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    delta = out[4]
    assert delta == {
        "type": "response.output_text.delta",
        "sequence_number": 4,
        "item_id": "msg_a10000",
        "output_index": 0,
        "content_index": 0,
        "delta": "he",
        "logprobs": [],
    }
    reply = out[-1]["response"]
    assert reply["id"] == "resp_a1"
    assert reply["model"] == "auto"
    assert reply["created_at"] == 5
    assert reply["output"][0]["content"] == [
        {"type": "output_text", "annotations": [], "logprobs": [], "text": "hello"}
    ]
    assert reply["usage"]["input_tokens_details"] == {"cached_tokens": 4, "cache_write_tokens": 0}
    assert reply["usage"]["output_tokens_details"] == {"reasoning_tokens": 1}


def test_a_call_is_announced_at_once_and_told_piece_by_piece() -> None:
    call = ToolCall("call_9", "run", "")
    out = sent([START, BlockStart(0, call), Delta(0, '{"a"'), Delta(0, ":1}"), BlockStop(0), Finished("tool_calls")])
    assert kinds(out) == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert out[2]["item"] == {
        "id": "fc_a10000",
        "type": "function_call",
        "call_id": "call_9",
        "name": "run",
        "status": "in_progress",
        "arguments": "",
    }
    assert out[6]["item"]["arguments"] == '{"a":1}'
    assert out[6]["item"]["status"] == "completed"


def test_a_call_always_has_an_id_and_arguments() -> None:
    out = sent([START, BlockStart(0, ToolCall("", "run", "")), BlockStop(0), Finished("tool_calls")])
    item = out[-1]["response"]["output"][0]
    assert item["call_id"].startswith("call_")
    assert item["arguments"] == "{}"


def test_a_tool_of_a_namespace_has_its_own_name_again() -> None:
    """Codex gets its name and namespace back.

    gateways.md 1B: namespaces of Codex (Switchyard#384)."""
    call = ToolCall("c", "agents__spawn", "{}")
    out = sent([START, BlockStart(0, call), BlockStop(0), Finished("tool_calls")], CODEX_CONTEXT)
    for item in (out[2]["item"], out[-1]["response"]["output"][0]):
        assert (item["name"], item["namespace"]) == ("spawn", "agents")


@pytest.mark.case("3A.34")
def test_a_custom_tool_gets_its_free_text() -> None:
    """A function that stood in for apply_patch is free text again, under an id with the right prefix.

    gateways.md case 3A.34 (workweave#990)."""
    wrapped = json.dumps({"input": "*** Begin\n+é"})
    pieces = [Delta(0, wrapped[i : i + 4]) for i in range(0, len(wrapped), 4)]
    call = ToolCall("c", "apply_patch", "", item_id="fc_x")
    out = sent([START, BlockStart(0, call), *pieces, BlockStop(0), Finished("tool_calls")], CODEX_CONTEXT)
    deltas = [e["delta"] for e in out if e["type"] == "response.custom_tool_call_input.delta"]
    assert len(deltas) > 2
    assert "".join(deltas) == "*** Begin\n+é"
    assert kinds(out)[-3:] == ["custom_tool_call_input.done", "output_item.done", "completed"]
    item = out[-1]["response"]["output"][0]
    assert item["id"] == "ctc_a10000"
    assert item == {
        "id": "ctc_a10000",
        "type": "custom_tool_call",
        "call_id": "c",
        "name": "apply_patch",
        "status": "completed",
        "input": "*** Begin\n+é",
    }


def test_a_custom_call_that_never_was_a_function() -> None:
    call = ToolCall("c", "apply_patch", "", "custom", item_id="ctc_7")
    out = sent(
        [START, BlockStart(0, call), Delta(0, '{"input": 1}'), BlockStop(0), Finished("tool_calls")], CODEX_CONTEXT
    )
    assert out[-1]["response"]["output"][0]["input"] == '{"input": 1}'
    assert out[-1]["response"]["output"][0]["id"] == "ctc_7"


def test_a_custom_input_that_is_no_object_is_told_at_the_end() -> None:
    call = ToolCall("c", "apply_patch", "*** Begin")
    out = sent([START, BlockStart(0, call), BlockStop(0), Finished("tool_calls")], CODEX_CONTEXT)
    assert out[-1]["response"]["output"][0]["input"] == "*** Begin"


def test_open_reasoning_is_shown_as_a_summary() -> None:
    out = sent(
        [
            START,
            BlockStart(0, Reasoning()),
            Delta(0, "th"),
            Delta(0, "ink"),
            BlockStop(0),
            BlockStart(1, Text("")),
            Delta(1, "t"),
            BlockStop(1),
            Finished("stop"),
        ]
    )
    assert kinds(out)[:7] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    item = out[-1]["response"]["output"][0]
    assert item == {"id": "rs_a10000", "type": "reasoning", "summary": [{"type": "summary_text", "text": "think"}]}


def test_summaries_and_open_text_are_parts_of_one_summary() -> None:
    out = sent(
        [
            START,
            BlockStart(0, Reasoning(id="rs_7")),
            Delta(0, "a", True, 0),
            Delta(0, "b", True, 1),
            Delta(0, "open"),
            Sealed(0, encrypted="E"),
            BlockStop(0),
            Finished("stop"),
        ]
    )
    item = out[-1]["response"]["output"][0]
    assert item["id"] == "rs_7"
    assert [part["text"] for part in item["summary"]] == ["a", "b", "open"]
    assert item["encrypted_content"] == "E"
    assert [e["summary_index"] for e in out if e["type"] == "response.reasoning_summary_part.added"] == [0, 1, 2]


def test_seals_of_other_vendors_stay_here() -> None:
    out = sent(
        [
            START,
            BlockStart(0, Reasoning(encrypted="R", redacted=True)),
            BlockStop(0),
            BlockStart(1, Reasoning()),
            Sealed(1, signature="sig"),
            BlockStop(1),
            BlockStart(2, Reasoning()),
            Sealed(2, encrypted="E"),
            BlockStop(2),
            Finished("stop"),
        ]
    )
    (item,) = out[-1]["response"]["output"]
    assert item["encrypted_content"] == "E"
    assert kinds(out) == ["output_item.added", "output_item.done", "completed"]


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


def test_refusals_and_own_items() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    out = sent(
        [
            START,
            BlockStart(0, Opaque("responses", "web_search_call", json.dumps(item, indent=1).encode())),
            BlockStop(0),
            BlockStart(1, Refusal("")),
            Delta(1, "no"),
            BlockStop(1),
            Finished("refusal"),
        ]
    )
    assert out[-1]["type"] == "response.completed"
    assert out[-1]["response"]["output"][0] == item
    assert out[-1]["response"]["output"][1]["content"] == [{"type": "refusal", "refusal": "no"}]
    assert "refusal.done" in kinds(out)


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


def test_the_upstreams_own_id_is_kept() -> None:
    assert sent([Started("resp_up", "m", 3), Finished("stop")])[-1]["response"]["id"] == "resp_up"


def test_schemas_with_line_ends_do_not_break_the_frame() -> None:
    tool = b'{"type":"function","name":"f","parameters":{\n"type":\r\n"object"}}'
    body = b'{"model":"m","input":"x","tools":[' + tool + b'],"metadata":{\n}}'
    context = ReplyContext(reply_id="r", model="m", created_s=0, request=decode_request(body))
    out = sent([START, Finished("stop")], context)
    assert out[0]["response"]["tools"][0]["parameters"] == {"type": "object"}


def test_citations() -> None:
    note = b'{"type":"url_citation","url":"u","title":"t","start_index":0,"end_index":1}'
    out = sent(
        [
            START,
            BlockStart(0, Text("")),
            Delta(0, "ab"),
            Annotated(0, note),
            Annotated(0, b"{}"),
            BlockStop(0),
            Finished("stop"),
        ]
    )
    assert kinds(out)[3] == "output_text.annotation.added"
    assert out[-1]["response"]["output"][0]["content"][0]["annotations"] == [json.loads(note)]


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (b'{"type":"file_path","file_id":"f","index":1}', {"type": "file_path", "file_id": "f", "index": 1}),
        (
            b'{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":1,"end_index":2}}',
            {"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2},
        ),
        (
            b'{"type":"web_search_result_location","url":"u","title":null,"cited_text":"c"}',
            {"type": "url_citation", "url": "u", "title": "u", "start_index": 0, "end_index": 7},
        ),
        (b'{"type":"char_location","cited_text":"c"}', None),
        (b"nonsense", None),
    ],
)
def test_citations_of_other_dialects(raw: bytes, note: Any) -> None:
    found = citation(raw, 7)
    assert (json.loads(bytes(found)) if found is not None else None) == note


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
