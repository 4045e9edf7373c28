"""An encoder that goes on with a Responses stream where another one stopped: the same response and item ids, sequence
numbers that rise, and a terminal event that holds the whole output."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._responses_out_message import SpokenWriter
from gateway.dialects._responses_reply import Frame
from gateway.dialects._responses_stream_out import Encoder
from gateway.dialects.contract import ReplyContext, Resumed
from gateway.wire.sse import SseSplitter, data_of

OPEN: Final = -1
"""Index by which the encoder knows the block that was open: none that a decoder gives."""


class _Head(msgspec.Struct):
    id: str = ""
    created_at: float | None = None
    model: str = ""


class _Item(msgspec.Struct):
    type: str = ""
    id: str = ""


class _Event(msgspec.Struct):
    type: str = ""
    sequence_number: int = 0
    output_index: int = 0
    content_index: int = 0
    item_id: str = ""
    delta: Any = ""
    item: msgspec.Raw = msgspec.Raw(b"")
    response: msgspec.Raw = msgspec.Raw(b"")


_decode: Final = msgspec.json.Decoder(_Event).decode
_head: Final = msgspec.json.Decoder(_Head).decode
_item: Final = msgspec.json.Decoder(_Item).decode


class _Seen:
    """What the client has been shown."""

    def __init__(self) -> None:
        self.head: _Head | None = None
        self.sequence = -1
        self.output: list[msgspec.Raw] = []
        self.item: _Item | None = None
        self.at: dict[str, Any] | None = None
        self.text: list[str] = []
        self.spoiled = False
        """The open item is in a state that cannot be gone on with; that is over with the item."""
        self.broken = False

    def take(self, event: _Event) -> None:
        self.sequence = max(self.sequence, event.sequence_number)
        match event.type:
            case "response.created":
                self.head = _head(event.response)
            case "response.output_item.added":
                self.item, self.at, self.text = _item(event.item), None, []
                self.broken |= event.output_index != len(self.output)
            case "response.output_item.done":
                self.output.append(msgspec.Raw(bytes(event.item)))
                self.item, self.at, self.spoiled = None, None, False
            case "response.content_part.added":
                self.spoiled |= self.at is not None  # a second part
                self.at = {
                    "item_id": event.item_id,
                    "output_index": event.output_index,
                    "content_index": event.content_index,
                }
            case "response.output_text.delta":
                self.text.append(str(event.delta))
            case "response.content_part.done" | "response.output_text.annotation.added":
                self.spoiled = True  # closed, or marked with what the end of the item would have to repeat
            case "response.completed" | "response.incomplete" | "response.failed" | "error":
                self.broken = True


def resumed(context: ReplyContext, delivered: bytes) -> Resumed | None:
    """See ClientDialect.resumed."""
    seen = _Seen()
    for raw in SseSplitter().feed(delivered):
        if data := data_of(raw):
            seen.take(_decode(data))
    if seen.head is None or seen.broken or seen.spoiled:
        return None
    if seen.item is not None and (seen.item.type != "message" or seen.at is None):
        return None
    return Resumed(_Resuming(context, seen.head, seen), OPEN if seen.item is not None else None)


class _Resuming(Encoder):
    def __init__(self, context: ReplyContext, head: _Head, seen: _Seen) -> None:
        super().__init__(context)
        created = None if head.created_at is None else int(head.created_at)
        shown = ReplyContext(
            reply_id=head.id,
            model=head.model or context.model,
            created_s=context.created_s,
            include_usage=context.include_usage,
            input_tokens_estimate=context.input_tokens_estimate,
            custom_tools=context.custom_tools,
            namespaces=context.namespaces,
            request=context.request,
        )
        self._out.context = shown
        self._out.frame = Frame(head.id, shown, created)
        self._out.sequence = seen.sequence + 1
        self._out.items = list(seen.output)
        if seen.at is not None:
            self._writer, self._current = SpokenWriter.resumed(self._out, seen.at, seen.text), OPEN
