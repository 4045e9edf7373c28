"""Which deltas of a Messages stream differ in one text alone, so that the next ones need no decoding (contract.Frame).

Proven, not guessed: the event is read once with a probe in the place of its text, and only an ordinary delta of an open
block of the right kind, in which nothing else is said, makes a frame.
"""

from __future__ import annotations

from typing import Final

from gateway.dialects._messages_in_blocks import Blocks
from gateway.dialects._messages_in_json import a_delta, an_event
from gateway.dialects._messages_json import given
from gateway.dialects._shared import Bad
from gateway.wire.frame import Frame, FrameKind
from gateway.wire.sse import data_of

HOLES: Final[tuple[tuple[bytes, FrameKind], ...]] = (
    (b'"text":', "text"),
    (b'"partial_json":', "call"),
    (b'"thinking":', "reasoning"),
)
"""Keys behind which the text of a delta stands."""
_FRAMED: Final[dict[FrameKind, tuple[str, str]]] = {
    "text": ("text_delta", "text"),
    "call": ("input_json_delta", "tool_use"),
    "reasoning": ("thinking_delta", "thinking"),
}
"""Kind of the delta, kind of the block it must be in."""
_PROBE: Final = b"-probe-"


def proven(blocks: Blocks, before: bytes, after: bytes, kind: FrameKind) -> Frame | None:
    """The frame of an event whose text was cut out between `before` and `after`; None where the next one could differ in
    more than that."""
    try:
        told = an_event.decode(data_of(before + _PROBE + after) or b"")
        delta = a_delta.decode(told.delta)
    except Bad:
        return None
    others = (told.message, told.content_block, told.error)
    if told.type != "content_block_delta" or told.index is None or told.usage or any(map(given, others)):
        return None
    open_ = blocks.open.get(told.index)
    said = (delta.text, delta.thinking, delta.partial_json, delta.signature, delta.stop_reason)
    if open_ is None or open_.raw or (delta.type, open_.kind) != _FRAMED[kind] or given(delta.citation):
        return None
    if [text for text in said if text is not None] != [_PROBE.decode()]:
        return None
    return Frame(before, after, kind, open_.index, told.index)
