"""The output of a Responses stream while it is written: events get their numbers, items their places and ids. And the shape
of a writer of one item, of which there is one for each kind (`_responses_out_message`, `_responses_out_calls`,
`_responses_out_reasoning`)."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.dialects._responses_reply import Frame, item_id, reply_id, sse
from gateway.dialects._shared import one_line
from gateway.dialects.contract import ReplyContext
from gateway.ir.events import Event


class Output:
    """What the client has been told. `items` are the finished ones; `frame` is made with the first event."""

    __slots__ = ("context", "frame", "items", "refused", "sequence")

    def __init__(self, context: ReplyContext) -> None:
        self.context = context
        self.frame: Frame | None = None
        self.sequence = 0
        self.items: list[Any] = []
        self.refused = False

    def emit(self, kind: str, fields: dict[str, Any]) -> bytes:
        payload = {"type": kind, "sequence_number": self.sequence, **fields}
        self.sequence += 1
        return sse(kind, payload)

    @property
    def response_id(self) -> str:
        return self.frame.id if self.frame else reply_id("", self.context)

    def place(self) -> int:
        """Index of the item that is being written."""
        return len(self.items)

    def new_id(self, prefix: str, told: str | None = None) -> str:
        """The id that was `told` where it can be one of this dialect, else a new one."""
        if told and told.startswith(prefix) and len(told) <= 64:
            return told
        return item_id(prefix, self.response_id, self.place())

    def keep(self, item: Any) -> int:
        """Stores a finished item; its place in the output."""
        self.items.append(item)
        return len(self.items) - 1


class Writer:
    """One block. The base writes nothing."""

    def __init__(self, out: Output) -> None:
        self.out = out

    def begin(self) -> bytes:
        return b""

    def add(self, event: Event) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""


class OwnItemWriter(Writer):
    """An item of this dialect that passes through as it is."""

    def __init__(self, out: Output, raw: bytes) -> None:
        super().__init__(out)
        self._item = msgspec.Raw(one_line(raw))

    def begin(self) -> bytes:
        fields = {"output_index": self.out.place(), "item": self._item}
        added = self.out.emit("response.output_item.added", fields)
        self.out.keep(self._item)
        return added + self.out.emit("response.output_item.done", fields)
