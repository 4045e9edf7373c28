"""What a client reads of a Responses stream, for tests of those who write it."""

from __future__ import annotations

import json
from typing import Any

from gateway.dialects._responses_decode import decode_request
from gateway.dialects._responses_stream_out import Encoder
from gateway.dialects.contract import ReplyContext
from gateway.ir.events import Event, Started
from gateway.wire.sse import SseSplitter, data_of, name_of

CONTEXT = ReplyContext(reply_id="a1", model="auto", created_s=5)
START = Started("chatcmpl-1", "up")
CODEX = decode_request(
    json.dumps(
        {
            "model": "auto",
            "input": "x",
            "tools": [
                {"type": "function", "name": "run"},
                {"type": "custom", "name": "apply_patch"},
                {
                    "type": "namespace",
                    "name": "agents",
                    "description": "",
                    "tools": [{"type": "function", "name": "spawn"}],
                },
            ],
        }
    ).encode()
)
CODEX_CONTEXT = ReplyContext(reply_id="a1", model="auto", created_s=5, request=CODEX)


def sent(events: list[Event], context: ReplyContext = CONTEXT) -> list[dict[str, Any]]:
    """The events as the client reads them; checks what holds for every stream."""
    encoder = Encoder(context)
    raw = b"".join([*map(encoder.feed, events), encoder.close()])
    splitter = SseSplitter()
    frames = splitter.feed(raw)
    assert splitter.close() == b""
    out = []
    for number, frame in enumerate(frames):
        data = data_of(frame)
        assert data is not None
        event = json.loads(data)
        assert name_of(frame) == event["type"].encode()
        assert event["sequence_number"] == number
        out.append(event)
    assert [e["type"] for e in out[:2]] == ["response.created", "response.in_progress"]
    assert out[-1]["type"] in ("response.completed", "response.incomplete", "response.failed")
    assert b"[DONE]" not in raw
    finished = [e["item"] for e in out if e["type"] == "response.output_item.done"]
    assert out[-1]["response"]["output"] == finished
    places = [e["output_index"] for e in out if e["type"] == "response.output_item.added"]
    assert places == list(range(len(places)))
    return out


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events[2:]]
