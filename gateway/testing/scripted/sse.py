"""From events to bytes on the wire, with the faults that live there: line ends, pieces, silences, cuts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from gateway.testing.scripted.faults import Chosen
from gateway.testing.scripted.memory import dump
from gateway.testing.scripted.turns import Cut, Dialect, Pause, Step
from gateway.testing.scripted.vendor_errors import stream_error

Labelled = Iterable[tuple[str, bytes]]

# Piece sizes of the fault `split_utf8`: none divides 2, 3 and 4 byte characters evenly for long.
_SIZES = (1, 2, 7, 3, 1, 5)


def steps(events: Labelled, dialect: Dialect, fault: Chosen, *, pause_s: float = 0.0) -> tuple[Step, ...]:
    """The writes of a stream. `pause_s`: silence between two events, 0 for none."""
    plan = list(_with_faults(list(events), dialect, fault))
    if fault.is_("split_utf8", "drip", "coalesced"):
        plan = list(_repacked(plan, fault))
    if pause_s:
        plan = [part for step in plan for part in (step, Pause(pause_s))]
    return tuple(plan)


def frame(data: bytes, dialect: Dialect, fault: Chosen) -> bytes:
    """One SSE event around its data."""
    end = b"\r\n" if fault.is_("crlf") else b"\n"
    colon = b":" if fault.is_("no_space") else b": "
    head = b""
    if dialect != "chat":
        head = b"event" + colon + str(json.loads(data)["type"]).encode() + end
    return head + b"data" + colon + data + end + end


def _with_faults(events: list[tuple[str, bytes]], dialect: Dialect, fault: Chosen) -> Iterator[Step]:
    if fault.is_("cut_early"):
        yield Cut()
        return
    if fault.is_("hang"):
        yield Pause(fault.number)
    trouble = _trouble_at(events) if fault.is_("midstream_error", "cut", "cut_unframed", "stall", *_ODD) else -1
    last_argument = max((n for n, (label, _) in enumerate(events) if label == "arguments"), default=-1)
    for number, (label, data) in enumerate(events):
        if label == "done" and fault.is_("no_done"):
            return
        if fault.is_("comments"):
            yield b": keep-alive\n\n"
        if number == trouble:
            yield from _trouble(dialect, fault, number)
            if fault.is_("midstream_error", "cut", "cut_unframed"):
                return
        yield frame(data, dialect, fault)
        if number == last_argument and fault.is_("cut_after_call"):
            yield Cut()
            return


_ODD = ("garbage_event", "bad_utf8", "unknown_event")


def _trouble_at(events: list[tuple[str, bytes]]) -> int:
    """Where mid-stream is: after the first piece of text or arguments, before the one that follows."""
    for number, (label, _) in enumerate(events):
        if label in ("text", "arguments", "thinking"):
            return number + 1
    return max(len(events) - 1, 0)


def _trouble(dialect: Dialect, fault: Chosen, number: int) -> Iterator[Step]:
    if fault.is_("midstream_error"):
        yield frame(dump(stream_error(dialect, number)[1]), dialect, fault)
    elif fault.is_("cut"):
        yield Cut()
    elif fault.is_("stall"):
        yield Pause(fault.number)
    elif fault.is_("garbage_event"):
        yield b'data: {"choices": [{"delta": {"conte\n\n'
    elif fault.is_("bad_utf8"):
        yield b'data: {"note": "\xff\xfe\xc3"}\n\n'
    elif fault.is_("unknown_event"):
        yield b'event: vendor.news\ndata: {"type": "vendor.news", "sequence_number": 1000, "note": "nothing to see"}\n\n'


def _repacked(plan: list[Step], fault: Chosen) -> Iterator[Step]:
    """The same bytes in other pieces; silences and cuts stay where they are."""
    held = b""
    for step in [*plan, None]:
        if isinstance(step, bytes):
            held += step
            continue
        yield from _cut_up(held, fault)
        held = b""
        if step is not None:
            yield step


def _cut_up(held: bytes, fault: Chosen) -> Iterator[bytes]:
    if fault.is_("coalesced"):
        if held:
            yield held
        return
    start, turn = 0, 0
    while start < len(held):
        size = 1 if fault.is_("drip") else _SIZES[turn % len(_SIZES)]
        yield held[start : start + size]
        start, turn = start + size, turn + 1
