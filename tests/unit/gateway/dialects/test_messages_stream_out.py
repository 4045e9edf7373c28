import msgspec
import pytest

from gateway.dialects._messages_ids import to_wire
from gateway.dialects._messages_stream_in import MessagesDecoder, decode_response
from gateway.dialects._messages_stream_out import MessagesEncoder, encode_response
from gateway.dialects._shared import short_name
from gateway.dialects.contract import ReplyContext
from gateway.errors import UnsupportedFeature
from gateway.ir.events import (
    Annotated,
    BlockStart,
    BlockStop,
    Delta,
    Failed,
    Finished,
    Response,
    Sealed,
    Started,
    UsageReport,
    fold,
    unfold,
)
from gateway.ir.request import Message, Opaque, Reasoning, Refusal, Request, Text, Tool, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter, data_of, name_of

CONTEXT = ReplyContext(reply_id="msg_own", model="shown", created_s=0, input_tokens_estimate=321)
GO = Started("chatcmpl-1", "up")


def run(*events, context=CONTEXT):
    encoder = MessagesEncoder(context)
    wire = b"".join([encoder.feed(event) for event in events]) + encoder.close()
    splitter = SseSplitter()
    raw = splitter.feed(wire)
    assert splitter.close() == b""
    payloads = [msgspec.json.decode(data_of(event) or b"") for event in raw]
    assert [name_of(event) for event in raw] == [payload["type"].encode() for payload in payloads]
    return payloads


def kinds(payloads):
    return [payload["type"] for payload in payloads]


def checked(payloads):
    """The client's rules: one start, one open block at a time, indices from 0 without gaps, one end. Gives the blocks."""
    assert payloads[0]["type"] == "message_start"
    assert kinds(payloads[-2:]) == ["message_delta", "message_stop"]
    blocks, open_index = [], None
    for payload in payloads[1:-2]:
        match payload["type"]:
            case "content_block_start":
                assert open_index is None
                assert payload["index"] == len(blocks)
                open_index = payload["index"]
                blocks.append({**payload["content_block"], "pieces": []})
            case "content_block_delta":
                assert payload["index"] == open_index
                blocks[-1]["pieces"].append(payload["delta"])
            case "content_block_stop":
                assert payload["index"] == open_index
                open_index = None
    assert open_index is None
    return blocks


def text_of(block):
    return "".join(p.get("text", "") + p.get("thinking", "") + p.get("partial_json", "") for p in block["pieces"])


def call(index, arguments, call_id=None, name="n"):
    return [
        BlockStart(index, ToolCall(call_id or f"c{index}", name, "")),
        *[Delta(index, piece) for piece in arguments],
        BlockStop(index),
    ]


def test_a_plain_reply_to_the_byte():
    encoder = MessagesEncoder(CONTEXT)
    events = [GO, BlockStart(0, Text("")), Delta(0, "h\n"), BlockStop(0), UsageReport(Usage(100, 80, output_tokens=2))]
    wire = b"".join([encoder.feed(event) for event in [*events, Finished("stop")]])
    assert encoder.close() == b""
    assert wire == (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_own","type":"message","role":"assistant",'
        b'"model":"shown","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":321,'
        b'"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}\n\n'
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text",'
        b'"text":""}}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
        b'"text":"h\\n"}}\n\n'
        b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
        b'"usage":{"input_tokens":20,"cache_creation_input_tokens":0,"cache_read_input_tokens":80,"output_tokens":2}}\n\n'
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )


@pytest.mark.case("3A.6")
@pytest.mark.case("3A.9")
@pytest.mark.case("3C.50")
def test_message_start_never_says_zero():
    """message_start carries the vendor's input count, or the estimate, never 0/0.
    litellm#24176 (Claude Code stops reading), envoyproxy/ai-gateway#2352, vercel/ai#17326."""
    told = run(Started("msg_1", "m", usage=Usage(100, 80, 5)), Finished("stop"))[0]["message"]
    assert told["id"] == "msg_1"
    assert told["usage"]["input_tokens"] == 15
    assert told["usage"]["cache_read_input_tokens"] == 80
    for bare in (GO, Started("x", "m", usage=Usage())):
        guessed = run(bare, Finished("stop"))[0]["message"]["usage"]
        assert (guessed["input_tokens"], guessed["output_tokens"]) == (321, 1)
    no_estimate = ReplyContext(reply_id="msg_1", model="m", created_s=0)
    assert run(GO, Finished("stop"), context=no_estimate)[0]["message"]["usage"]["input_tokens"] == 1


@pytest.mark.case("3A.1")
@pytest.mark.case("3A.2")
def test_interleaved_calls_lose_nothing():
    """Calls whose pieces interleave come out one after another, each with its whole input, first piece included.
    litellm#25321 (empty input, first delta dropped), litellm#29491."""
    blocks = checked(
        run(
            GO,
            BlockStart(0, ToolCall("a", "one", "")),
            Delta(0, '{"x"'),
            BlockStart(1, ToolCall("b", "two", "")),
            Delta(1, '{"y":'),
            Delta(0, ":1}"),
            Delta(1, "2}"),
            BlockStop(1),
            BlockStop(0),
            Finished("tool_calls"),
        )
    )
    assert [(b["name"], text_of(b), b["input"]) for b in blocks] == [("one", '{"x":1}', {}), ("two", '{"y":2}', {})]


@pytest.mark.case("3A.35")
def test_parallel_calls_are_stopped_before_the_next_starts():
    """Only one block is open at any time.
    olla commit: parallel tool blocks must each be stopped before the next starts."""
    events = [
        GO,
        BlockStart(0, Text("")),
        Delta(0, "t"),
        BlockStart(1, ToolCall("a", "n", "")),
        BlockStart(2, ToolCall("b", "n", "")),
    ]
    payloads = run(*events, Delta(1, "{}"), Delta(2, "{}"), BlockStop(0), BlockStop(1), BlockStop(2), Finished("stop"))
    assert [block["type"] for block in checked(payloads)] == ["text", "tool_use", "tool_use"]
    assert payloads[-2]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.case("3A.3")
@pytest.mark.case("3A.5")
def test_the_first_text_after_thinking_is_kept():
    """At the change from thinking to text, and back, no piece is lost, even if the first block was left open.
    litellm#30765 (first text_delta lost), litellm#13373/#14315 (content block not found)."""
    blocks = checked(
        run(
            GO,
            BlockStart(0, Reasoning()),
            Delta(0, "a"),
            BlockStart(1, Text("")),
            Delta(1, "b"),
            Delta(0, "c"),
            Delta(1, "d"),
            BlockStop(0),
            BlockStop(1),
            Finished("stop"),
        )
    )
    assert [(b["type"], text_of(b)) for b in blocks] == [
        ("thinking", "a"),
        ("text", "b"),
        ("thinking", "c"),
        ("text", "d"),
    ]


@pytest.mark.case("3A.17")
def test_every_text_block_is_kept():
    """Several text blocks stay several text blocks.
    agentgateway#2007 only first text block kept."""
    events = [event for n in range(3) for event in (BlockStart(n, Text("")), Delta(n, str(n)), BlockStop(n))]
    assert [text_of(block) for block in checked(run(GO, *events, Finished("stop")))] == ["0", "1", "2"]


@pytest.mark.case("3A.15")
def test_empty_pieces_open_nothing():
    """Empty text deltas around a tool call make no block.
    agentgateway#2148 empty content deltas in tool streams."""
    events = [BlockStart(0, Text("")), Delta(0, ""), *call(1, ["", "{}", ""]), Delta(0, ""), BlockStop(0)]
    assert [block["type"] for block in checked(run(GO, *events, Finished("tool_calls")))] == ["tool_use"]


def test_a_reply_without_content_has_one_empty_text_block():
    assert checked(run(GO, Finished("stop"))) == [{"type": "text", "text": "", "pieces": []}]
    assert msgspec.json.decode(encode_response(Response("x", "m", ()), CONTEXT))["content"] == [
        {"type": "text", "text": ""}
    ]


@pytest.mark.case("3A.32")
def test_indices_close_up():
    """Gaps in the upstream's numbering do not reach the client.
    workweave#735 non-contiguous tool indices."""
    assert len(checked(run(GO, *call(3, ["{}"]), *call(7, ["{}"]), Finished("tool_calls")))) == 2


@pytest.mark.parametrize(
    ("pieces", "sent"),
    [
        ([], "{}"),
        ([""], "{}"),
        (['{"a"', ":1}"], '{"a":1}'),
        (["{oops"], '{"_raw":"{oops"}'),
        (["[]"], '{"_raw":"[]"}'),
    ],
)
def test_input_is_always_an_object(pieces, sent):
    (block,) = checked(run(GO, *call(0, pieces), Finished("tool_calls")))
    assert text_of(block) == sent
    assert block["input"] == {}
    whole = Response("x", "m", (ToolCall("c0", "n", "".join(pieces)),))
    assert msgspec.json.decode(encode_response(whole, CONTEXT))["content"][0]["input"] == msgspec.json.decode(sent)


def test_ids_and_names_are_the_clients():
    long = "mcp__" + "x" * 90
    request = Request(origin="messages", model="m", messages=(Message("user", ()),), tools=(Tool(long),))
    context = ReplyContext(reply_id="msg_1", model="m", created_s=0, request=request)
    (block,) = checked(run(GO, *call(0, ["{}"], "f.x:0", short_name(long)), Finished("tool_calls"), context=context))
    assert (block["id"], block["name"]) == (to_wire("f.x:0"), long)


def test_seals_are_passed_on_and_never_invented():
    events = [BlockStart(0, Reasoning()), Delta(0, "t"), Sealed(0, "sig"), BlockStop(0)]
    (sealed,) = checked(run(GO, *events, Finished("stop")))
    assert [piece["type"] for piece in sealed["pieces"]] == ["thinking_delta", "signature_delta"]
    (bare,) = checked(run(GO, *events[:2], Sealed(0, None, "encrypted elsewhere"), BlockStop(0), Finished("stop")))
    assert bare == {
        "type": "thinking",
        "thinking": "",
        "signature": "",
        "pieces": [{"type": "thinking_delta", "thinking": "t"}],
    }
    (omitted,) = checked(run(GO, BlockStart(0, Reasoning()), Sealed(0, "sig"), BlockStop(0), Finished("stop")))
    assert [piece["type"] for piece in omitted["pieces"]] == ["signature_delta"]
    (redacted,) = checked(
        run(GO, BlockStart(0, Reasoning(encrypted="d", redacted=True)), BlockStop(0), Finished("stop"))
    )
    assert redacted == {"type": "redacted_thinking", "data": "d", "pieces": []}


def test_summaries_are_shown_as_thinking():
    events = [
        BlockStart(0, Reasoning()),
        Delta(0, "a", True, 0),
        Delta(0, "b", True, 0),
        Delta(0, "c", True, 1),
        BlockStop(0),
    ]
    (block,) = checked(run(GO, *events, Finished("stop")))
    assert text_of(block) == "ab\n\nc"


def test_blocks_behind_an_unfinished_call_keep_their_order():
    events = [
        BlockStart(0, ToolCall("a", "n", "")),
        BlockStart(1, Text("")),
        Delta(1, "later"),
        Delta(0, "{}"),
        BlockStop(0),
        Delta(1, " on"),
        BlockStop(1),
    ]
    blocks = checked(run(GO, *events, Finished("tool_calls")))
    assert [(b["type"], text_of(b)) for b in blocks] == [("tool_use", "{}"), ("text", "later on")]


def test_citations_and_server_blocks():
    raw = b'{"type": "web_search_tool_result",\n "tool_use_id":"s","content":[]}'
    events = [BlockStart(0, Opaque("messages", "web_search_tool_result", raw)), BlockStop(0), BlockStart(1, Text(""))]
    note = b'{"type":"web_search_result_location"}'
    more = [Annotated(1, note), Annotated(1, b'{"type":"url_citation"}'), Delta(1, "x"), BlockStop(1)]
    server, text = checked(run(GO, *events, *more, Finished("pause")))
    assert server["tool_use_id"] == "s"
    assert [piece["type"] for piece in text["pieces"]] == ["citations_delta", "text_delta"]
    with pytest.raises(UnsupportedFeature):
        run(GO, BlockStart(0, Opaque("responses", "web_search_call", b"{}")))


@pytest.mark.parametrize(
    ("finish", "calls", "sent"),
    [
        (Finished("stop"), 0, {"stop_reason": "end_turn", "stop_sequence": None}),
        (Finished("stop"), 1, {"stop_reason": "tool_use", "stop_sequence": None}),
        (Finished("tool_calls"), 0, {"stop_reason": "end_turn", "stop_sequence": None}),
        (Finished("length"), 1, {"stop_reason": "max_tokens", "stop_sequence": None}),
        (Finished("stop_sequence", "END"), 0, {"stop_reason": "stop_sequence", "stop_sequence": "END"}),
        (Finished("content_filter"), 0, {"stop_reason": "refusal", "stop_sequence": None}),
        (Finished("pause"), 0, {"stop_reason": "pause_turn", "stop_sequence": None}),
        (Finished("context_window"), 0, {"stop_reason": "model_context_window_exceeded", "stop_sequence": None}),
        (
            Finished("refusal", None, "cyber"),
            0,
            {
                "stop_reason": "refusal",
                "stop_sequence": None,
                "stop_details": {"type": "refusal", "category": "cyber", "explanation": None},
            },
        ),
    ],
)
def test_stop_reasons(finish, calls, sent):
    events = [event for n in range(calls) for event in call(n, ["{}"])]
    assert run(GO, *events, finish)[-2]["delta"] == sent
    parts = tuple(ToolCall(f"c{n}", "n", "{}") for n in range(calls))
    whole = msgspec.json.decode(encode_response(Response("x", "m", parts, finish), CONTEXT))
    assert {key: whole[key] for key in sent} == sent


@pytest.mark.case("3A.16")
def test_the_end_tells_input_tokens():
    """The final usage carries the input, whether it comes before or after the finish.
    agentgateway#2977 final stream input usage."""
    for events in (
        (UsageReport(Usage(50, 10, output_tokens=3)), Finished("stop")),
        (Finished("stop"), UsageReport(Usage(50, 10, output_tokens=3))),
    ):
        usage = run(GO, *events)[-2]["usage"]
        assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (40, 10, 3)
    silent = run(GO, BlockStart(0, Text("")), Delta(0, "x" * 40), BlockStop(0), Finished("stop"))[-2]["usage"]
    assert (silent["input_tokens"], silent["output_tokens"]) == (321, 10)


@pytest.mark.case("3A.22")
def test_a_stream_never_ends_in_silence():
    """A stream without a finish ends with an error event, and an error is the last thing said.
    katanemo/plano#899; OpenCode repeats a finished answer for ever otherwise (clients.md section 4)."""
    cut = run(GO, BlockStart(0, Text("")), Delta(0, "x"))
    assert kinds(cut)[-1] == "error"
    assert kinds(run())[-1] == "error"
    failed = run(GO, Failed("Overloaded", "overloaded_error", "busy", 529), Delta(0, "late"), Finished("stop"))
    assert failed[1:] == [
        {
            "type": "error",
            "error": {"type": "overloaded_error", "message": "Overloaded", "details": {"error_code": "busy"}},
        }
    ]


def test_late_and_doubled_events_change_nothing():
    payloads = run(
        GO, GO, BlockStart(0, Text("")), Delta(0, "x"), BlockStop(0), BlockStop(0), Delta(5, "?"), Finished("stop")
    )
    assert len(checked(payloads)) == 1
    assert kinds(payloads).count("message_start") == 1


WHOLE = Response(
    "msg_9",
    "m",
    (
        Reasoning("t", signature="s"),
        Reasoning(encrypted="d", redacted=True),
        Text("x", annotations=b'[{"type":"char_location"}]'),
        ToolCall("a", "n", '{"b":1}'),
        Refusal("no"),
        Text(""),
        Reasoning(),
    ),
    Finished("tool_calls"),
    Usage(50, 10, 5, 2, 7, 3),
)


def test_whole_and_stream_are_one_mapping():
    body = encode_response(WHOLE, CONTEXT)
    whole = decode_response(body)
    encoder = MessagesEncoder(CONTEXT)
    splitter = SseSplitter()
    decoder = MessagesDecoder()
    wire = b"".join([encoder.feed(event) for event in unfold(WHOLE)]) + encoder.close()
    streamed = fold([made for event in splitter.feed(wire) for made in decoder.feed(event)])
    assert streamed == whole
    assert len(whole.parts) == 5
    assert msgspec.json.decode(body)["id"] == "msg_9"


def test_a_whole_reply_without_usage_is_estimated():
    usage = msgspec.json.decode(encode_response(Response("x", "m", (Text("y" * 8),)), CONTEXT))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (321, 2)
