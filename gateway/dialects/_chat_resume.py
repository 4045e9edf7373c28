"""An encoder that goes on with a chat stream where another one stopped: the same id, time and model on every chunk, no
second role."""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.dialects._chat_stream_out import ChatEncoder
from gateway.dialects._shared import encode
from gateway.dialects.contract import ReplyContext, Resumed
from gateway.wire.sse import SseSplitter, data_of


class _Chunk(msgspec.Struct):
    id: str = ""
    created: int | None = None
    model: str = ""
    choices: list[msgspec.Raw] = []


_decode: Final = msgspec.json.Decoder(_Chunk).decode


def resumed(context: ReplyContext, delivered: bytes) -> Resumed | None:
    """See ClientDialect.resumed."""
    for event in SseSplitter().feed(delivered):
        data = data_of(event)
        if data and data != b"[DONE]":
            return Resumed(_Resuming(context, _decode(data)), None)
    return None


class _Resuming(ChatEncoder):
    def __init__(self, context: ReplyContext, first: _Chunk) -> None:
        super().__init__(context)
        self._role = b""
        self._head = (
            b'data: {"id":' + encode(first.id)
            + b',"object":"chat.completion.chunk","created":' + encode(first.created or context.created_s)
            + b',"model":' + encode(first.model or context.model)
            + b',"choices":[{"index":0,"delta":{'
        )  # fmt: skip
        self._tail = b',"usage":null}\n\n' if context.include_usage else b"}\n\n"
