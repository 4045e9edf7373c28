"""Events of a Responses stream for tests, and what the decoder makes of them."""

from __future__ import annotations

import json
from typing import Any

from gateway.dialects._responses_stream_in import Decoder
from gateway.ir.events import Event, Response, fold

CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "gpt", "created_at": 7, "output": []}}
USAGE = {"input_tokens": 10, "output_tokens": 3}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "run"}


def frame(event: dict[str, Any]) -> bytes:
    return b"event: " + event["type"].encode() + b"\ndata: " + json.dumps(event).encode() + b"\n\n"


def completed(output: Any = None, kind: str = "completed", **more: Any) -> dict[str, Any]:
    reply = {"id": "resp_1", "status": kind, "output": output or [], "usage": USAGE, **more}
    return {"type": f"response.{kind}", "response": reply}


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
