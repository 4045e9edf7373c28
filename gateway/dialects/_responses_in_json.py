"""The JSON of a Responses reply as servers tell it: events, items, parts, the response object. Lenient on purpose: only what
is used is named, and everything may be missing.

Source: openai 3.52 `types/responses/*_event.py`; what other servers leave out, in `_responses_stream_in`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._responses_read import UsageJson
from gateway.dialects._shared import RAW_NULL, Bad, understood


class ErrorJson(msgspec.Struct):
    message: str | None = None
    code: str | int | None = None
    type: str | None = None


class IncompleteJson(msgspec.Struct):
    reason: str | None = None


class ReplyJson(msgspec.Struct):
    """The response object."""

    id: str | None = None
    model: str | None = None
    created_at: float | None = None
    status: str | None = None
    error: ErrorJson | str | None = None
    incomplete_details: IncompleteJson | None = None
    output: list[msgspec.Raw] | None = None
    usage: UsageJson | None = None


class EventJson(msgspec.Struct):
    """Any event. Values that only some events have stay raw until one asks for them."""

    type: str | None = None
    response: msgspec.Raw = RAW_NULL
    item: msgspec.Raw = RAW_NULL
    part: msgspec.Raw = RAW_NULL
    annotation: msgspec.Raw = RAW_NULL
    error: msgspec.Raw = RAW_NULL
    item_id: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    delta: msgspec.Raw = RAW_NULL
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    message: str | None = None
    code: str | int | None = None


class PartJson(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    annotations: list[msgspec.Raw] | None = None


class ItemJson(msgspec.Struct):
    """What items of all kinds have."""

    type: str | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None


class MessageJson(msgspec.Struct):
    content: str | list[PartJson] | None = None


class CallJson(msgspec.Struct):
    arguments: str | None = None
    input: str | None = None


class ReasoningJson(msgspec.Struct):
    summary: list[PartJson] | None = None
    content: list[PartJson] | None = None
    encrypted_content: str | None = None


an_event: Final = msgspec.json.Decoder(EventJson)
a_reply: Final = msgspec.json.Decoder(ReplyJson)
an_item: Final = msgspec.json.Decoder(ItemJson)
a_part: Final = msgspec.json.Decoder(PartJson | None)
a_message: Final = msgspec.json.Decoder(MessageJson)
a_call: Final = msgspec.json.Decoder(CallJson)
a_reasoning: Final = msgspec.json.Decoder(ReasoningJson)
an_error: Final = msgspec.json.Decoder(ErrorJson | str | None)
_string: Final = msgspec.json.Decoder(str | None)
_json: Final = msgspec.json.Decoder()


def delta_of(told: EventJson) -> str:
    return understood(_string, told.delta, "a delta") or ""


def same_json(one: str, other: str) -> bool:
    """Whether two texts are the same value, spelled differently perhaps; False for what is no JSON."""
    try:
        left: Any = _json.decode(one)
        return bool(left == _json.decode(other))
    except (*Bad, UnicodeEncodeError):
        return False


def same_item(one: bytes, other: bytes) -> bool:
    """But for its status, which changes while it is streamed."""
    first, second = _json.decode(one), _json.decode(other)
    return bool({**first, "status": None} == {**second, "status": None})
