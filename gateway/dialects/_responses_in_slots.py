"""What is known of a Responses reply while it is read: its output items, each in a slot, and the blocks opened for them.

Items are known by `output_index`, because some servers change the item id between `added` and `done` (protocols.md 1.2);
where the index is missing, by their id; where both are, an event is about the item of the one before.
"""

from __future__ import annotations

from gateway.dialects._responses_decode import CALLS_OF_VENDOR_TOOLS
from gateway.dialects._responses_in_json import EventJson, ReplyJson
from gateway.ir.events import BlockStart, Event, ReplyPart, Started
from gateway.ir.request import ToolKind


class Run:
    """One run of text inside an item: a content part, or a part of a summary."""

    __slots__ = ("block", "closed", "notes", "spoken", "text")

    def __init__(self, block: int) -> None:
        self.block = block
        self.text: list[str] = []  # of reasoning
        self.spoken = False
        self.notes: set[bytes] = set()
        self.closed = False


class Slot:
    """What is known of one output item."""

    __slots__ = (
        *("announced", "arguments", "block", "call", "call_id", "closed", "final"),
        *("item_id", "kind", "name", "namespace", "parts", "raw", "started"),
    )

    def __init__(self) -> None:
        self.item_id: str | None = None
        self.kind: str | None = None  # the item's type, as far as known
        self.call: ToolKind | None = None
        self.call_id: str | None = None
        self.name: str | None = None
        self.namespace: str | None = None
        self.arguments: list[str] = []  # all that came; emitted once name and id are known
        self.announced = ""  # arguments that came with the item's announcement
        self.raw = b""  # the item of a vendor's tool that the client is to act on
        self.started = False
        self.closed = False
        self.final = False  # met in the terminal response
        self.block: int | None = None  # of a call or a reasoning item
        self.parts: dict[int | tuple[str, int], Run] = {}

    @property
    def is_call(self) -> bool:
        """The client is to act on it."""
        return self.call is not None or self.kind in CALLS_OF_VENDOR_TOOLS


class Reading:
    """The state that the readers of all kinds of items share."""

    __slots__ = (
        *("_last", "blocks", "call_pieces", "called", "finished", "refused"),
        *("reply_id", "slots", "spoke", "started"),
    )

    def __init__(self) -> None:
        self.slots: dict[int | str, Slot] = {}
        self._last: int | str = 0
        self.blocks = 0  # opened so far
        self.reply_id = ""
        self.started = False
        self.finished = False
        self.refused = self.spoke = self.called = False
        self.call_pieces = 0

    def begin(self, reply: ReplyJson, out: list[Event]) -> None:
        if self.started:
            return
        self.started = True
        self.reply_id = reply.id or ""
        created = int(reply.created_at) if reply.created_at is not None and abs(reply.created_at) < 1 << 53 else None
        out.append(Started(self.reply_id, reply.model or "", created))

    def slot(self, told: EventJson) -> Slot:
        """The slot of the item that an event is about."""
        key: int | str
        if told.output_index is not None:
            key = told.output_index
        elif told.item_id:
            found = next((k for k, s in self.slots.items() if s.item_id == told.item_id), None)
            key = told.item_id if found is None else found
        else:
            key = self._last
        self._last = key
        slot = self.slots.get(key)
        if slot is None:
            slot = self.slots[key] = Slot()
        if slot.item_id is None:
            slot.item_id = told.item_id
        return slot

    def open(self, block: ReplyPart, out: list[Event]) -> int:
        index = self.blocks
        self.blocks += 1
        out.append(BlockStart(index, block))
        return index
