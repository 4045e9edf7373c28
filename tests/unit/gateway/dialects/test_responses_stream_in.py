from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._responses_stream_in import Decoder, decode_response
from gateway.errors import UpstreamProtocol
from gateway.ir.events import Finished, Response
from gateway.ir.request import Reasoning, Text, ToolCall
from gateway.ir.usage import Usage
from tests.support.responses_in import (
    CALL,
    CREATED,
    USAGE,
    added,
    arguments,
    completed,
    decoded,
    done,
    frame,
    text,
    whole,
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
