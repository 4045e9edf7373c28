"""The real anthropic SDK reads what the Messages dialect writes: accumulator and errors, over a mock transport."""

from pathlib import Path

import anthropic
import httpx2
import pytest

from gateway.dialects.contract import ReplyContext
from gateway.dialects.messages import DIALECT
from gateway.errors import BudgetExceeded, MalformedRequest
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
    unfold,
)
from gateway.ir.profile import Profile
from gateway.ir.request import Reasoning, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter

GOLDEN = Path(__file__).parents[1] / "golden/dialects/messages"
CONTEXT = ReplyContext(reply_id="msg_own", model="shown", created_s=0, input_tokens_estimate=321)
ASK = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
REPLY = Response(
    "chatcmpl-1",
    "up",
    (
        Reasoning("thoughts"),
        Text("Hällo 你"),
        ToolCall("functions.Read:0", "read", '{"path": "a", "n": 1}'),
        ToolCall("c2", "list", ""),
        ToolCall("c3", "broken", '{"oops'),
    ),
    Finished("tool_calls"),
    Usage(100, 80, output_tokens=12, reasoning_tokens=3),
)


def client(body, content_type="text/event-stream", status=200, size=0):
    def chunks():
        for start in range(0, len(body), size):
            yield body[start : start + size]

    def answer(request):
        content = chunks() if size else body
        return httpx2.Response(status, headers={"content-type": content_type}, content=content)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return anthropic.Anthropic(api_key="k", base_url="http://gateway.test", http_client=http, max_retries=0)


def written(events, context=CONTEXT):
    encoder = DIALECT.stream_encoder(context)
    return b"".join([encoder.feed(event) for event in events]) + encoder.close()


def streamed(body, size=0):
    with client(body, size=size).messages.stream(**ASK) as stream:
        return stream.get_final_message()


def whole(body):
    return client(body, "application/json").messages.create(**ASK)


def shown(message):
    return [block.to_dict() for block in message.content]


@pytest.mark.parametrize("size", [0, 1, 7, 1000])
def test_stream_and_whole_are_the_same_message(size):
    """`size` cuts the body: characters of several bytes fall apart at 1 and 7."""
    stream = streamed(written(unfold(REPLY)), size)
    message = whole(DIALECT.encode_response(REPLY, CONTEXT))
    assert shown(stream) == shown(message)
    assert (stream.stop_reason, stream.id, stream.model) == ("tool_use", "msg_own", "shown")
    for usage in (stream.usage, message.usage):
        assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (20, 80, 12)
    calls = [block for block in stream.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"path": "a", "n": 1}, {}, {"_raw": '{"oops'}]
    assert stream.content[0].signature == ""


@pytest.mark.parametrize("name", ["anthropic_tools.sse", "anthropic_server_tools.sse", "vllm.sse"])
def test_a_recording_reads_the_same_after_translation(name):
    """What the SDK makes of an upstream's stream is what it makes of ours, but for empty text blocks."""
    body = (GOLDEN / name).read_bytes()
    splitter, decoder = SseSplitter(), DIALECT.stream_decoder(Profile())
    events = [made for event in splitter.feed(body) for made in decoder.feed(event)]
    before, after = streamed(body), streamed(written(events + decoder.close()))
    kept = [{**block, "citations": None} if block["type"] == "text" else block for block in shown(before)]
    kept = [{k: v for k, v in block.items() if k != "caller"} for block in kept if block.get("text") != ""]
    ours = [{**block, "citations": None} if block["type"] == "text" else block for block in shown(after)]
    assert ours == kept
    assert after.stop_reason == before.stop_reason
    assert after.usage.output_tokens == before.usage.output_tokens
    cached = [usage.cache_read_input_tokens or 0 for usage in (after.usage, before.usage)]
    assert after.usage.input_tokens == before.usage.input_tokens
    assert cached[0] == cached[1]


def test_every_event_is_of_a_known_type():
    events = [
        Started("msg_1", "m"),
        BlockStart(0, Reasoning()),
        Delta(0, "t"),
        Sealed(0, "sig"),
        BlockStop(0),
        BlockStart(1, Reasoning(encrypted="d", redacted=True)),
        BlockStop(1),
        Finished("refusal", None, "cyber"),
        UsageReport(Usage(5, output_tokens=1)),
    ]
    message = streamed(written(events))
    assert [block.type for block in message.content] == ["thinking", "redacted_thinking"]
    assert message.content[0].signature == "sig"
    assert message.stop_details is not None
    assert message.stop_details.category == "cyber"


def test_errors_reach_the_caller():
    stream = written(
        [Started("", ""), BlockStart(0, Text("")), Delta(0, "x"), Failed("Overloaded", "overloaded_error")]
    )
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        streamed(stream)
    late = written([Started("", "")])[:-1] + b"\n"
    with pytest.raises(anthropic.APIStatusError, match="before the reply was complete"):
        streamed(late)
    event = DIALECT.error_event(BudgetExceeded("the budget is spent"), "req_1")
    with pytest.raises(anthropic.APIStatusError, match="budget is spent"):
        streamed(event)
    error = MalformedRequest("wrong", where="$.model")
    with pytest.raises(anthropic.BadRequestError) as caught:
        client(DIALECT.error_body(error, "req_1"), "application/json", 400).messages.create(**ASK)
    assert caught.value.body["error"]["type"] == "invalid_request_error"


def test_keepalives_comments_and_terminal_are_harmless():
    body = written(unfold(REPLY))
    first, rest = body.split(b"\n\n", 1)
    message = streamed(first + b"\n\n" + DIALECT.keepalive + b": note\n\n" + rest + b": statement\n\n")
    assert len(message.content) == 5
    cut = body[: body.rindex(b"event: message_stop")]
    assert shown(streamed(cut + DIALECT.terminal)) == shown(message)


def test_count_tokens():
    answer = client(DIALECT.count_body(17), "application/json").messages.count_tokens(
        model="m", messages=ASK["messages"]
    )
    assert answer.input_tokens == 17
