"""Events of a Messages stream for tests, and what the decoder makes of them."""

from pathlib import Path

import msgspec

from gateway.dialects._messages_stream_in import MessagesDecoder
from gateway.ir.events import Response, fold
from gateway.wire.sse import SseSplitter

GOLDEN = Path(__file__).parents[1] / "golden/dialects/messages"


def sse(*payloads, named=True):
    return [
        (f"event: {p['type']}\n".encode() if named else b"") + b"data: " + msgspec.json.encode(p) + b"\n\n"
        for p in payloads
    ]


def run(events, close=True):
    decoder = MessagesDecoder()
    out = [made for event in events for made in decoder.feed(event)]
    return out + decoder.close() if close else out


START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "m", "content": [], "usage": {"input_tokens": 5, "output_tokens": 1}},
}
END = (
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
)


def start(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, kind, **fields):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index):
    return {"type": "content_block_stop", "index": index}


def whole(*payloads):
    folded = fold(run(sse(START, *payloads, *END)))
    assert isinstance(folded, Response)
    return folded


def golden(name):
    """The events of a recording."""
    splitter = SseSplitter()
    return [*splitter.feed((GOLDEN / name).read_bytes()), splitter.close()]
