"""A Messages stream that goes on: the open block stays open, and indices go on from what the client has."""

import json

import pytest

from gateway.dialects._messages_resume import OPEN
from gateway.dialects.contract import ReplyContext
from gateway.dialects.messages import DIALECT
from gateway.ir.events import BlockStart, BlockStop, Delta, Finished, UsageReport
from gateway.ir.request import Text, ToolCall
from gateway.ir.usage import Usage

CONTEXT = ReplyContext(reply_id="ours", model="asked", created_s=5)


def sse(*events):
    return b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)


START = {"type": "message_start", "message": {"id": "msg_1"}}
TEXT = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
SAID = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "One"}}
STOP = {"type": "content_block_stop", "index": 0}
THINKS = {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}
SECOND = {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}


def events(data):
    return [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: ")]


def test_the_open_block_is_gone_on_with():
    encoder, open_text = DIALECT.resumed(CONTEXT, sse(START, {"type": "ping"}, TEXT, SAID))
    assert open_text == OPEN
    data = encoder.feed(Delta(OPEN, " two")) + encoder.feed(BlockStop(OPEN))
    data += encoder.feed(BlockStart(1, ToolCall("c", "run", "{}"))) + encoder.feed(BlockStop(1))
    data += (
        encoder.feed(UsageReport(Usage(3, output_tokens=4))) + encoder.feed(Finished("tool_calls")) + encoder.close()
    )
    found = events(data)
    assert [(e["type"], e.get("index")) for e in found] == [
        ("content_block_delta", 0), ("content_block_stop", 0), ("content_block_start", 1), ("content_block_delta", 1),
        ("content_block_stop", 1), ("message_delta", None), ("message_stop", None),
    ]  # fmt: skip
    assert found[-2]["usage"]["output_tokens"] == 4


@pytest.mark.parametrize(
    ("delivered", "index"),
    [(sse(START, TEXT, SAID, STOP), 1), (sse(START, THINKS, STOP, SECOND, {**STOP, "index": 1}), 2)],
)
def test_between_blocks_a_new_one_is_opened(delivered, index):
    encoder, open_text = DIALECT.resumed(CONTEXT, delivered)
    assert open_text is None
    found = events(encoder.feed(BlockStart(0, Text(""))) + encoder.feed(Delta(0, "more")))
    assert [(e["type"], e["index"]) for e in found] == [("content_block_start", index), ("content_block_delta", index)]


@pytest.mark.parametrize(
    "delivered",
    [
        b"",
        sse(TEXT, SAID),
        sse(START, THINKS),
        sse(START, TEXT, SAID, STOP, {"type": "message_delta", "delta": {}}),
        sse(START, TEXT, SECOND),
        sse(START, {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}}),
    ],
)
def test_what_cannot_be_gone_on_with(delivered):
    assert DIALECT.resumed(CONTEXT, delivered) is None


def test_where_no_usage_is_told_what_was_said_is_counted_not_its_frames():
    more = [{**SAID, "delta": {"type": "text_delta", "text": "ab"}}] * 18
    encoder, _ = DIALECT.resumed(CONTEXT, sse(START, TEXT, SAID, *more))
    data = encoder.feed(Delta(OPEN, "z")) + encoder.feed(BlockStop(OPEN)) + encoder.feed(Finished("stop"))
    (told,) = [e for e in events(data + encoder.close()) if e["type"] == "message_delta"]
    assert told["usage"]["output_tokens"] == 10  # 3 + 36 + 1 characters, four to a token
