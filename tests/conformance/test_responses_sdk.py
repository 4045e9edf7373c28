"""The real OpenAI SDK reads what our Responses encoder writes: whole replies validate strictly against its types, streams go
through its accumulator, every event validates against the type of its name."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import httpx2
import openai
import pytest
from openai.types.responses import Response as SdkResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.dialects.contract import ReplyContext
from gateway.dialects.responses import DIALECT
from gateway.errors import UpstreamOverloaded
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
from gateway.ir.profile import DEFAULT
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter, data_of

TOOLS: list[Any] = [
    {"type": "function", "name": "run", "parameters": {"type": "object", "properties": {}}, "strict": False},
    {
        "type": "custom",
        "name": "apply_patch",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
    },
    {
        "type": "namespace",
        "name": "agents",
        "description": "Agents.",
        "tools": [{"type": "function", "name": "spawn", "parameters": {}}],
    },
    {"type": "web_search"},
]
REQUEST = {
    "model": "auto",
    "input": "hi",
    "instructions": "be kind",
    "tools": TOOLS,
    "tool_choice": {"type": "function", "name": "run"},
    "metadata": {"a": "b"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
    "service_tier": "flex",
    "truncation": "auto",
    "temperature": 0.5,
}
NOTE = b'{"type":"url_citation","url":"https://e.com","title":"t","start_index":0,"end_index":1}'
CONTEXT = ReplyContext(
    reply_id="01", model="auto", created_s=7, request=DIALECT.decode_request(json.dumps(REQUEST).encode())
)
BARE = ReplyContext(reply_id="01", model="auto", created_s=7)
USAGE = Usage(100, 60, 20, 5, 9, 4)
SEARCH = b'{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}}'


def block(index: int, start: Any, *pieces: Event) -> list[Event]:
    return [BlockStart(index, start), *pieces, BlockStop(index)]


EVERYTHING: list[Event] = [
    Started("x", "up"),
    *block(0, Reasoning(), Delta(0, "th"), Delta(0, "ink"), Sealed(0, encrypted="E")),
    *block(1, Opaque("responses", "web_search_call", SEARCH)),
    *block(2, Text(""), Delta(2, "hel"), Delta(2, "lo"), Annotated(2, NOTE)),
    *block(3, ToolCall("call_1", "run", ""), Delta(3, '{"a"'), Delta(3, ":1}")),
    *block(4, ToolCall("call_2", "agents__spawn", "{}")),
    *block(5, ToolCall("call_3", "apply_patch", ""), Delta(5, '{"input": "*** Be'), Delta(5, 'gin\\n"}')),
    *block(6, Refusal(""), Delta(6, "no")),
    UsageReport(USAGE),
]
ENDINGS: list[Event] = [
    Finished("tool_calls"),
    Finished("length"),
    Finished("content_filter"),
    Failed("busy", "overloaded_error", "overloaded", 529),
]


def stream(events: Iterable[Event], context: ReplyContext) -> bytes:
    encoder = DIALECT.stream_encoder(context)
    return b"".join([*map(encoder.feed, events), encoder.close()])


def client(body: bytes, kind: str = "text/event-stream", status: int = 200) -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers={"content-type": kind}, content=body)

    return openai.OpenAI(
        api_key="k",
        base_url="http://gateway.test/v1",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
    )


@pytest.mark.parametrize("context", [CONTEXT, BARE])
@pytest.mark.parametrize("ending", ENDINGS)
def test_every_event_validates_strictly(context: ReplyContext, ending: Event) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for frame in SseSplitter().feed(stream([*EVERYTHING, ending], context)):
        adapter.validate_json(data_of(frame) or b"")


@pytest.mark.parametrize("context", [CONTEXT, BARE])
def test_a_whole_reply_validates_strictly(context: ReplyContext) -> None:
    reply = fold([*EVERYTHING, ENDINGS[0]])
    assert isinstance(reply, Response)
    body = DIALECT.encode_response(reply, context)
    SdkResponse.model_validate_json(body)
    shown = client(body, "application/json").responses.create(model="auto", input="hi")
    assert shown.output_text == "hello"
    assert shown.usage is not None
    assert shown.usage.input_tokens_details.cached_tokens == 60


def test_the_accumulator_builds_the_reply() -> None:
    with client(stream([*EVERYTHING, ENDINGS[0]], CONTEXT)).responses.stream(model="auto", input="hi") as events:
        kinds = [event.type for event in events]
        final = events.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.output_text == "hello"
    assert [item.type for item in final.output] == [
        "reasoning",
        "web_search_call",
        "message",
        "function_call",
        "function_call",
        "custom_tool_call",
        "message",
    ]
    run, spawn, patch = final.output[3:6]
    assert run.type == "function_call"
    assert run.arguments == '{"a":1}'
    assert spawn.type == "function_call"
    assert (spawn.namespace, spawn.name) == ("agents", "spawn")
    assert patch.type == "custom_tool_call"
    assert patch.input == "*** Begin\n"
    assert final.usage is not None
    assert final.usage.total_tokens == 109
    assert final.usage.output_tokens_details.reasoning_tokens == 4


@pytest.mark.parametrize("ending", ENDINGS[1:])
def test_other_endings_reach_the_caller(ending: Event) -> None:
    with client(stream([*EVERYTHING, ending], CONTEXT)).responses.stream(model="auto", input="hi") as events:
        last = list(events)[-1]
    assert last.type in ("response.incomplete", "response.failed")
    assert last.response.usage is not None


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_our_decoder_reads_our_stream_in_any_pieces(size: int) -> None:
    raw = stream([*EVERYTHING, ENDINGS[0]], CONTEXT)
    splitter, decoder = SseSplitter(), DIALECT.stream_decoder(DEFAULT)
    events = [
        e for i in range(0, len(raw), size) for frame in splitter.feed(raw[i : i + size]) for e in decoder.feed(frame)
    ]
    reply = fold(events)
    assert isinstance(reply, Response)
    assert reply.usage == USAGE
    assert [type(part) for part in reply.parts] == [Reasoning, Opaque, Text, ToolCall, ToolCall, ToolCall, Refusal]


def test_an_error_body_is_an_sdk_error() -> None:
    body = DIALECT.error_body(UpstreamOverloaded("busy"), "req_1")
    with pytest.raises(openai.InternalServerError, match="busy"):
        client(body, "application/json", 503).responses.create(model="auto", input="hi")


def test_an_error_inside_a_stream_reaches_the_caller() -> None:
    begun = stream([Started("x", "up"), BlockStart(0, Text("")), Delta(0, "half")], BARE)
    begun = begun[: begun.index(b"event: response.output_text.done")]
    broken = begun + DIALECT.error_event(UpstreamOverloaded("busy"), "req_01")
    events = list(client(broken).responses.create(model="auto", input="hi", stream=True))
    assert [event.type for event in events[-2:]] == ["error", "response.failed"]
    with client(broken).responses.stream(model="auto", input="hi") as accumulated:
        assert list(accumulated)[-1].type == "response.failed"
