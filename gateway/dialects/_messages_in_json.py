"""The JSON of a Messages reply as servers tell it: events, blocks, deltas, the message. Lenient on purpose: only what is
used is named, and everything may be missing.

Source: anthropic 2.11 `RawMessageStreamEvent`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._messages_json import NONE
from gateway.dialects._messages_usage import WireUsage


class StopDetailsJson(msgspec.Struct):
    category: str | None = None
    explanation: str | None = None


class DeltaJson(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: msgspec.Raw = NONE
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetailsJson | None = None


class ErrorDetailsJson(msgspec.Struct):
    error_code: str | None = None


class ErrorJson(msgspec.Struct):
    type: str | None = None
    message: str | None = None
    code: str | int | None = None
    details: ErrorDetailsJson | None = None


class MessageJson(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    content: list[msgspec.Raw] | None = None
    usage: WireUsage | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetailsJson | None = None
    type: str | None = None
    error: msgspec.Raw = NONE


class EventJson(msgspec.Struct):
    type: str | None = None
    index: int | None = None
    message: msgspec.Raw = NONE
    content_block: msgspec.Raw = NONE
    delta: msgspec.Raw = NONE
    usage: WireUsage | None = None
    error: msgspec.Raw = NONE


class BlockJson(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: msgspec.Raw = NONE
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = NONE
    citations: msgspec.Raw = NONE


an_event: Final = msgspec.json.Decoder(EventJson)
a_message: Final = msgspec.json.Decoder(MessageJson)
a_block: Final = msgspec.json.Decoder(BlockJson)
a_delta: Final = msgspec.json.Decoder(DeltaJson)
an_error: Final = msgspec.json.Decoder(ErrorJson)
a_text: Final = msgspec.json.Decoder(str)
an_object: Final[msgspec.json.Decoder[dict[str, Any]]] = msgspec.json.Decoder(dict[str, Any])
citations: Final[msgspec.json.Decoder[list[msgspec.Raw]]] = msgspec.json.Decoder(list[msgspec.Raw])
