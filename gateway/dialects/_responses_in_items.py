"""Begin and end of output items of a Responses reply, whatever their kind: `output_item.added` and `output_item.done`.

Calls, messages and reasoning have readers of their own. All other items are the vendor's and pass through whole, once they
are done; those of them that the client is to act on must not be told twice in two versions.
"""

from __future__ import annotations

import msgspec

from gateway.dialects._responses_decode import CALLS_OF_VENDOR_TOOLS
from gateway.dialects._responses_in_calls import CALLS, call_added, call_closed, call_done
from gateway.dialects._responses_in_json import EventJson, ItemJson, an_item, same_item
from gateway.dialects._responses_in_message import message_done
from gateway.dialects._responses_in_reasoning import reasoning_added, reasoning_done
from gateway.dialects._responses_in_slots import Reading, Slot
from gateway.dialects._shared import bytes_of, one_line, understood
from gateway.errors import UpstreamProtocol
from gateway.ir.events import BlockStop, Event
from gateway.ir.request import Opaque


def item_event(reading: Reading, kind: str, told: EventJson, out: list[Event]) -> None:
    if bytes_of(told.item) is None:
        return
    item = understood(an_item, told.item, "an output item")
    if told.item_id is None:
        told.item_id = item.id
    slot = reading.slot(told)
    slot.item_id = item.id or slot.item_id
    slot.kind = item.type or slot.kind
    reading.call_pieces += item.type in CALLS_OF_VENDOR_TOOLS
    if kind.endswith("done"):
        item_done(reading, slot, item, told.item, out)
    elif item.type in CALLS:
        call_added(reading, slot, item, told.item, out)
    elif item.type == "reasoning":
        reasoning_added(reading, slot, item.id, out)


def item_done(reading: Reading, slot: Slot, item: ItemJson, raw: msgspec.Raw, out: list[Event]) -> None:
    """The whole item: what was not streamed of it is made up for."""
    if item.type in CALLS:
        call_done(reading, slot, item, raw, out)
    elif item.type == "message":
        message_done(reading, slot, raw, out)
    elif item.type == "reasoning":
        reasoning_done(reading, slot, raw, out)
    else:
        _vendors_item(reading, slot, item, raw, out)
    close_item(reading, slot, out)


def _vendors_item(reading: Reading, slot: Slot, item: ItemJson, raw: msgspec.Raw, out: list[Event]) -> None:
    if slot.closed:
        if slot.raw and not same_item(slot.raw, bytes(raw)):
            raise UpstreamProtocol("an item that the client is to act on was told twice, differently")
        return
    if not item.type:
        raise UpstreamProtocol("an output item without a type")
    slot.raw = bytes(raw) if item.type in CALLS_OF_VENDOR_TOOLS else b""
    index = reading.open(Opaque("responses", item.type, one_line(bytes(raw))), out)
    out.append(BlockStop(index))


def close_item(reading: Reading, slot: Slot, out: list[Event]) -> None:
    """Ends the blocks of an item; a second time changes nothing."""
    if slot.closed:
        return
    slot.closed = True
    if slot.call is not None:
        call_closed(reading, slot, out)
    for run in slot.parts.values():
        if run.block != slot.block and not run.closed:
            run.closed = True
            out.append(BlockStop(run.block))
    if slot.block is not None:
        out.append(BlockStop(slot.block))
