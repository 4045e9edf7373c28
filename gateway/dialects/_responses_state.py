"""Pure helpers for stored responses (`previous_response_id`, `/input_items`) and for `/input_tokens`.

The gateway keeps responses itself and sends whole histories upstream, so that a session can move between vendors. Items are
kept as the client's and the upstream's own bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.dialects._responses_read import items_of, top_level
from gateway.dialects._shared import parsed, understood
from gateway.errors import UpstreamProtocol
from gateway.wire import splice

IMAGE_TOKENS: Final = 765
"""Estimate for one picture: OpenAI's count for 1024 x 1024 in high detail (4 tiles of 170 and a base of 85)."""
ITEM_TOKENS: Final = 4
"""Estimate of the frame around one item (role, separators), as in OpenAI's counting recipe for chat."""


class _Output(msgspec.Struct):
    id: str | None = None
    output: list[msgspec.Raw] | None = None


_output: Final = msgspec.json.Decoder(_Output)
_any: Final = msgspec.json.Decoder()


def input_items(body: bytes) -> list[bytes]:
    """The raw input items of a request; a string input is one user message. MalformedRequest as from `read`."""
    return [bytes(raw) for raw in items_of(top_level(body))[0]]


def output_items(response: bytes) -> list[bytes]:
    """The raw output items of a response object; UpstreamProtocol if it is none."""
    return [bytes(raw) for raw in understood(_output, response, "the response").output or []]


def response_id(response: bytes) -> str:
    """The id of a response object, under which it can be continued; UpstreamProtocol if it has none."""
    return understood(_output, response, "the response").id or _nameless()


def _nameless() -> str:
    raise UpstreamProtocol("the response has no id")


def with_history(body: bytes, items: Sequence[bytes]) -> bytes:
    """The request with the raw `items` before its own input and without previous_response_id; the rest as it was."""
    array = b"[" + b",".join([*items, *input_items(body)]) + b"]"
    return splice.splice(body, {"input": array, "previous_response_id": None})


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


__all__ = ["countable", "input_items", "output_items", "response_id", "with_history"]
