"""Function calls and calls of custom tools in a Responses reply.

A call's block is opened once its name and id are known; arguments that came before wait. Where two places tell a call
differently the stream is refused, because the harness may run the version that was not judged.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.dialects._responses_in_json import EventJson, ItemJson, a_call, delta_of, same_json
from gateway.dialects._responses_in_slots import Reading, Slot
from gateway.dialects._shared import minted, understood
from gateway.errors import UpstreamProtocol
from gateway.ir.events import Delta, Event
from gateway.ir.request import ToolCall, ToolKind

CALLS: Final = {"function_call": "function", "custom_tool_call": "custom"}
"""Types of items that are calls of the client's tools."""


def arguments_delta(reading: Reading, kind: str, told: EventJson, out: list[Event]) -> None:
    _add(_slot(reading, kind, told), delta_of(told), out)


def arguments_done(reading: Reading, kind: str, told: EventJson, out: list[Event]) -> None:
    full = told.input if "custom" in kind else told.arguments
    slot = _slot(reading, kind, told)
    if full is not None:
        _complete(slot, full, out)


def call_added(reading: Reading, slot: Slot, item: ItemJson, raw: msgspec.Raw, out: list[Event]) -> None:
    _meet(reading, slot, item, out)
    told = understood(a_call, raw, "a tool call")
    slot.announced = told.input or told.arguments or ""


def call_done(reading: Reading, slot: Slot, item: ItemJson, raw: msgspec.Raw, out: list[Event]) -> None:
    _meet(reading, slot, item, out)
    told = understood(a_call, raw, "a tool call")
    full = told.input if slot.call == "custom" else told.arguments
    _begin(reading, slot, out, certain=True)
    if full is not None:
        _complete(slot, full, out)


def call_closed(reading: Reading, slot: Slot, out: list[Event]) -> None:
    """Nothing more will come of this call."""
    _begin(reading, slot, out, certain=True)
    said = "".join(slot.arguments)
    if slot.announced and slot.announced != said and not same_json(slot.announced, said):
        raise UpstreamProtocol("a tool call was announced with other arguments than it had")


def _slot(reading: Reading, kind: str, told: EventJson) -> Slot:
    reading.call_pieces += 1
    slot = reading.slot(told)
    if slot.call is None:
        slot.call = "custom" if "custom" in kind else "function"
    return slot


def _meet(reading: Reading, slot: Slot, item: ItemJson, out: list[Event]) -> None:
    reading.call_pieces += not slot.final or not slot.closed
    kind: ToolKind = "custom" if item.type == "custom_tool_call" else "function"
    if slot.call not in (None, kind) or (slot.name and item.name and slot.name != item.name):
        raise UpstreamProtocol("a tool call changed its name or type while it was streamed")
    if slot.started and item.call_id and slot.call_id and item.call_id != slot.call_id:
        raise UpstreamProtocol("a tool call changed its call_id while it was streamed")
    if slot.started and item.namespace and slot.namespace != item.namespace:
        raise UpstreamProtocol("a tool call changed its namespace while it was streamed")
    slot.call = kind
    slot.name = slot.name or item.name
    slot.namespace = slot.namespace or item.namespace
    slot.call_id = slot.call_id or item.call_id
    _begin(reading, slot, out, certain=False)


def _begin(reading: Reading, slot: Slot, out: list[Event], *, certain: bool) -> None:
    """Opens the block once name and id are known; `certain`: nothing more will come, so an id is made up."""
    if slot.started or slot.call is None:
        return
    if not certain and not (slot.name and slot.call_id):
        return
    if not slot.name:
        raise UpstreamProtocol("a tool call without a name")
    if not slot.call_id:
        slot.call_id = minted("call_", reading.reply_id, slot.item_id or "", reading.blocks)
    slot.started = reading.called = True
    block = ToolCall(slot.call_id, slot.name, "", slot.call, slot.namespace, slot.item_id)
    slot.block = reading.open(block, out)
    if slot.arguments:
        out.append(Delta(slot.block, "".join(slot.arguments)))


def _add(slot: Slot, text: str, out: list[Event]) -> None:
    if not text:
        return
    if slot.closed:
        raise UpstreamProtocol("arguments of a tool call after its end")
    slot.arguments.append(text)
    if slot.started and slot.block is not None:
        out.append(Delta(slot.block, text))


def _complete(slot: Slot, full: str, out: list[Event]) -> None:
    """The whole arguments, told again: what is missing is added, a contradiction is refused."""
    so_far = "".join(slot.arguments)
    if full == so_far:
        return
    if full.startswith(so_far) and not slot.closed:
        _add(slot, full[len(so_far) :], out)
    elif not (slot.call == "function" and same_json(full, so_far)):
        raise UpstreamProtocol("a tool call was told twice, with different arguments")
