"""An encoder that goes on with a Messages stream where another one stopped: the open text block stays open, indices go
on."""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.dialects._messages_stream_out import MessagesEncoder
from gateway.dialects.contract import ReplyContext, Resumed
from gateway.wire.sse import SseSplitter, data_of

OPEN: Final = -1
"""Index by which the encoder knows the block that was open: none that a decoder gives."""


class _Block(msgspec.Struct):
    type: str = ""


class _Delta(msgspec.Struct):
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    content_block: _Block | None = None
    delta: _Delta | None = None


_decode: Final = msgspec.json.Decoder(_Event).decode


def resumed(context: ReplyContext, delivered: bytes) -> Resumed | None:
    """See ClientDialect.resumed."""
    blocks = said = 0
    open_: dict[int, str] = {}
    started = False
    for raw in SseSplitter().feed(delivered):
        event = _decode(data_of(raw) or b"{}")
        match event.type:
            case "message_start":
                started = True
            case "content_block_start" if event.content_block is not None:
                blocks = max(blocks, event.index + 1)
                open_[event.index] = event.content_block.type
            case "content_block_delta" if event.delta is not None:
                said += len(event.delta.text) + len(event.delta.thinking) + len(event.delta.partial_json)
            case "content_block_stop":
                open_.pop(event.index, None)
            case "message_delta" | "message_stop" | "error":
                return None
    if not started or list(open_) not in ([], [blocks - 1]) or any(kind != "text" for kind in open_.values()):
        return None
    return Resumed(_Resuming(context, blocks, bool(open_), said), OPEN if open_ else None)


class _Resuming(MessagesEncoder):
    def __init__(self, context: ReplyContext, blocks: int, text_open: bool, said: int) -> None:
        super().__init__(context)
        self._started = True
        self._next = blocks
        self._sent_bytes = said
        if text_open:
            self._open, self._lazy[OPEN] = OPEN, "text"
