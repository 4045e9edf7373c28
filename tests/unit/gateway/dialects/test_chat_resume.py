"""A chat stream that goes on looks like the one it goes on with."""

import json

from gateway.dialects.chat import DIALECT
from gateway.dialects.contract import ReplyContext
from gateway.ir.events import BlockStart, BlockStop, Delta, Finished, Started, UsageReport
from gateway.ir.request import Text
from gateway.ir.usage import Usage

CONTEXT = ReplyContext(reply_id="ours", model="asked", created_s=5)
DELIVERED = (
    b': a comment\n\ndata: {"id":"gen-7","object":"chat.completion.chunk","created":3,"model":"theirs","choices":[{"index":0,'
    b'"delta":{"role":"assistant","content":""}}]}\n\ndata: {"id":"gen-7","created":3,"model":"theirs","choices":[{"index":0,'
    b'"delta":{"content":"One"}}]}\n\n'
)


def values(data):
    return [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: {")]


def test_the_same_id_time_and_model_and_no_second_role():
    resumed = DIALECT.resumed(CONTEXT, DELIVERED)
    assert resumed is not None
    encoder, open_text = resumed
    assert open_text is None
    events = [Started("other", "m", 9), BlockStart(0, Text("")), Delta(0, " two"), BlockStop(0)]
    data = (
        b"".join(map(encoder.feed, [*events, UsageReport(Usage(4, output_tokens=2)), Finished("stop")]))
        + encoder.close()
    )
    found = values(data)
    assert {(v["id"], v["created"], v["model"]) for v in found} == {("gen-7", 3, "theirs")}
    assert not any("role" in c["delta"] for v in found for c in v["choices"])
    assert "".join(c["delta"].get("content") or "" for v in found for c in v["choices"]) == " two"
    assert found[-1]["usage"]["completion_tokens"] == 2
    assert data.endswith(b"data: [DONE]\n\n")


def test_nothing_can_go_on_with_nothing():
    assert DIALECT.resumed(CONTEXT, b"") is None
    assert DIALECT.resumed(CONTEXT, b": only a comment\n\n") is None
