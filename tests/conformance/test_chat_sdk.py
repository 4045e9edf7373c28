"""What the real OpenAI SDK makes of our chat bytes: its own stream classes and accumulator read them, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from gateway.dialects._completions import COMPLETIONS
from gateway.dialects.chat import DIALECT
from gateway.dialects.contract import ReplyContext
from gateway.errors import ContextWindowExceeded, UpstreamOverloaded
from gateway.ir.events import Event, Finished, Response, fold, unfold
from gateway.ir.profile import DEFAULT
from gateway.ir.request import Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter

CONTEXT = ReplyContext(reply_id="1", model="auto", created_s=9)
REPLY = Response(
    "chatcmpl-1",
    "m",
    (
        Reasoning("Think é."),
        Text("Hi"),
        ToolCall("call_a", "read", '{"path": "a.py"}'),
        ToolCall("call_b", "list", "{}"),
    ),
    Finished("tool_calls"),
    Usage(100, 60, 10, 0, 20, 5),
    1790000000,
)


def _client(body: bytes, content_type: str, status: int = 200) -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers={"content-type": content_type}, content=_pieces(body))

    transport = httpx2.MockTransport(answer)
    return openai.OpenAI(
        api_key="k", base_url="http://test/v1", http_client=httpx2.Client(transport=transport), max_retries=0
    )


def _pieces(body: bytes) -> Iterator[bytes]:
    for at in range(0, len(body), 7):
        yield body[at : at + 7]


def _streamed(events: list[Event], context: ReplyContext = CONTEXT) -> bytes:
    encoder = DIALECT.stream_encoder(context)
    return b": comment\n\n".join(map(encoder.feed, events)) + encoder.close()


GOLDEN = sorted(
    path for path in (Path(__file__).parents[1] / "golden/dialects/chat").glob("*.sse") if "error" not in path.stem
)
ASK: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "x"}]}


def test_the_accumulated_stream_is_the_whole_reply() -> None:
    with (
        _client(_streamed(unfold(REPLY)), "text/event-stream") as client,
        client.chat.completions.stream(**ASK) as stream,
    ):
        for _ in stream:
            pass
        streamed = stream.get_final_completion()
    with _client(DIALECT.encode_response(REPLY, CONTEXT), "application/json") as client:
        whole = client.chat.completions.create(**ASK)
    assert whole.usage is not None
    assert whole.usage.prompt_tokens_details is not None
    assert whole.usage.prompt_tokens_details.cached_tokens == 60
    assert streamed.usage == whole.usage
    first, second = streamed.choices[0], whole.choices[0]
    assert (first.finish_reason, second.finish_reason) == ("tool_calls", "tool_calls")
    assert (first.message.content, second.message.content) == ("Hi", "Hi")
    for message in (first.message, second.message):
        assert message.model_extra is not None
        assert message.model_extra["reasoning_content"] == "Think é."
        assert [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or []] == [  # type: ignore[union-attr]
            ("call_a", "read", '{"path": "a.py"}'),
            ("call_b", "list", "{}"),
        ]


@pytest.mark.parametrize(
    "reply",
    [
        Response("i", "m", (Text("x"),)),
        Response("i", "m", (Refusal("no"),), Finished("refusal")),
        Response("i", "m", (), Finished("length")),
        Response("i", "m", (ToolCall("a", "f", ""),), Finished("tool_calls")),
    ],
)
def test_small_replies(reply: Response) -> None:
    with _client(_streamed(unfold(reply)), "text/event-stream") as client:
        chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(len(chunk.choices) == 1 for chunk in chunks)
    assert [chunk.choices[0].finish_reason for chunk in chunks][:-1] == [None] * (len(chunks) - 1)
    with _client(DIALECT.encode_response(reply, CONTEXT), "application/json") as client:
        message = client.chat.completions.create(**ASK).choices[0].message
    assert message.content == ("x" if Text("x") in reply.parts else None)


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[1] / "golden/dialects/chat").glob("[!o]*.sse")), ids=lambda p: p.stem
)
def test_vendors_streams_read_the_same_before_and_after_us(path: Path) -> None:
    """The SDK accumulates the vendor's own bytes and ours to the same text and calls."""
    data = path.read_bytes()
    decoder = DIALECT.stream_decoder(DEFAULT)
    events = [event for raw in SseSplitter().feed(data) for event in decoder.feed(raw)] + decoder.close()
    assert isinstance(fold(events), Response)
    seen = []
    for body in (data, _streamed(events)):
        with _client(body, "text/event-stream") as client, client.chat.completions.stream(**ASK) as stream:
            message = stream.get_final_completion().choices[0].message
            calls = [(c.id, c.function.arguments) for c in message.tool_calls or []]  # type: ignore[union-attr]
            seen.append((message.content, calls))
    assert seen[0] == seen[1]


def test_errors_are_the_sdks_errors() -> None:
    body = DIALECT.error_body(ContextWindowExceeded("This model's maximum context length is 5 tokens"), "r")
    with _client(body, "application/json", 400) as client, pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**ASK)
    assert refused.value.code == "context_length_exceeded"
    half = _streamed(unfold(REPLY)[:4]).split(b'data: {"error"')[0] + DIALECT.error_event(
        UpstreamOverloaded("busy"), "r"
    )
    with _client(half, "text/event-stream") as client, pytest.raises(openai.APIError, match="busy"):
        list(client.chat.completions.create(**ASK, stream=True))


def test_legacy_completions() -> None:
    reply = Response("i", "m", (Text("a"), Text("b")), Finished("length"), Usage(3, output_tokens=2))
    encoder = COMPLETIONS.stream_encoder(CONTEXT)
    body = b"".join(map(encoder.feed, unfold(reply))) + encoder.close()
    with _client(body, "text/event-stream") as client:
        chunks = list(client.completions.create(model="auto", prompt="x", stream=True))
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == "ab"
    assert chunks[-1].usage is not None
    with _client(COMPLETIONS.encode_response(reply, CONTEXT), "application/json") as client:
        whole = client.completions.create(model="auto", prompt="x")
    assert (whole.choices[0].text, whole.choices[0].finish_reason) == ("ab", "length")
    assert json.loads(COMPLETIONS.encode_response(reply, CONTEXT))["object"] == "text_completion"
