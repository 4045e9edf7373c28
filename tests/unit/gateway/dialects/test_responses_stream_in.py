from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._responses_stream_in import Decoder, decode_response
from gateway.errors import UpstreamOverloaded, UpstreamProtocol, UpstreamRateLimited, UpstreamRejected
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
)
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage

CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "gpt", "created_at": 7, "output": []}}
USAGE = {"input_tokens": 10, "output_tokens": 3}


def frame(event: dict[str, Any]) -> bytes:
    return b"event: " + event["type"].encode() + b"\ndata: " + json.dumps(event).encode() + b"\n\n"


def completed(output: Any = None, kind: str = "completed", **more: Any) -> dict[str, Any]:
    reply = {"id": "resp_1", "status": kind, "output": output or [], "usage": USAGE, **more}
    return {"type": f"response.{kind}", "response": reply}


def decoded(*events: dict[str, Any] | bytes) -> list[Event]:
    decoder = Decoder()
    out: list[Event] = []
    for event in events:
        out += decoder.feed(event if isinstance(event, bytes) else frame(event))
    return out + decoder.close()


def whole(*events: dict[str, Any] | bytes) -> Response:
    folded = fold(decoded(*events))
    assert isinstance(folded, Response)
    return folded


def added(index: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(index: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def text(index: int, delta: str, content_index: int = 0) -> dict[str, Any]:
    return {
        "type": "response.output_text.delta",
        "output_index": index,
        "content_index": content_index,
        "item_id": f"msg_{index}",
        "delta": delta,
        "logprobs": [],
    }


def arguments(index: int, delta: str) -> dict[str, Any]:
    return {"type": "response.function_call_arguments.delta", "output_index": index, "item_id": "f", "delta": delta}


CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "run"}


def test_a_message() -> None:
    part = {"type": "output_text", "text": "hello", "annotations": [{"type": "file_path", "file_id": "f", "index": 0}]}
    assert decoded(
        CREATED,
        {"type": "response.in_progress", "response": CREATED["response"]},
        added(0, type="message", id="msg_0", role="assistant", content=[]),
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": {"type": "output_text"}},
        text(0, "hel"),
        text(0, "lo"),
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "hello"},
        {"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part},
        done(0, type="message", id="msg_0", role="assistant", content=[part]),
        completed([{"type": "message", "id": "msg_0", "role": "assistant", "content": [part]}]),
    ) == [
        Started("resp_1", "gpt", 7),
        BlockStart(0, Text("")),
        Delta(0, "hel"),
        Delta(0, "lo"),
        Annotated(0, b'{"type":"file_path","file_id":"f","index":0}'.replace(b":", b": ").replace(b",", b", ")),
        BlockStop(0),
        UsageReport(Usage(10, output_tokens=3)),
        Finished("stop"),
    ]


def test_a_call() -> None:
    assert decoded(
        CREATED,
        added(0, **CALL, arguments=""),
        arguments(0, '{"a"'),
        arguments(0, ""),
        arguments(0, ":1}"),
        {"type": "response.function_call_arguments.done", "output_index": 0, "item_id": "f", "arguments": '{"a":1}'},
        done(0, **CALL, arguments='{"a":1}'),
        completed([{**CALL, "arguments": '{"a":1}'}]),
    )[1:] == [
        BlockStart(0, ToolCall("call_1", "run", "", item_id="fc_1")),
        Delta(0, '{"a"'),
        Delta(0, ":1}"),
        BlockStop(0),
        UsageReport(Usage(10, output_tokens=3)),
        Finished("tool_calls"),
    ]


def test_a_custom_call_with_a_namespace() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "edit", "namespace": "ns"}
    reply = whole(
        CREATED,
        added(0, **item, input=""),
        {"type": "response.custom_tool_call_input.delta", "output_index": 0, "item_id": "ctc_1", "delta": "*** "},
        {"type": "response.custom_tool_call_input.done", "output_index": 0, "item_id": "ctc_1", "input": "*** x"},
        done(0, **item, input="*** x"),
        completed(),
    )
    assert reply.parts == (ToolCall("c", "edit", "*** x", "custom", "ns", "ctc_1"),)


def test_reasoning_is_sealed_by_its_last_copy() -> None:
    def summary(kind: str, **more: Any) -> dict[str, Any]:
        return {"type": f"response.reasoning_{kind}", "output_index": 0, "item_id": "rs_1", **more}

    events = decoded(
        CREATED,
        added(0, type="reasoning", id="rs_1", summary=[], encrypted_content="early"),
        summary("summary_part.added", summary_index=0, part={"type": "summary_text", "text": ""}),
        summary("summary_text.delta", summary_index=0, delta="a"),
        summary("summary_text.done", summary_index=0, text="ab"),
        summary("summary_text.delta", summary_index=1, delta="c"),
        summary("text.delta", content_index=0, delta="open"),
        done(
            0,
            type="reasoning",
            id="rs_1",
            summary=[{"type": "summary_text", "text": "ab"}, {"type": "summary_text", "text": "cd"}],
            encrypted_content="late",
        ),
        completed(),
    )
    assert events[1:-2] == [
        BlockStart(0, Reasoning(id="rs_1")),
        Delta(0, "a", True, 0),
        Delta(0, "b", True, 0),
        Delta(0, "c", True, 1),
        Delta(0, "open"),
        Delta(0, "d", True, 1),
        Sealed(0, encrypted="late"),
        BlockStop(0),
    ]


def test_items_may_end_out_of_order() -> None:
    """A reasoning item may end after the call that follows it.

    protocols.md 1.2 (earendil-works/pi#4171)."""
    reply = whole(
        CREATED,
        added(0, type="reasoning", id="rs_1", summary=[]),
        added(1, **CALL, arguments=""),
        arguments(1, "{}"),
        done(1, **CALL, arguments="{}"),
        done(0, type="reasoning", id="rs_1", summary=[{"type": "summary_text", "text": "s"}], encrypted_content="E"),
        completed(),
    )
    assert reply.parts == (
        Reasoning(summary=("s",), encrypted="E", id="rs_1"),
        ToolCall("call_1", "run", "{}", item_id="fc_1"),
    )


def test_calls_may_interleave() -> None:
    other = {**CALL, "id": "fc_2", "call_id": "call_2"}
    reply = whole(
        CREATED,
        added(3, **CALL, arguments=""),
        added(9, **other, arguments=""),
        arguments(9, "["),
        arguments(3, "{"),
        arguments(9, "]"),
        arguments(3, "}"),
        completed(),
    )
    assert [(p.id, p.arguments) for p in reply.parts if isinstance(p, ToolCall)] == [("call_1", "{}"), ("call_2", "[]")]


def test_a_changed_item_id_is_the_same_item() -> None:
    reply = whole(
        CREATED,
        added(0, **{**CALL, "id": "a"}, arguments=""),
        arguments(0, "{}"),
        done(0, **{**CALL, "id": "b"}, arguments="{}"),
        completed([{**CALL, "id": "c", "arguments": "{}"}]),
    )
    assert len(reply.parts) == 1


@pytest.mark.parametrize(
    "events",
    [
        [done(0, **CALL, arguments="{}"), completed()],
        [completed([{**CALL, "arguments": "{}"}])],
        [arguments(0, "{}"), done(0, **CALL, arguments="{}"), completed()],
        [added(0, **CALL), completed([{**CALL, "arguments": "{}"}])],
        [
            added(0, type="function_call", id="fc_1", name="run"),
            arguments(0, "{}"),
            done(0, **CALL, arguments="{}"),
            completed(),
        ],
    ],
)
@pytest.mark.case("3A.24")
def test_a_call_is_found_wherever_it_is_told(events: list[dict[str, Any]]) -> None:
    """Arguments may come in one piece, in `done`, or only with the terminal response.

    gateways.md case 3A.24 (Switchyard#469)."""
    (part,) = whole(CREATED, *events).parts
    assert part == ToolCall("call_1", "run", "{}", item_id="fc_1")


def test_text_is_found_wherever_it_is_told() -> None:
    message = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
    part = {"type": "output_text", "text": "hi"}
    for events in (
        [text(0, "hi"), completed()],
        [{"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "hi"}, completed()],
        [{"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part}, completed()],
        [done(0, **message), completed()],
        [completed([message])],
        [completed([{**message, "content": "hi"}])],
    ):
        assert whole(*events).parts == (Text("hi"),), events


def test_text_is_not_doubled_when_deltas_were_passed_through_unfed() -> None:
    """Pass-through feeds the first delta only; `done` must not tell it again."""
    assert whole(
        CREATED, text(0, "he"), {"type": "response.output_text.done", "output_index": 0, "text": "hello"}, completed()
    ).parts == (Text("he"),)


@pytest.mark.case("3A.17")
def test_every_part_of_a_message_is_kept() -> None:
    """Several content parts and several messages are several blocks.

    gateways.md case 3A.17 (agentgateway#2007), 3A.23 (plano#978)."""
    reply = whole(CREATED, text(0, "a", 0), text(0, "b", 1), text(1, "c"), completed())
    assert reply.parts == (Text("a"), Text("b"), Text("c"))


def test_a_missing_call_id_is_made_up() -> None:
    (part,) = whole(CREATED, done(0, type="function_call", name="run", arguments="{}", call_id=""), completed()).parts
    assert isinstance(part, ToolCall)
    assert part.id.startswith("call_")


def test_missing_indices_are_found_by_item_id() -> None:
    first = {**CALL}
    second = {**CALL, "id": "fc_2", "call_id": "call_2"}
    reply = whole(
        {"type": "response.output_item.added", "item": first},
        {"type": "response.output_item.added", "item": second},
        {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": "1"},
        {"type": "response.function_call_arguments.delta", "item_id": "fc_2", "delta": "2"},
        completed(),
    )
    assert [p.arguments for p in reply.parts if isinstance(p, ToolCall)] == ["1", "2"]


def test_refusals() -> None:
    refusal = {"type": "response.refusal.delta", "output_index": 0, "content_index": 0, "delta": "no"}
    reply = whole(CREATED, refusal, completed())
    assert reply.parts == (Refusal("no"),)
    assert reply.finish == Finished("refusal")
    assert whole(CREATED, text(0, "a"), {**refusal, "content_index": 1}, completed()).finish == Finished("stop")


def test_items_of_vendor_tools_are_opaque() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    reply = whole(
        CREATED,
        added(0, **search),
        {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"},
        done(0, **search),
        text(1, "found"),
        completed([search]),
    )
    assert reply.parts == (Opaque("responses", "web_search_call", json.dumps(search).encode()), Text("found"))


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


def test_frames_of_other_servers() -> None:
    events = [
        b": keep-alive\n\n",
        b"\r\n\r\n",
        frame(CREATED).replace(b"\n", b"\r\n"),
        frame(CREATED),
        b"event: response.output_text.delta\ndata: " + json.dumps({**text(0, "a"), "type": None}).encode() + b"\n\n",
        b"data: " + json.dumps(text(0, "b")).encode() + b"\n\n",
        b'data: {"type":"keepalive"}\n\n',
        b'data: {"type":"response.new_thing","note":1}\n\n',
        frame(completed()),
        b"data: [DONE]\n\n",
    ]
    assert whole(*events).parts == (Text("ab"),)


def test_a_cut_stream_is_no_reply() -> None:
    decoder = Decoder()
    decoder.feed(frame(CREATED))
    decoder.feed(frame(text(0, "a")))
    with pytest.raises(UpstreamProtocol, match="cut"):
        decoder.close()


@pytest.mark.parametrize(
    "events",
    [
        [b"data: <html>\n\n"],
        [b"data: 3\n\n"],
        [b'data: {"no":"type"}\n\n'],
        [b'data: {"type":"response.brand_new.delta","item":{"type":"function_call"}}\n\n'],
        [b'data: {"type":"chat.completion.chunk","choices":[{"delta":{"tool_calls":[]}}]}\n\n'],
        [b'event: response.output_item.done\ndata: {"type":"response.in_progress"}\n\n'],
        [b'data: {"type":"response.output_text.delta","delta":{}}\n\n'],
        [b'data: {"type":"response.output_item.done","item":{"id":"x"}}\n\n'],
        [done(0, type="function_call", call_id="c", arguments="{}")],
        [added(0, **CALL), done(0, **{**CALL, "name": "other"}, arguments="{}")],
        [added(0, **CALL), done(0, **{**CALL, "call_id": "other"}, arguments="{}")],
        [added(0, **CALL), done(0, **{**CALL, "namespace": "other"}, arguments="{}")],
        [added(0, **CALL), arguments(0, '{"a":1}'), done(0, **CALL, arguments='{"a":2}')],
        [done(0, **CALL, arguments="{}"), completed([{**CALL, "arguments": '{"rm":1}'}])],
        [done(0, **CALL, arguments="{}"), arguments(0, "x")],
        [added(0, **CALL), added(0, **{**CALL, "type": "custom_tool_call"})],
    ],
)
def test_what_could_carry_a_call_past_the_gate_is_refused(events: list[Any]) -> None:
    with pytest.raises(UpstreamProtocol):
        decoded(CREATED, *events)


def test_the_same_arguments_spelled_differently_are_no_contradiction() -> None:
    reply = whole(
        CREATED, added(0, **CALL), arguments(0, '{"a":1}'), done(0, **CALL, arguments='{"a": 1}'), completed()
    )
    (part,) = reply.parts
    assert isinstance(part, ToolCall)
    assert part.arguments == '{"a":1}'


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


# --- whole replies ---


def test_a_whole_reply_is_read_like_a_stream() -> None:
    reply = {
        "id": "resp_1",
        "model": "gpt",
        "created_at": 7,
        "status": "completed",
        "output": [
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "s"}],
                "encrypted_content": "E",
            },
            {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "t"}]},
            {**CALL, "arguments": "{}"},
        ],
        "usage": USAGE,
    }
    assert decode_response(json.dumps(reply).encode()) == Response(
        "resp_1",
        "gpt",
        (
            Reasoning(summary=("s",), encrypted="E", id="rs_1"),
            Text("t"),
            ToolCall("call_1", "run", "{}", item_id="fc_1"),
        ),
        Finished("tool_calls"),
        Usage(10, output_tokens=3),
        7,
    )


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
