"""What the model says in a Responses reply: texts, refusals and the notes on them (citations).

Text is told by deltas, and again, whole, by up to four more events. In pass-through some deltas are not fed here, so the
whole text counts only where no delta was.
"""

from __future__ import annotations

import msgspec

from gateway.dialects._responses_in_json import EventJson, PartJson, a_message, a_part, delta_of
from gateway.dialects._responses_in_slots import Reading, Run, Slot
from gateway.dialects._shared import one_line, understood
from gateway.ir.events import Annotated, BlockStop, Delta, Event
from gateway.ir.request import Refusal, Text


def text_delta(reading: Reading, kind: str, told: EventJson, out: list[Event]) -> None:
    text = delta_of(told)
    if text:
        refusal = kind == "response.refusal.delta"
        run = _run(reading, _slot(reading, told), told.content_index or 0, refusal, out)
        _add(reading, run, text, refusal, out)


def text_done(reading: Reading, kind: str, told: EventJson, out: list[Event]) -> None:
    refusal = kind == "response.refusal.done"
    full = (told.refusal if refusal else told.text) or ""
    if full:
        run = _run(reading, _slot(reading, told), told.content_index or 0, refusal, out)
        _whole(reading, run, full, refusal, out)


def part_event(reading: Reading, kind: str, told: EventJson, out: list[Event]) -> None:
    """content_part.added and .done."""
    part = understood(a_part, told.part, "a content part") or PartJson()
    if part.type in ("output_text", "refusal", "text"):
        _part(reading, _slot(reading, told), told.content_index or 0, part, kind.endswith("done"), out)


def annotation_added(reading: Reading, kind: str, told: EventJson, out: list[Event]) -> None:
    run = reading.slot(told).parts.get(told.content_index or 0)
    if run is not None:
        _annotate(run, one_line(bytes(told.annotation)), out)


def message_done(reading: Reading, slot: Slot, raw: msgspec.Raw, out: list[Event]) -> None:
    content = understood(a_message, raw, "a message").content
    parts = [PartJson("output_text", content)] if isinstance(content, str) else content or []
    for index, part in enumerate(parts):
        _part(reading, slot, index, part, True, out)


def _slot(reading: Reading, told: EventJson) -> Slot:
    slot = reading.slot(told)
    slot.kind = slot.kind or "message"
    return slot


def _run(reading: Reading, slot: Slot, index: int, refusal: bool, out: list[Event]) -> Run:
    run = slot.parts.get(index)
    if run is None:
        run = slot.parts[index] = Run(reading.open(Refusal("") if refusal else Text(""), out))
    return run


def _add(reading: Reading, run: Run, text: str, refusal: bool, out: list[Event]) -> None:
    if not text or run.closed:
        return
    reading.refused |= refusal
    reading.spoke |= not refusal
    run.spoken = True
    out.append(Delta(run.block, text))


def _whole(reading: Reading, run: Run, full: str, refusal: bool, out: list[Event]) -> None:
    """Only where no delta told it."""
    if not run.spoken:
        _add(reading, run, full, refusal, out)


def _part(reading: Reading, slot: Slot, index: int, part: PartJson, done: bool, out: list[Event]) -> None:
    refusal = part.type == "refusal"
    full = (part.refusal if refusal else part.text) or ""
    if not full and index not in slot.parts:
        return
    run = _run(reading, slot, index, refusal, out)
    _whole(reading, run, full, refusal, out)
    for raw in part.annotations or []:
        _annotate(run, one_line(bytes(raw)), out)
    if done and not run.closed:
        run.closed = True
        out.append(BlockStop(run.block))


def _annotate(run: Run, raw: bytes, out: list[Event]) -> None:
    key = msgspec.json.format(raw, indent=-1)
    if run.closed or key in run.notes or raw == b"null":
        return
    run.notes.add(key)
    out.append(Annotated(run.block, raw))
