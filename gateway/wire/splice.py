"""Edit the top level of a JSON object as bytes: what is not addressed stays byte for byte as it was.

White space, key order, escapes, number spellings and duplicates of untouched keys survive, which keeps provider prefix
caches and signatures intact and costs a fraction of decoding and encoding. Knows JSON (RFC 8259), no request format.

How spans are found: msgspec walks the object once at C speed (about 0.6 ns per byte) and hands out each value as raw
bytes. The walk below then steps over keys and separators itself and compares each value with the body at that place
(memcmp), so a span is proven, not guessed. A body with duplicate keys fails that comparison and takes a slower scanner.
A caller who knows that no key stands twice can have the search stop at the first array or object (`unique`).

Duplicates of an edited key: parsers disagree on which one counts, so afterwards the key stands exactly once, at its last
place (deletion removes all). Duplicates of other keys are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

_SPACE: Final = rb"[ \t\n\r]*"
_STRING: Final = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_OPENING: Final = re.compile(_SPACE + rb"\{" + _SPACE)
_CLOSING: Final = re.compile(_SPACE + rb"\}" + _SPACE)
_COLON: Final = _SPACE + rb":" + _SPACE
_FIRST: Final = re.compile(rb"(" + _STRING + rb")" + _COLON, re.DOTALL)
_NEXT: Final = re.compile(_SPACE + rb"," + _SPACE + rb"(" + _STRING + rb")" + _COLON, re.DOTALL)
_TOKEN: Final = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_SCALAR: Final = re.compile(_STRING + rb"|[-+.0-9A-Za-z]+", re.DOTALL)

_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text: Final = msgspec.json.Decoder(str)

Span = tuple[int, int]


class NotAnObject(ValueError):
    """The bytes are not one well-formed JSON object in UTF-8."""


class Member(NamedTuple):
    """One `"key": value` of the object; offsets are bytes from the start of the body."""

    key: str
    key_start: int
    start: int  # of the value
    end: int  # one past the value


def fields(body: bytes) -> dict[str, msgspec.Raw]:
    """Return each top-level value undecoded (of duplicates the last), sharing the memory of `body`; raises NotAnObject."""
    try:
        return _fields.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAnObject(str(error)) from error


def members(body: bytes, values: dict[str, msgspec.Raw] | None = None) -> list[Member]:
    """Return every top-level member in order, duplicates included; raises NotAnObject.

    `values` takes the result of `fields(body)` when the caller has it: then only a comparison of the bytes is left to pay.
    """
    return _proven(body, fields(body) if values is None else values) or _scanned(body)


def spans(body: bytes) -> dict[str, Span]:
    """Return where each top-level value lies; of duplicates the last. Raises NotAnObject."""
    return {member.key: (member.start, member.end) for member in members(body)}


def array_end(body: bytes, end: int) -> int:
    """Where the last item of an array ends that itself ends at `end`; 0 for an empty one (or for no array)."""
    if body[end - 1] != 0x5D:
        return 0
    end -= 1
    while body[end - 1] in b" \t\n\r":
        end -= 1
    return 0 if body[end - 1] == 0x5B else end


def appended(body: bytes, earlier: bytes, end: int) -> bytes | None:
    """What stands in `body` at offset `end` of `earlier`, which it repeats otherwise; None if it does not repeat it. Two
    comparisons at memory speed, no copy."""
    grown = len(body) - len(earlier)
    if grown < 0 or not body.startswith(memoryview(earlier)[:end]) or not body.endswith(memoryview(earlier)[end:]):
        return None
    return body[end : end + grown]


def shifted(found: Iterable[Member], end: int, by: int) -> tuple[Member, ...]:
    """The members of a body into which `by` bytes were put at offset `end`, inside one of the values."""
    return tuple([m if m[3] <= end else Member(m[0], *(at if at <= end else at + by for at in m[1:])) for m in found])


def _opening(body: bytes) -> int:
    found = _OPENING.match(body)
    if found is None:
        raise NotAnObject("does not begin with {")
    return found.end()


def _proven(body: bytes, values: dict[str, msgspec.Raw]) -> list[Member] | None:
    """Place each value by its length and compare; None when something does not fit, which only duplicates cause."""
    position = _opening(body)
    placed: list[Member] = []
    match = _FIRST.match
    for key, value in values.items():
        found = match(body, position)
        if found is None:
            return None
        match = _NEXT.match
        quoted = found[1]
        start = found.end()
        if (quoted[1:-1].decode() if b"\\" not in quoted else _text.decode(quoted)) != key:
            return None
        if not body.startswith(value, start):
            return None
        position = start + len(value)
        placed.append(Member(key, found.start(1), start, position))
    closing = _CLOSING.match(body, position)
    return placed if closing is not None and closing.end() == len(body) else None


def _scanned(body: bytes) -> list[Member]:
    """Find the members of an object known to be well formed by counting brackets: about 30x slower, for duplicates only."""
    position = _opening(body)
    found: list[Member] = []
    match = _FIRST.match
    while _CLOSING.match(body, position) is None:
        key = match(body, position)
        if key is None:
            raise NotAnObject(f"expected a key at byte {position}")
        match = _NEXT.match
        position = _value_end(body, key.end())
        found.append(Member(_text.decode(key[1]), key.start(1), key.end(), position))
    return found


def _value_end(body: bytes, start: int) -> int:
    if body[start : start + 1] not in (b"{", b"["):
        scalar = _SCALAR.match(body, start)
        if scalar is None:
            raise NotAnObject(f"expected a value at byte {start}")
        return scalar.end()
    depth = 0
    for token in _TOKEN.finditer(body, start):
        first = body[token.start()]
        if first == 0x22:
            continue
        depth += 1 if first in b"{[" else -1
        if depth == 0:
            return token.end()
    raise NotAnObject(f"unclosed value at byte {start}")


def replace_spans(body: bytes, edits: Iterable[tuple[Span, bytes]]) -> bytes:
    """Put new bytes at the given spans (any order, not overlapping); for callers that already know the spans."""
    whole = memoryview(body)  # a slice of bytes is a copy, and a body may be half a megabyte
    parts: list[bytes | memoryview] = []
    position = 0
    for (start, end), new in sorted(edits):
        if start < position:
            raise ValueError("spans overlap")
        parts += (whole[position:start], new)
        position = end
    parts.append(whole[position:])
    return b"".join(parts)


def splice(
    body: bytes, edits: Mapping[str, bytes | None], found: Sequence[Member] | None = None, *, unique: bool = False
) -> bytes:
    """Return the body with each key of `edits` set to new raw JSON, or removed where the value is None.

    A key that is not there is appended at the end (nothing before it moves); removing one that is not there does nothing.
    `found` takes the result of `members(body)` when the caller has it. `unique` is the caller's word that the body is a
    well-formed object in which no edited key stands twice: replacing keys that come before the first array or object then
    costs no look at the rest. Raises NotAnObject. New values are the caller's word: they are not checked to be JSON.
    """
    if unique and found is None and None not in edits.values():
        front = _front(body, edits)
        if len(front) == len(edits):
            return _replaced(body, front, edits)
    if found is None:
        found = members(body)
    present = [member for member in found if member[0] in edits]
    last = {member.key: member for member in present}
    if len(present) == len(last) and None not in edits.values():
        body = _replaced(body, present, edits)
    elif present:
        body = _rebuilt(body, found, edits, last)
    if len(last) == len(edits):
        return body
    missing = {key: raw for key, raw in edits.items() if raw is not None and key not in last}
    return _append(body, missing) if missing else body


def _front(body: bytes, edits: Mapping[str, bytes | None]) -> list[Member]:
    """Return the edited members among those that stand before the first array or object value."""
    position = _opening(body)
    front: list[Member] = []
    match = _FIRST.match
    while len(front) < len(edits):
        key = match(body, position)
        value = key and _SCALAR.match(body, key.end())
        if key is None or value is None:
            break
        match = _NEXT.match
        position = value.end()
        name = _text.decode(key[1])
        if name in edits:
            front.append(Member(name, key.start(1), value.start(), position))
    return front


def _replaced(body: bytes, present: list[Member], edits: Mapping[str, bytes | None]) -> bytes:
    whole = memoryview(body)  # a slice of bytes is a copy, and a body may be half a megabyte
    parts: list[bytes | memoryview] = []
    position = 0
    for key, _, start, end in present:
        parts += (whole[position:start], edits[key] or b"")
        position = end
    parts.append(whole[position:])
    return b"".join(parts)


def _rebuilt(body: bytes, found: Sequence[Member], edits: Mapping[str, bytes | None], last: dict[str, Member]) -> bytes:
    """Write the object anew from kept members, each with the separator that stood before it."""
    head = found[0].key_start
    parts = [body[:head]]
    previous_end = head
    for member in found:
        separator = body[previous_end : member.key_start]
        previous_end = member.end
        raw: bytes | None = body[member.start : member.end]
        if member.key in last:
            raw = edits[member.key] if member is last[member.key] else None
        if raw is None:
            continue
        if len(parts) > 1:
            parts.append(separator)
        parts += (body[member.key_start : member.start], raw)
    parts.append(body[previous_end:])
    return b"".join(parts)


def _pair(key: str, raw: bytes) -> bytes:
    return msgspec.json.encode(key) + b":" + raw


def _append(body: bytes, missing: Mapping[str, bytes]) -> bytes:
    end = body.rindex(b"}")
    content = body[:end].rstrip(b" \t\n\r")
    pairs = b",".join([_pair(key, raw) for key, raw in missing.items()])
    comma = b"" if content.endswith(b"{") else b","
    return b"".join((content, comma, pairs, body[len(content) :]))


def insert_first(body: bytes, key: str, raw: bytes) -> bytes:
    """Return the body with one more member in front. The caller knows that the key is not there; raises NotAnObject.

    Costs one copy: only the opening is looked at, the rest is taken to be well formed.
    """
    start = _opening(body)
    comma = b"" if body[start : start + 1] == b"}" else b","
    return b"".join((body[:start], _pair(key, raw), comma, body[start:]))
