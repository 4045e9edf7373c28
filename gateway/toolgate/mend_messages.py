"""Refusals in Messages replies: the refused call's block becomes a block of text under the same number, so that every other
block keeps its own; `stop_reason` is mended when no call is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.ir.events import BlockStart, BlockStop, Event
from gateway.toolgate.mend import Counts, encode, objects, opened, renewed, untouched
from gateway.toolgate.values import Item, Ruling, Rulings
from gateway.wire import sse


class MessagesMender(Counts):
    ordered = True
    edits = False

    def passed(self, raw: bytes, events: Sequence[Event]) -> bytes:
        if not self.emptied or b"message_delta" not in raw:
            return raw
        value = opened(raw)
        delta = value.get("delta") if value else None
        if value is None or not isinstance(delta, dict) or not _end(delta):
            return raw
        return renewed(raw, value)

    def settled(self, held: Sequence[Item], rulings: Rulings) -> bytes:
        self.count(rulings)
        if untouched(rulings):
            return b"".join([self.passed(item.raw, item.events) for item in held])
        return b"".join([self._item(item, rulings) for item in held])

    def ended(self, raw: bytes) -> bytes:
        return raw

    def _item(self, item: Item, rulings: Rulings) -> bytes:
        starts = [event.index for event in item.events if isinstance(event, BlockStart) and event.index in rulings]
        if item.call and not item.blocks:
            return b""  # a piece without content: nothing is lost
        if not starts:
            changed = any(not rulings[block].untouched for block in item.blocks if block in rulings)
            return self._rest(item, rulings) if changed else self.passed(item.raw, item.events)
        if all(rulings[block].untouched for block in starts):
            return item.raw
        value = opened(item.raw) or {}
        if "content_block" not in value:  # a message_start that brings its blocks along
            return _announced(item, value, [rulings[block] for block in starts])
        return _block(item.raw, value, rulings[starts[0]])

    def _rest(self, item: Item, rulings: Rulings) -> bytes:
        """A piece or the end of a changed call: its end is kept where the call itself is. An event that ended the call only
        by being about something else is kept anyway."""
        about = [event for event in item.events if getattr(event, "index", -1) not in item.blocks]
        if about:
            return self.passed(item.raw, item.events)
        ends = not item.framed and all(isinstance(event, BlockStop) for event in item.events)
        stays = not any(rulings[block].gone for block in item.blocks if block in rulings)
        return item.raw if ends and stays else b""


def _block(raw: bytes, value: dict[str, Any], ruling: Ruling) -> bytes:
    index = value.get("index", 0)
    if ruling.gone:
        start = {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
        told = {"type": "text_delta", "text": ruling.text}
        delta = {"type": "content_block_delta", "index": index, "delta": told}
        stop = {"type": "content_block_stop", "index": index}
        return b"".join([sse.event(str(e["type"]).encode(), encode(e)) for e in (start, delta, stop)])
    value["content_block"]["input"] = {}
    told = {"type": "input_json_delta", "partial_json": ruling.out.decode("utf-8", "replace")}
    delta = {"type": "content_block_delta", "index": index, "delta": told}
    return renewed(raw, value) + sse.event(b"content_block_delta", encode(delta))


def _announced(item: Item, value: dict[str, Any], rulings: list[Ruling]) -> bytes:
    message = value.get("message")
    if isinstance(message, dict):
        _content(message, rulings)
    return renewed(item.raw, value)


def _content(message: dict[str, Any], rulings: list[Ruling]) -> None:
    """The calls of a message's content, in order."""
    left = iter(rulings)
    content = message.get("content") or []
    for place, block in enumerate(content):
        if not isinstance(block, dict) or not _is_call(block):
            continue
        ruling = next(left)
        if ruling.gone:
            content[place] = {"type": "text", "text": ruling.text}
        elif not ruling.untouched:
            block["input"] = objects(ruling.out)


def _is_call(block: dict[str, Any]) -> bool:
    """As the decoder tells: a block without a type but with a name is one, too."""
    return block.get("type") == "tool_use" or (not block.get("type") and bool(block.get("name")))


def _end(told: dict[str, Any]) -> bool:
    if told.get("stop_reason") not in ("tool_use", "tool_calls"):
        return False
    told["stop_reason"] = "end_turn"
    return True


def whole(body: bytes, rulings: Rulings) -> bytes:
    """A whole reply after the verdicts."""
    if untouched(rulings):
        return body
    message = objects(body)
    _content(message, list(rulings.values()))
    counts = Counts()
    counts.count(rulings)
    if counts.emptied:
        _end(message)
    return encode(message)
