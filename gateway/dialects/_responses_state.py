"""Pure helpers for stored responses: `previous_response_id`, `GET /v1/responses/{id}`, `/input_items`, `/input_tokens`.

The gateway keeps responses itself and sends whole histories upstream, so that a session can move between vendors. Items are
kept as the client's and the upstream's own bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.dialects._responses_json import BAD, encode, minted, parsed, understood
from gateway.dialects._responses_read import items_of, top_level
from gateway.wire import splice
from gateway.wire.sse import data_of

IMAGE_TOKENS: Final = 765
"""Estimate for one picture: OpenAI's count for 1024 x 1024 in high detail (4 tiles of 170 and a base of 85)."""
ITEM_TOKENS: Final = 4
"""Estimate of the frame around one item (role, separators), as in OpenAI's counting recipe for chat."""


class Stored(msgspec.Struct, frozen=True):
    """One stored response. `input` is the whole history it answered, `response` the object that the client saw."""

    response: msgspec.Raw
    input: list[msgspec.Raw]

    def history(self) -> list[bytes]:
        """Raw items that the next request continues."""
        return [*map(bytes, self.input), *output_items(bytes(self.response))]


class _Output(msgspec.Struct):
    output: list[msgspec.Raw] | None = None


class _Terminal(msgspec.Struct):
    type: str | None = None
    response: msgspec.Raw | None = None


_output: Final = msgspec.json.Decoder(_Output)
_terminal: Final = msgspec.json.Decoder(_Terminal)
_stored: Final = msgspec.json.Decoder(Stored)
_any: Final = msgspec.json.Decoder()


def input_items(body: bytes) -> list[bytes]:
    """The raw input items of a request; a string input is one user message. MalformedRequest as from `read`."""
    return [bytes(raw) for raw in items_of(top_level(body))[0]]


def output_items(response: bytes) -> list[bytes]:
    """The raw output items of a response object; UpstreamProtocol if it is none."""
    return [bytes(raw) for raw in understood(_output, response, "the response").output or []]


def with_history(body: bytes, items: Sequence[bytes]) -> bytes:
    """The request with the raw `items` before its own input and without previous_response_id; the rest as it was."""
    array = b"[" + b",".join([*items, *input_items(body)]) + b"]"
    return splice.splice(body, {"input": array, "previous_response_id": None})


def stored_response(body: bytes, response: bytes) -> bytes:
    """The record to keep for a request (history already resolved) and the response object it got."""
    inputs = [msgspec.Raw(item) for item in input_items(body)]
    return encode(Stored(msgspec.Raw(response), inputs))


def load_stored(record: bytes) -> Stored:
    return _stored.decode(record)


def final_response(event: bytes) -> bytes | None:
    """The response object of a terminal SSE event (completed, incomplete, failed); None for any other event."""
    if b"response." not in event:
        return None
    data = data_of(event)
    if data is None:
        return None
    try:
        told = _terminal.decode(data)
    except BAD:
        return None
    if told.type in ("response.completed", "response.incomplete", "response.failed") and told.response is not None:
        return bytes(told.response)
    return None


def input_list(stored: Stored, *, limit: int = 20, after: str | None = None, descending: bool = True) -> bytes:
    """The answer of `GET /v1/responses/{id}/input_items`: newest first unless told otherwise, at most `limit` items after
    the one named. Items that came without an id get one that stays the same."""
    items = [_with_id(bytes(raw), index) for index, raw in enumerate(stored.input)]
    if descending:
        items.reverse()
    if after is not None:
        places = [index for index, (name, _) in enumerate(items) if name == after]
        items = items[places[0] + 1 :] if places else []
    page = items[: max(1, limit)]
    return encode(
        {
            "object": "list",
            "data": [msgspec.Raw(raw) for _, raw in page],
            "first_id": page[0][0] if page else None,
            "last_id": page[-1][0] if page else None,
            "has_more": len(items) > len(page),
        }
    )


_PREFIXES: Final = {
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "reasoning": "rs_",
}


def _with_id(raw: bytes, index: int) -> tuple[str, bytes]:
    item = _any.decode(raw)
    if isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"]:
        return item["id"], raw
    kind = str(item.get("type") or "message") if isinstance(item, dict) else "message"
    name = minted(_PREFIXES.get(kind, "msg_"), index, raw.decode("utf-8", "replace"))
    return name, splice.splice(raw, {"id": encode(name)})


# --- counting ----------------------------------------------------------------------------------------------------

_TEXT_KEYS: Final = frozenset({"text", "arguments", "input", "output", "refusal", "name", "content", "summary"})


def countable(body: bytes) -> tuple[list[bytes], int]:
    """(texts to count, tokens to add): every text the model would read, tools as their JSON, and estimates for pictures
    and for the frame of each item. MalformedRequest as from `read`."""
    found = top_level(body)
    texts: list[bytes] = []
    extra = 0
    instructions = found.get("instructions")
    if instructions is not None:
        _gather(parsed(_any, instructions, "$.instructions"), texts)
    for index, raw in enumerate(items_of(found)[0]):
        extra += ITEM_TOKENS
        extra += IMAGE_TOKENS * _gather(parsed(_any, raw, f"$.input[{index}]"), texts)
    tools = found.get("tools")
    if tools is not None:
        texts += [bytes(raw) for raw in parsed(_tools, tools, "$.tools") or []]
    return texts, extra


_tools: Final = msgspec.json.Decoder(list[msgspec.Raw] | None)


def _gather(value: Any, texts: list[bytes]) -> int:
    """Collects the texts in `value`; the number of pictures found."""
    pictures = 0
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            texts.append(value.encode("utf-8", "replace"))
        elif isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict):
            pictures += value.get("type") in ("input_image", "computer_screenshot")
            waiting += [value[key] for key in reversed(value) if key in _TEXT_KEYS]
    return pictures


__all__ = [
    "Stored",
    "countable",
    "final_response",
    "input_items",
    "input_list",
    "load_stored",
    "output_items",
    "stored_response",
    "with_history",
]
