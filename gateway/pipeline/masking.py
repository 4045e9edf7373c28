"""Masks put into a request: into the raw JSON of its items, and into the neutral turns that were added to it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.dialects.contract import View
from gateway.ir.request import Message, Part, Request, Text, ToolCall, ToolResult
from gateway.pipeline.flight import Change
from gateway.wire import splice
from policies.leaks import Leak

Edits = Sequence[tuple[int, Sequence[Leak]]]
"""Leaks to be masked, by the index of their item."""
Rescan = Callable[[bytes], Sequence[Leak]]


def masked(body: bytes, view: View, edits: Edits, rescan: Rescan) -> bytes:
    """The body with leaks of its items replaced; every other byte as it was. `rescan` finds the leaks of any JSON."""
    if not view.messages_end:
        return _lone(body, edits, rescan)
    wanted = dict(edits)
    spans: list[tuple[splice.Span, bytes]] = []
    end = view.messages_end
    for index in range(len(view.messages) - 1, min(wanted) - 1, -1):
        start = end - len(view.messages[index])
        spans += [((start + leak.start, start + leak.end), leak.mask) for leak in wanted.get(index, ())]
        end = _before(body, start)
    return splice.replace_spans(body, spans)


def _before(body: bytes, start: int) -> int:
    """Where the item before the one at `start` ends."""
    end = start - 1
    while body[end] in b", \t\n\r":
        end -= 1
    return end + 1


def _lone(body: bytes, edits: Edits, rescan: Rescan) -> bytes:
    """A conversation that is one text (`input` of Responses, `prompt` of legacy completions): its only item was made up
    around that text, so the text is looked at where it stands."""
    found = splice.spans(body)
    start, end = found["prompt"] if "prompt" in found else found["input"]
    wanted = {leak.mask for _, leaks in edits for leak in leaks}
    leaks = [leak for leak in rescan(body[start:end]) if leak.mask in wanted]
    return splice.replace_spans(body, [((start + leak.start, start + leak.end), leak.mask) for leak in leaks])


class CleanChange:
    """flight.Change, with what it adds masked."""

    def __init__(self, change: Change, clean: Callable[[str], str]) -> None:
        self._change, self._clean = change, clean

    def request(self, request: Request) -> Request:
        changed = self._change.request(request)
        before = len(request.messages)
        added = tuple(message(held, self._clean) for held in changed.messages[before:])
        return replace(changed, messages=(*changed.messages[:before], *added))

    def body(self, body: bytes) -> bytes:
        return self._change.body(body)


def message(held: Message, clean: Callable[[str], str]) -> Message:
    """One with its texts cleaned."""
    return replace(held, parts=tuple(_part(part, clean) for part in held.parts))


def _part(part: Part, clean: Callable[[str], str]) -> Part:
    match part:
        case Text():
            return replace(part, text=clean(part.text))
        case ToolCall():
            return replace(part, arguments=clean(part.arguments))
        case ToolResult():
            return replace(part, parts=tuple(_part(inner, clean) for inner in part.parts))
    return part
