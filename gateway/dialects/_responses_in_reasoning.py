"""What the model thinks in a Responses reply: summaries, open text (vLLM) and the sealed trace, which only the last copy of
the item has for certain."""

from __future__ import annotations

import msgspec

from gateway.dialects._responses_in_json import EventJson, a_reasoning, delta_of
from gateway.dialects._responses_in_slots import Reading, Run, Slot
from gateway.dialects._shared import understood
from gateway.ir.events import Delta, Event, Sealed
from gateway.ir.request import Reasoning


def summary_text(reading: Reading, kind: str, told: EventJson, out: list[Event]) -> None:
    """reasoning_summary_text.delta and .done."""
    _told(reading, told, True, kind.endswith("done"), out)


def open_text(reading: Reading, kind: str, told: EventJson, out: list[Event]) -> None:
    """reasoning_text.delta and .done."""
    _told(reading, told, False, kind.endswith("done"), out)


def reasoning_added(reading: Reading, slot: Slot, item_id: str | None, out: list[Event]) -> None:
    if slot.block is None:
        slot.block = reading.open(Reasoning(id=item_id), out)


def reasoning_done(reading: Reading, slot: Slot, raw: msgspec.Raw, out: list[Event]) -> None:
    if slot.closed:
        return
    told = understood(a_reasoning, raw, "a reasoning item")
    if slot.block is None:
        slot.block = reading.open(Reasoning(id=slot.item_id), out)
    for index, part in enumerate(told.summary or []):
        _think(reading, slot, True, index, part.text or "", True, out)
    for index, part in enumerate(told.content or []):
        _think(reading, slot, False, index, part.text or "", True, out)
    if told.encrypted_content:
        out.append(Sealed(slot.block, encrypted=told.encrypted_content))


def _told(reading: Reading, told: EventJson, summary: bool, done: bool, out: list[Event]) -> None:
    text = delta_of(told) or told.text or ""
    slot = reading.slot(told)
    slot.kind = slot.kind or "reasoning"
    if not text or slot.closed:
        return
    part = (told.summary_index if summary else told.content_index) or 0
    _think(reading, slot, summary, part, text, done, out)


def _think(reading: Reading, slot: Slot, summary: bool, part: int, text: str, full: bool, out: list[Event]) -> None:
    """`full`: the text is all of the part, of which some may have come already."""
    if slot.block is None:
        slot.block = reading.open(Reasoning(id=slot.item_id), out)
    key = ("summary" if summary else "text", part)
    run = slot.parts.get(key)
    if run is None:
        run = slot.parts[key] = Run(slot.block)
    if full:
        so_far = "".join(run.text)
        text = text[len(so_far) :] if text.startswith(so_far) else ""
    if text:
        run.text.append(text)
        out.append(Delta(slot.block, text, summary, part if summary else 0))
