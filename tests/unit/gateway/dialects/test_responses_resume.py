"""A Responses stream that goes on: the same ids, rising numbers, and a terminal event that holds all of it."""

import json

import pytest

from gateway.dialects._responses_resume import OPEN
from gateway.dialects.contract import ReplyContext
from gateway.dialects.responses import DIALECT
from gateway.ir.events import BlockStart, BlockStop, Delta, Finished, UsageReport
from gateway.ir.request import Text
from gateway.ir.usage import Usage

CONTEXT = ReplyContext(reply_id="ours", model="asked", created_s=5)


def sse(*events):
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in numbered)


CREATED = {"type": "response.created", "response": {"id": "resp_1", "created_at": 3, "model": "theirs"}}
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": []}
ITEM = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
ADDED = {"type": "response.output_item.added", "output_index": 0, "item": ITEM}
PART = {"type": "response.content_part.added", "item_id": "msg_1", "output_index": 0, "content_index": 0, "part": {}}
SAID = {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "One"}
PART_DONE = {"type": "response.content_part.done", "item_id": "msg_1", "output_index": 0, "content_index": 0}
DONE = {"type": "response.output_item.done", "output_index": 0, "item": {**ITEM, "status": "completed"}}


def events(data):
    return [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: ")]


def test_the_open_item_is_gone_on_with():
    encoder, open_text = DIALECT.resumed(CONTEXT, sse(CREATED, ADDED, PART, SAID))
    assert open_text == OPEN
    data = encoder.feed(Delta(OPEN, " two")) + encoder.feed(BlockStop(OPEN))
    data += encoder.feed(UsageReport(Usage(3, output_tokens=4))) + encoder.feed(Finished("stop")) + encoder.close()
    found = events(data)
    assert [e["sequence_number"] for e in found] == list(range(4, 4 + len(found)))
    assert {e["item_id"] for e in found if "item_id" in e} == {"msg_1"}
    whole = found[-1]["response"]
    assert (whole["id"], whole["model"], whole["created_at"], whole["status"]) == ("resp_1", "theirs", 3, "completed")
    assert whole["output"][0]["content"][0]["text"] == "One two"
    assert whole["usage"]["output_tokens"] == 4


def test_finished_items_are_part_of_the_whole():
    thought = [
        {"type": "response.output_item.added", "output_index": 0, "item": THOUGHT},
        {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT},
    ]
    said = [{**event, "output_index": 1} for event in (ADDED, PART, SAID)]
    encoder, open_text = DIALECT.resumed(CONTEXT, sse(CREATED, *thought, *said))
    assert open_text == OPEN
    found = events(encoder.feed(Finished("stop")) + encoder.close())
    assert [item["type"] for item in found[-1]["response"]["output"]] == ["reasoning", "message"]


def test_between_items_a_new_one_is_begun():
    encoder, open_text = DIALECT.resumed(CONTEXT, sse(CREATED, ADDED, PART, SAID, PART_DONE, DONE))
    assert open_text is None
    found = events(encoder.feed(BlockStart(0, Text(""))) + encoder.feed(Delta(0, "more")))
    assert found[0]["type"] == "response.output_item.added"
    assert found[0]["output_index"] == 1


@pytest.mark.parametrize(
    "delivered",
    [
        b"",
        sse(ADDED, PART, SAID),
        sse(CREATED, ADDED),
        sse(CREATED, ADDED, PART, SAID, PART_DONE),
        sse(CREATED, ADDED, PART, SAID, {**PART, "content_index": 1}),
        sse(CREATED, {**ADDED, "item": THOUGHT}),
        sse(CREATED, {**ADDED, "output_index": 3}, PART, SAID),
        sse(CREATED, ADDED, PART, SAID, {"type": "response.failed", "response": {}}),
    ],
)
def test_what_cannot_be_gone_on_with(delivered):
    assert DIALECT.resumed(CONTEXT, delivered) is None
