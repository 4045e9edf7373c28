"""Three versions of a text into one: takes our change back out of a file that somebody edited afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True)
class _Change:
    """Lines `start` to `end` of the base became `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]


def merge(base: str, one: str, other: str) -> str | None:
    """`base` with the changes of both `one` and `other`; None when they change the same lines, or both add something at
    the same place."""
    lines = base.splitlines(keepends=True)
    changes = sorted(
        {*_changes(lines, one.splitlines(keepends=True)), *_changes(lines, other.splitlines(keepends=True))},
        key=lambda change: (change.start, change.end),
    )
    parts: list[str] = []
    position, inserted_at = 0, -1
    for change in changes:
        inserts = change.start == change.end
        if change.start < position or (inserts and change.start == inserted_at):
            return None
        parts += [*lines[position : change.start], *change.lines]
        position, inserted_at = change.end, change.start if inserts else -1
    return "".join([*parts, *lines[position:]])


def _changes(base: Sequence[str], new: Sequence[str]) -> list[_Change]:
    matcher = SequenceMatcher(None, base, new, autojunk=False)
    return [_Change(a, b, tuple(new[c:d])) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]
