"""Neutral events to what chat clients read: this arrives, that is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._chat_stream_out import ChatEncoder, encode_response
from gateway.dialects._shared import short_name
from gateway.dialects.contract import ReplyContext
from gateway.errors import UpstreamProtocol
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
    unfold,
)
from gateway.ir.request import Opaque, Reasoning, Refusal, Request, Text, Tool, ToolCall
from gateway.ir.usage import Usage

BEGIN = Started("up-1", "up-model", 5)
CONTEXT = ReplyContext(reply_id="abc", model="auto", created_s=7, include_usage=False)


def _sent(*events: Event, context: ReplyContext = CONTEXT, close: bool = True) -> list[Any]:
    encoder = ChatEncoder(context)
    data = b"".join(encoder.feed(event) for event in events) + (encoder.close() if close else b"")
    assert data.endswith(b"\n\n") or not data
    payloads = [event.removeprefix(b"data: ") for event in data.split(b"\n\n")[:-1]]
    return [payload.decode() if payload == b"[DONE]" else json.loads(payload) for payload in payloads]


def _deltas(*events: Event, context: ReplyContext = CONTEXT) -> list[Any]:
    """Deltas between the role and the finish."""
    sent = _sent(BEGIN, *events, Finished("stop"), context=context)
    return [chunk["choices"][0]["delta"] for chunk in sent[1:-2]]


def _block(index: int, block: Any, *pieces: str) -> list[Event]:
    return [BlockStart(index, block), *(Delta(index, piece) for piece in pieces), BlockStop(index)]


def test_a_text_reply_to_the_byte() -> None:
    encoder = ChatEncoder(CONTEXT)
    frame = b'data: {"id":"chatcmpl-abc","object":"chat.completion.chunk","created":5,"model":"auto",'
    frame += b'"choices":[{"index":0,"delta":{'
    tail = b'},"logprobs":null,"finish_reason":null}]}\n\n'
    assert encoder.feed(BEGIN) == frame + b'"role":"assistant","content":null' + tail
    assert encoder.feed(BlockStart(0, Text(""))) == b""
    assert encoder.feed(Delta(0, 'a"\né')) == frame + '"content":"a\\"\\né"'.encode() + tail
    assert encoder.feed(Delta(0, "")) == b""
    assert encoder.feed(BlockStop(0)) == b""
    assert encoder.feed(Finished("stop")) == frame + tail.replace(b":null}]", b':"stop"}]')
    assert encoder.close() == b"data: [DONE]\n\n"


def test_the_role_comes_first_even_without_a_beginning() -> None:
    sent = _sent(*_block(0, Text(""), "x"), Finished("stop"))
    assert sent[0]["choices"][0]["delta"] == {"role": "assistant", "content": "x"}
    assert sent[0]["created"] == 7
    assert _sent(BEGIN, BEGIN, Finished("stop")) == _sent(BEGIN, Finished("stop"))


def test_ids_and_times_are_one_for_all_chunks() -> None:
    sent = _sent(Started("chatcmpl-up", "m"), *_block(0, Text(""), "x"), Finished("stop"), UsageReport(Usage(1)))
    assert {chunk["id"] for chunk in sent[:-1]} == {"chatcmpl-up"}
    assert {chunk["created"] for chunk in sent[:-1]} == {7}


@pytest.mark.case("3C.48")
def test_usage_is_a_chunk_of_its_own_where_it_was_asked_for() -> None:
    """prompt_tokens includes what was cached, and the part that was cached is told beside it.

    gateways.md 3C.48 (Aider#5516, pi#2148)."""
    context = ReplyContext(reply_id="chatcmpl-1", model="m", created_s=1)
    early = Started("x", "m", usage=Usage(9, 3))
    events: list[Event] = [early, *_block(0, Text(""), "x"), Finished("stop"), UsageReport(Usage(9, 3, 1, 0, 4, 2))]
    sent = _sent(*events, context=context)
    assert [chunk["usage"] for chunk in sent[:-2]] == [None] * 3
    assert sent[-2]["choices"] == []
    assert sent[-2]["usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    assert sent[-1] == "[DONE]"
    assert not any("usage" in chunk for chunk in _sent(*events)[:-1])


def test_usage_told_at_the_start_is_not_lost() -> None:
    context = ReplyContext(reply_id="chatcmpl-1", model="m", created_s=1)
    sent = _sent(Started("x", "m", usage=Usage(9)), Finished("stop"), context=context)
    assert sent[-2]["usage"]["prompt_tokens"] == 9
    assert _sent(BEGIN, Finished("stop"), context=context)[-1] == "[DONE]"


def test_interleaved_tool_calls_are_numbered_from_zero() -> None:
    deltas = _deltas(
        *_block(0, Text(""), "t"),
        BlockStart(1, ToolCall("a", "f", "")),
        BlockStart(2, ToolCall("b", "g", "")),
        Delta(2, "{"),
        Delta(1, '{"x'),
        Delta(2, "}"),
        Delta(1, '":1}'),
        BlockStop(1),
        BlockStop(2),
    )
    assert [d["tool_calls"][0] for d in deltas[1:]] == [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{"}},
        {"index": 0, "function": {"arguments": '{"x'}},
        {"index": 1, "function": {"arguments": "}"}},
        {"index": 0, "function": {"arguments": '":1}'}},
    ]


def test_a_call_without_arguments_or_id_gets_both() -> None:
    start, arguments = [d["tool_calls"][0] for d in _deltas(*_block(0, ToolCall("", "f", "")))]
    assert start["id"].startswith("call_")
    assert arguments == {"index": 0, "function": {"arguments": "{}"}}


def test_the_finish_word_fits_what_was_sent() -> None:
    call = _block(0, ToolCall("a", "f", ""), "{}")
    for events, reason, word in (
        (call, "stop", "tool_calls"),
        ([], "tool_calls", "stop"),
        (call, "length", "length"),
        ([], "refusal", "content_filter"),
        (_block(0, Refusal(""), "no"), "refusal", "stop"),
    ):
        sent = _sent(BEGIN, *events, Finished(reason))  # type: ignore[arg-type, misc]
        assert sent[-2]["choices"][0]["finish_reason"] == word


def test_the_stop_sequence_is_told_as_vllm_tells_it() -> None:
    assert _sent(BEGIN, Finished("stop_sequence", "END"))[-2]["choices"][0]["stop_reason"] == "END"


def test_reasoning_goes_out_under_one_name_and_seals_stay_here() -> None:
    deltas = _deltas(
        *_block(0, Reasoning(), "one"),
        Sealed(0, "SIG"),
        *_block(1, Reasoning(encrypted="E", redacted=True)),
        BlockStart(2, Reasoning()),
        Delta(2, "two", True, 0),
        Delta(2, "three", True, 1),
        Delta(2, "!", True, 1),
        BlockStop(2),
        *_block(3, Text(""), "text"),
    )
    assert deltas == [
        {"reasoning_content": "one"},
        {"reasoning_content": "\n\ntwo"},
        {"reasoning_content": "\n\nthree"},
        {"reasoning_content": "!"},
        {"content": "text"},
    ]


def test_refusals_and_citations() -> None:
    cited = Annotated(0, b'{"type":"url_citation",\n "url_citation":{}}')
    assert _deltas(*_block(0, Refusal(""), "no")) == [{"refusal": "no"}]
    assert _deltas(BlockStart(0, Text("")), Delta(0, "x"), cited, Annotated(0, b'{"type":"char_location"}'))[1:] == [
        {"annotations": [{"type": "url_citation", "url_citation": {}}]}
    ]
    assert _deltas(*_block(0, Opaque("chat", "audio", b'{"id":\n"a"}'))) == [{"audio": {"id": "a"}}]
    with pytest.raises(UpstreamProtocol, match="server_tool_use"):
        ChatEncoder(CONTEXT).feed(BlockStart(0, Opaque("messages", "server_tool_use", b"{}")))


def test_custom_tools_come_back_as_free_text() -> None:
    """A function that stood in for the client's custom tool is held until its text can be unwrapped."""
    context = ReplyContext(reply_id="r", model="m", created_s=1, include_usage=False, custom_tools=frozenset({"patch"}))
    wrapped = _block(0, ToolCall("a", "patch", ""), '{"inp', 'ut":"*** \\"x\\""}')
    expected = [
        {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "patch", "input": '*** "x"'}}]}
    ]
    assert _deltas(*wrapped, context=context) == expected
    assert _deltas(*wrapped[:-1], context=context) == expected
    native = _deltas(*_block(0, ToolCall("a", "patch", "", "custom"), "x", "y"), context=context)
    assert [d["tool_calls"][0].get("custom") for d in native] == [
        {"name": "patch", "input": ""},
        {"input": "x"},
        {"input": "y"},
    ]


def test_long_names_come_back() -> None:
    name = "mcp__" + "x" * 80
    request = Request(origin="chat", model="m", messages=(), tools=(Tool(name),))
    context = ReplyContext(reply_id="r", model="m", created_s=1, include_usage=False, request=request)
    (start, *_) = _deltas(*_block(0, ToolCall("a", short_name(name), "")), context=context)
    assert start["tool_calls"][0]["function"]["name"] == name


def test_a_failure_ends_the_stream_without_done() -> None:
    sent = _sent(
        BEGIN, *_block(0, Text(""), "x"), Failed("Overloaded", "overloaded_error", None, 529), Finished("stop")
    )
    assert sent[-1] == {"error": {"message": "Overloaded", "type": "overloaded_error", "param": None, "code": None}}
    assert len(sent) == 3


def test_a_stream_without_an_end_gets_an_error_never_silence() -> None:
    sent = _sent(BEGIN, *_block(0, Text(""), "x"))
    assert sent[-1]["error"]["code"] == "upstream_protocol"
    encoder = ChatEncoder(CONTEXT)
    assert encoder.close()
    assert encoder.close() == b""


def test_nothing_follows_the_end() -> None:
    assert _sent(BEGIN, Finished("stop"), Delta(0, "late"), Finished("length")) == _sent(BEGIN, Finished("stop"))


# --- whole replies -----------------------------------------------------------------------------------------------

RICH = Response(
    "chatcmpl-9",
    "m",
    (
        Reasoning("r", ("s",), signature="S"),
        Reasoning("q"),
        Text("a", annotations=b'[{"url_citation":{}},{"type":"char_location"}]'),
        Text("b"),
        ToolCall("c", "f", ""),
        ToolCall("d", "p", "x", "custom"),
    ),
    Finished("tool_calls"),
    Usage(5, output_tokens=2),
    3,
)


def test_a_whole_reply() -> None:
    body = json.loads(encode_response(RICH, CONTEXT))
    assert body["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "ab",
                "refusal": None,
                "reasoning_content": "sr\n\nq",
                "annotations": [{"url_citation": {}}],
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "d", "type": "custom", "custom": {"name": "p", "input": "x"}},
                ],
            },
            "logprobs": None,
            "finish_reason": "tool_calls",
        }
    ]
    assert (body["id"], body["model"], body["created"], body["object"]) == ("chatcmpl-9", "auto", 3, "chat.completion")
    assert body["usage"]["total_tokens"] == 7


@pytest.mark.case("3A.17")
def test_all_text_blocks_are_kept() -> None:
    """Text of every block of a reply reaches the client, streamed or whole.

    gateways.md 3A.17 (agentgateway#2007)."""
    reply = Response("i", "m", (Text("a"), ToolCall("c", "f", "{}"), Text("b"), Text("c")), Finished("stop"))
    assert json.loads(encode_response(reply, CONTEXT))["choices"][0]["message"]["content"] == "abc"
    streamed = [chunk["choices"][0]["delta"].get("content") for chunk in _sent(*unfold(reply))[:-1]]
    assert "".join(filter(None, streamed)) == "abc"


def test_whole_replies_of_little() -> None:
    def message(*parts: Any) -> Any:
        return json.loads(encode_response(Response("i", "m", parts), CONTEXT))["choices"][0]["message"]

    assert message()["content"] is None
    assert message(Text(""))["content"] == ""
    assert message(Refusal("no"))["refusal"] == "no"
    assert message(Opaque("chat", "audio", b'{"id":1}'))["audio"] == {"id": 1}
    with pytest.raises(UpstreamProtocol):
        message(Opaque("messages", "x", b"{}"))


def test_stream_and_whole_say_the_same() -> None:
    message: dict[str, Any] = {}
    calls: dict[int, Any] = {}
    for chunk in _sent(*unfold(RICH))[:-1]:
        for key, value in chunk["choices"][0]["delta"].items():
            if key == "tool_calls":
                held = calls.setdefault(value[0]["index"], {"id": value[0].get("id"), "text": ""})
                inner = value[0].get("function") or value[0].get("custom")
                held["text"] += inner.get("arguments") or inner.get("input") or ""
            elif value is not None and key != "annotations":
                message[key] = message.get(key, "") + value
    whole = json.loads(encode_response(RICH, CONTEXT))["choices"][0]["message"]
    assert message["content"] == whole["content"]
    assert message["reasoning_content"] == whole["reasoning_content"]
    assert [(c["id"], c["text"]) for c in calls.values()] == [("c", "{}"), ("d", "x")]
