"""Refusals in replies that are translated: neutral events and whole replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from gateway.dialects.contract import StreamEncoder
from gateway.ir.events import BlockStart, Delta, Event, Finished, ReplyPart, Response
from gateway.ir.request import Opaque, Text, ToolCall
from gateway.toolgate.mend import Counts
from gateway.toolgate.values import Item, Ruling, Rulings


class NeutralMender(Counts):
    """A refused call's block becomes a block of text at its place, so no number changes. The encoder plays one block after
    the other, so nothing needs to wait for a call here."""

    ordered = False
    edits = True

    def __init__(self, encoder: StreamEncoder) -> None:
        super().__init__()
        self._encoder = encoder

    def passed(self, raw: bytes, events: Sequence[Event]) -> bytes:
        return b"".join([self._encoder.feed(self._end(event)) for event in events])

    def settled(self, held: Sequence[Item], rulings: Rulings) -> bytes:
        self.count(rulings)
        out = [
            self._encoder.feed(made)
            for item in held
            for event in item.events
            for made in _mended(self._end(event), rulings)
        ]
        return b"".join(out)

    def ended(self, raw: bytes) -> bytes:
        return raw

    def _end(self, event: Event) -> Event:
        if isinstance(event, Finished) and event.reason == "tool_calls" and self.emptied:
            return msgspec.structs.replace(event, reason="stop")
        return event


def _mended(event: Event, rulings: Rulings) -> Iterator[Event]:
    match event:
        case BlockStart(index, block) if (ruling := rulings.get(index)) is not None and not ruling.untouched:
            yield from _begun(index, block, ruling)
        case Delta(index) if (ruling := rulings.get(index)) is not None and not ruling.untouched:
            pass
        case _:
            yield event


def _begun(index: int, block: ReplyPart, ruling: Ruling) -> Iterator[Event]:
    if ruling.gone:
        yield BlockStart(index, Text(""))
        yield Delta(index, ruling.text)
    elif isinstance(block, Opaque):
        yield BlockStart(index, replace(block, raw=ruling.out))
    elif isinstance(block, ToolCall):
        yield BlockStart(index, replace(block, arguments=""))
        yield Delta(index, ruling.out.decode("utf-8", "replace"))


def whole(response: Response, rulings: Rulings) -> Response:
    """A whole reply after the verdicts; blocks are its parts."""
    parts = tuple(_part(part, rulings.get(index)) for index, part in enumerate(response.parts))
    counts = Counts()
    counts.count(rulings)
    finish = response.finish
    if counts.emptied and finish.reason == "tool_calls":
        finish = msgspec.structs.replace(finish, reason="stop")
    return replace(response, parts=parts, finish=finish)


def _part(part: ReplyPart, ruling: Ruling | None) -> ReplyPart:
    if ruling is None or ruling.untouched:
        return part
    if ruling.gone:
        return Text(ruling.text)
    if isinstance(part, Opaque):
        return replace(part, raw=ruling.out)
    assert isinstance(part, ToolCall)
    return replace(part, arguments=ruling.out.decode("utf-8", "replace"))
