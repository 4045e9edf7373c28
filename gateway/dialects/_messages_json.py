"""Small byte-level helpers of the Messages dialect: raw values, and edits of single array elements.

Knows JSON; nothing of blocks or roles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.dialects._shared import parsed

Buffer = bytes | msgspec.Raw

NONE: Final = msgspec.Raw(b"")
"""Marks an absent raw field (JSON null is `null`)."""

RAWS: Final[msgspec.json.Decoder[list[msgspec.Raw]]] = msgspec.json.Decoder(list[msgspec.Raw])
FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
TEXT: Final = msgspec.json.Decoder(str)

_SEPARATOR: Final = re.compile(rb"[ \t\n\r,\[]*")


def given(raw: msgspec.Raw) -> bool:
    """Present and not null."""
    size = len(memoryview(raw))
    return size > 0 and (size != 4 or bytes(raw) != b"null")


def first_byte(raw: Buffer) -> int:
    """First byte of a JSON value (msgspec hands raws out without leading white space); 0 if empty."""
    view = memoryview(raw)
    return view[0] if len(view) else 0


def elements(array: bytes) -> list[tuple[int, int]]:
    """Byte ranges of the elements of a well-formed JSON array, in order."""
    spans: list[tuple[int, int]] = []
    position = 0
    for raw in RAWS.decode(array):
        found = _SEPARATOR.match(array, position) if spans else None
        start = found.end() if found else _first_element(array)
        position = start + len(memoryview(raw))
        spans.append((start, position))
    return spans


def _first_element(array: bytes) -> int:
    start = array.index(b"[") + 1
    while array[start] in b" \t\n\r":
        start += 1
    return start


def edit_array(array: bytes, edits: Mapping[int, bytes | None]) -> bytes:
    """The array with elements replaced (bytes) or removed (None) by position; all other bytes stay."""
    spans = elements(array)
    if not edits or not spans:
        return array
    parts = [array[: spans[0][0]]]
    previous_end = spans[0][0]
    kept = False
    for index, (start, end) in enumerate(spans):
        new = edits[index] if index in edits else array[start:end]
        if new is not None:
            parts += (array[previous_end:start] if kept else b"", new)
            kept = True
        previous_end = end
    parts.append(array[previous_end:])
    return b"".join(parts)


def raws(array: Buffer, path: str) -> list[msgspec.Raw]:
    """Elements of an array in a request; MalformedRequest that names the place."""
    return parsed(RAWS, array, path)
