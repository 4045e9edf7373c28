"""Chat replies of upstreams: streams, whole replies, the cheap test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.dialects._chat_stream_in import ChatDecoder, is_plain
from gateway.errors import UpstreamOverloaded, UpstreamProtocol, UpstreamRateLimited
from gateway.ir.events import (
    BlockStart,
    Delta,
    Event,
    Failed,
    Finished,
    Response,
    Started,
    UsageReport,
    fold,
)
from gateway.ir.request import Reasoning, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter

GOLDEN = Path(__file__).parents[3] / "golden/dialects/chat"
DONE = b"data: [DONE]\n\n"


def _chunk(delta: Any = None, finish: Any = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "i", "model": "m", "choices": [choice], **more}).encode() + b"\n\n"


def _run(*events: bytes, close: bool = True) -> list[Event]:
    decoder = ChatDecoder()
    out = [event for raw in events for event in decoder.feed(raw)]
    return out + (decoder.close() if close else [])


def _golden(name: str) -> list[Event]:
    return _run(*SseSplitter().feed((GOLDEN / f"{name}.sse").read_bytes()))


def _whole(events: list[Event]) -> Response:
    response = fold(events)
    assert isinstance(response, Response)
    return response


# --- vendors' streams --------------------------------------------------------------------------------------------


def test_openai_text() -> None:
    assert _whole(_golden("openai_text")) == Response(
        "chatcmpl-Aa1",
        "gpt-5.6",
        (Text('Hello "you"'),),
        Finished("stop"),
        Usage(2006, 1920, 64, 0, 30, 20),
        1790000000,
    )


def test_openai_interleaved_tools() -> None:
    response = _whole(_golden("openai_tools"))
    assert response.parts == (
        ToolCall("call_one", "read_file", '{"path":"a.py"}'),
        ToolCall("call_two", "list_dir", '{"dir":"."}'),
    )
    assert (response.finish, response.usage) == (Finished("tool_calls"), None)


def test_deepseek_reasoning_with_a_tool() -> None:
    response = _whole(_golden("deepseek_reasoning"))
    assert response.parts == (
        Reasoning("Look first."),
        Text("Reading."),
        ToolCall("call_00_x", "read_file", '{"path": "a"}'),
    )
    assert response.usage == Usage(100, 64, 0, 0, 20, 5)


def test_vllm_tells_the_stop_sequence() -> None:
    response = _whole(_golden("vllm_stop"))
    assert response.parts == (Reasoning("hm"), Text("ab"))
    assert response.finish == Finished("stop_sequence", "END")


@pytest.mark.case("3A.28")
def test_an_error_inside_the_stream_ends_it() -> None:
    """An error object in a 200 stream is a failure with its status, and nothing after it counts.

    gateways.md 3A.28 (Switchyard#305)."""
    events = SseSplitter().feed((GOLDEN / "openrouter_error.sse").read_bytes())
    decoder = ChatDecoder()
    out = [event for raw in events for event in decoder.feed(raw)]
    assert out[-1] == Failed("Rate limit exceeded", "api_error", "429", 429)
    assert decoder.finished
    assert decoder.feed(_chunk({"content": "more"})) == []
    assert decoder.close() == []


# --- usage and the end -------------------------------------------------------------------------------------------

USAGE = {"prompt_tokens": 5, "completion_tokens": 2}


@pytest.mark.case("3A.16")
def test_usage_comes_before_the_end_wherever_the_vendor_put_it() -> None:
    """Usage in its own last chunk, in the finishing chunk, in a choice, or beside text is reported before Finished.

    gateways.md 3A.16 (agentgateway#2977)."""
    text = _chunk({"content": "x"})
    own = b"data: " + json.dumps({"id": "i", "choices": [], "usage": USAGE}).encode() + b"\n\n"
    groq = b"data: " + json.dumps({"id": "i", "choices": [], "x_groq": {"usage": USAGE}}).encode() + b"\n\n"
    moonshot = (
        b'data: {"id":"i","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":'
        + json.dumps(USAGE).encode()
        + b"}]}\n\n"
    )
    for events in (
        [text, _chunk(finish="stop"), own, DONE],
        [text, _chunk(finish="stop"), groq, DONE],
        [text, _chunk(finish="stop", usage=USAGE), DONE],
        [text, moonshot, DONE],
        [_chunk({"content": "x"}, usage=USAGE), _chunk(finish="stop"), DONE],
        [text, _chunk(finish="stop"), own],
    ):
        out = _run(*events)
        assert [e for e in out if isinstance(e, UsageReport)] == [UsageReport(Usage(5, output_tokens=2))]
        assert isinstance(out[-1], Finished)
        assert sum(isinstance(e, Finished) for e in out) == 1


def test_a_chunk_with_finish_and_usage_is_final_at_once() -> None:
    """A chunk that only reported usage may be hidden from the client, so the ending must come out with it."""
    decoder = ChatDecoder()
    out = decoder.feed(_chunk(finish="stop", usage=USAGE))
    assert isinstance(out[-1], Finished)
    assert not decoder.finished
    assert decoder.feed(DONE) == []
    assert decoder.finished


def test_no_usage_and_broken_usage_are_no_error() -> None:
    assert isinstance(_run(_chunk(finish="stop"), DONE)[-1], Finished)
    assert isinstance(_run(_chunk(finish="stop", usage={"prompt_tokens": "x"}), DONE)[-1], Finished)


@pytest.mark.case("3A.29")
def test_a_truncated_reply_is_length() -> None:
    """finish_reason length stays length, also with tool calls begun.

    gateways.md 3A.29 (Switchyard#300)."""
    call = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}]}
    assert _run(_chunk(call, "length"), DONE)[-1] == Finished("length")


def test_stop_after_tool_calls_is_tool_calls() -> None:
    call = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}
    assert _run(_chunk(call, "stop"), DONE)[-1] == Finished("tool_calls")


def test_a_missing_done_is_complete_and_a_missing_finish_is_cut() -> None:
    assert isinstance(_run(_chunk({"content": "x"}, "stop"))[-1], Finished)
    assert isinstance(_run(_chunk({"content": "x"}), DONE)[-1], Finished)
    with pytest.raises(UpstreamProtocol, match="cut"):
        _run(_chunk({"content": "x"}))
    with pytest.raises(UpstreamProtocol, match="cut"):
        _run()
    with pytest.raises(UpstreamProtocol, match="without a reply"):
        _run(DONE)


@pytest.mark.parametrize(
    ("word", "status"), [("insufficient_system_resource", 503), ("error", 500), ("abort", 500), ("network_error", 502)]
)
def test_finish_reasons_that_are_failures(word: str, status: int) -> None:
    failed = _run(_chunk({"content": "x"}), _chunk(finish=word), close=False)[-1]
    assert isinstance(failed, Failed)
    assert failed.status == status


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"error": {"message": "m", "type": "overloaded_error", "code": None}}, Failed("m", "overloaded_error", None, 529)),
        ({"error": {"object": "error", "message": "m", "type": "Bad", "code": 400}}, Failed("m", "Bad", "400", 400)),
        ({"object": "error", "message": "m", "type": "x", "code": 503}, Failed("m", "x", "503", 503)),
        ({"error": "Rate limit reached"}, Failed("Rate limit reached", "api_error", None, 429)),
        ({"detail": "boom"}, Failed("boom", "api_error", None, 500)),
        ({"choices": [{"error": {"message": "m", "code": 502}}]}, Failed("m", "api_error", "502", 502)),
    ],
)  # fmt: skip
def test_errors_of_all_shapes(payload: Any, expected: Failed) -> None:
    assert _run(b"data: " + json.dumps(payload).encode() + b"\n\n", close=False) == [expected]
    assert _run(b"event: error\r\ndata: " + json.dumps(payload).encode() + b"\r\n\r\n", close=False) == [expected]


def test_null_errors_are_none() -> None:
    assert not any(isinstance(e, Failed) for e in _run(_chunk({"content": "x"}, "stop", error=None), DONE))


# --- oddities ----------------------------------------------------------------------------------------------------


def test_what_carries_nothing_is_passed_over() -> None:
    azure = b'data: {"id":"","model":"","choices":[],"prompt_filter_results":[]}\n\n'
    assert _run(b": comment\n\n", b"\n", b"data:\n\n", b"event: ping\n\n", azure, close=False) == []
    out = _run(azure, _chunk({"role": "assistant", "content": ""}), _chunk({"content": "x"}, "stop", created=5), DONE)
    assert out[0] == Started("i", "m", None)


def test_framing_and_missing_fields_are_tolerated() -> None:
    bare = b'data:{"choices":[{"delta":{"content":"x"}}]}\r\n\r\n'
    out = _run(bare, b'data: {"choices":[{"delta":null,"finish_reason":"stop"}]}\n\n', DONE)
    assert _whole(out).parts == (Text("x"),)
    message = b'data: {"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}\n\n'
    assert _whole(_run(message, DONE)).parts == (Text("x"),)


def test_other_choices_bring_text_nowhere_and_calls_are_refused() -> None:
    second = b'data: {"id":"i","choices":[{"index":1,"delta":{"content":"y"},"finish_reason":"stop"}]}\n\n'
    assert _whole(_run(_chunk({"content": "x"}), second, _chunk(finish="stop"), DONE)).parts == (Text("x"),)
    calls = b'data: {"id":"i","choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}]}\n\n'
    with pytest.raises(UpstreamProtocol, match="choice 1"):
        _run(calls)


def test_a_call_after_the_end_is_refused() -> None:
    call = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}
    with pytest.raises(UpstreamProtocol, match="after the end"):
        _run(_chunk(finish="stop", usage=USAGE), _chunk(call))
    late = _run(_chunk({"content": "x"}, "stop"), _chunk(call), DONE)
    assert late[-1] == Finished("tool_calls")


@pytest.mark.parametrize(
    "event",
    [
        b"data: {\n\n",
        b"data: nonsense\n\n",
        b"data: []\n\n",
        b'data: {"choices":5}\n\n',
        b'data: {"choices":[{"delta":{"tool_calls":"x"}}]}\n\n',
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":"0"}]}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"\\ud800"}}]}\n\n',
        b'data: {"x":' + b"[" * 20_000 + b"\n\n",
    ],
)
def test_what_cannot_be_read_is_never_passed(event: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        ChatDecoder().feed(event)


# --- whole replies -----------------------------------------------------------------------------------------------


def _reply(message: Any, finish: Any = "stop", **more: Any) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps(
        {"id": "i", "object": "chat.completion", "model": "m", "created": 3, "choices": [choice], **more}
    ).encode()


def test_a_whole_reply_goes_through_the_same_machine() -> None:
    message = {
        "role": "assistant", "content": "t", "reasoning_content": "r", "refusal": None, "annotations": [],
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b", "type": "custom", "custom": {"name": "p", "input": "x"}},
            {"type": "function", "function": {"name": "g", "arguments": ""}},
        ],
    }  # fmt: skip
    response = ChatDecoder().whole(_reply(message, "stop", usage=USAGE))
    assert response.parts[:4] == (
        Reasoning("r"),
        Text("t"),
        ToolCall("a", "f", "{}"),
        ToolCall("b", "p", "x", "custom"),
    )
    assert isinstance(response.parts[4], ToolCall)
    assert response.parts[4].id.startswith("call_")
    assert (response.finish, response.usage, response.created_s) == (
        Finished("tool_calls"),
        Usage(5, output_tokens=2),
        3,
    )


def test_an_empty_answer_and_a_missing_finish() -> None:
    assert ChatDecoder().whole(_reply({"role": "assistant", "content": None}, None)).parts == ()
    assert ChatDecoder().whole(_reply(None)).finish == Finished("stop")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", UpstreamProtocol),
        (b"<html>", UpstreamProtocol),
        (b"{}", UpstreamProtocol),
        (b'{"choices":[]}', UpstreamProtocol),
        (b'{"choices":[{"message":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]}', UpstreamProtocol),
        (b'{"error":{"message":"m","type":"overloaded_error"}}', UpstreamOverloaded),
        (b'{"error":{"message":"m","code":429},"choices":[]}', UpstreamRateLimited),
        (b'{"choices":[{"message":{},"finish_reason":"abort"}]}', UpstreamOverloaded),
    ],
)
def test_whole_replies_that_are_none(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        ChatDecoder().whole(body)


# --- the cheap test ----------------------------------------------------------------------------------------------


def test_text_chunks_of_the_vendors_are_plain() -> None:
    plain = {
        name: [is_plain(event) for event in SseSplitter().feed((GOLDEN / f"{name}.sse").read_bytes())]
        for name in ("openai_text", "openai_tools", "deepseek_reasoning", "vllm_stop")
    }
    assert plain == {
        "openai_text": [True, True, True, False, False, False],
        "openai_tools": [False] * 6,
        "deepseek_reasoning": [True, False, False, True, False, False, False, False],
        "vllm_stop": [True, False, True, False, False, False],
    }


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_plain_is_no_matter_of_formatting(separators: tuple[str, str], end: bytes) -> None:
    delta = {"content": 'error tool_calls usage "finish_reason":"stop" \n \\ é [DONE]', "tool_calls": None}
    chunk = {"choices": [{"delta": delta, "finish_reason": None, "index": 0}], "usage": None, "id": "x", "created": 1}
    for text in (chunk, dict(reversed(chunk.items()))):
        event = b"data: " + json.dumps(text, separators=separators, ensure_ascii=False).encode() + end
        assert is_plain(event)


@pytest.mark.parametrize(
    "event",
    [
        DONE,
        b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n',
        b'data: {"choices":[{"delta":{"reasoning":"x"},"finish_reason":null}]}\n\n',
        b'data: {"choices":[{"delta":{"refusal":"x"},"finish_reason":null}]}\n\n',
        b'data: {"choices":[{"delta":{"content":null,"tool_calls":[]},"finish_reason":null}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"x","tool\\u005fcalls":[{"index":0}]}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1}}\n\n',
        b'data: {"choices":[{"delta":{"content":"x"}}],"error":"x"}\n\n',
        b'data: {"choices":[{"delta":{"content":"x"}}],"error":null}\n\ndata: [DONE]\n\n',
        b'data: {"choices":[{"delta":{"content":"x\nevent: y\n"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":[{"type":"text"}]}}]}\n\n',
        b": comment\ndata: {}\n\n",
        b"event: error\ndata: x\n\n",
        b"",
    ],
)
def test_anything_else_is_not_plain(event: bytes) -> None:
    assert not is_plain(event)


def test_comments_are_plain_and_long_garbage_is_fast() -> None:
    assert is_plain(b": keep-alive\n\n")
    assert is_plain(b":\r\n\r\n")
    assert not is_plain(b"data: {" + b'"a":null, ' * 50_000 + b"x")


def test_a_delta_of_a_plain_event_is_still_decoded() -> None:
    assert [type(e) for e in ChatDecoder().feed(_chunk({"content": "x"}))] == [Started, BlockStart, Delta]


# --- frames ------------------------------------------------------------------------------------------------------


def _piece(arguments: str, **more: Any) -> bytes:
    return _chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments}, **more}]})


CALL = _chunk(
    {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]}
)


@pytest.mark.parametrize(
    ("before", "event", "kind", "index"),
    [
        ([], _chunk({"content": "x"}), "text", -1),
        ([CALL], _piece("x"), "call", 0),
        ([CALL], _piece("x", id="c1", type="function"), "call", 0),
        ([_chunk({"content": "x"}), CALL], _piece("x"), "call", 1),
        ([_chunk({"reasoning_content": "x"})], _chunk({"reasoning_content": "y"}), "reasoning", 0),
        ([_chunk({"reasoning": "x"})], _chunk({"reasoning": "y", "content": ""}), "reasoning", 0),
    ],
)
def test_events_of_one_text_have_a_frame(before: list[bytes], event: bytes, kind: str, index: int) -> None:
    decoder = ChatDecoder()
    for one in [*before, event]:
        decoder.feed(one)
    frame = decoder.frame(event)
    assert frame is not None
    assert (frame.kind, frame.index) == (kind, index)
    assert frame.one(event)


@pytest.mark.parametrize(
    "event",
    [
        _chunk({"content": "x"}, "stop"),
        _chunk({"content": "x"}, usage={"prompt_tokens": 1}),
        _chunk({"content": "x", "refusal": "y"}),
        _piece("x", id="another"),
        _piece("x", custom={"input": "y"}),
        _chunk({"tool_calls": [{"function": {"arguments": "x"}}]}),
        _chunk({"tool_calls": [{"index": 0, "function": {"arguments": "x", "name": "f"}}]}),
        _chunk({"tool_calls": [{"index": 0, "function": {"arguments": "x"}}], "reasoning": "r"}),
        _chunk({"tool_calls": [{"index": 0, "function": {"arguments": "x"}}] * 2}),
        _chunk({"tool_calls": [{"index": 7, "function": {"arguments": "x"}}]}),
        _piece("x").replace(b'"arguments": "x"', b'"arguments": "x", "arguments": "y"'),
        _chunk({"reasoning_content": "x", "reasoning": "x"}),
        _chunk({"reasoning_content": "x"}),
        DONE,
    ],
)
def test_whatever_else_an_event_says_it_has_none(event: bytes) -> None:
    decoder = ChatDecoder()
    decoder.feed(CALL)
    assert decoder.frame(event) is None


def test_what_went_by_in_frames_is_known() -> None:
    """Two calls under one number are told apart by whether the first is complete."""
    decoder = ChatDecoder()
    for event in (CALL, _piece('{"a"')):
        decoder.feed(event)
    frame = decoder.frame(_piece('{"a"'))
    assert frame is not None
    decoder.more(frame, ":1}")
    another = _chunk({"tool_calls": [{"index": 0, "id": "c2", "function": {"name": "g", "arguments": "{}"}}]})
    assert [event.block for event in decoder.feed(another) if isinstance(event, BlockStart)] == [
        ToolCall("c2", "g", "")
    ]
