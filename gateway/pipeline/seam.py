"""Where one model's text ends and another's goes on. Pure.

A model that was asked to go on often begins a little too early: with the last words again, or with the whole answer. What it
repeats is taken out before the client sees it; so text is held back for as long as it may be a repetition, and no longer.
"""

from __future__ import annotations

from typing import Final

OVERLAP_CHARS_MIN: Final = 12
OVERLAP_WORDS_MIN: Final = 6
"""Letters and digits in an overlap: less may be chance (code repeats its brackets and indents)."""

OVERLAP_CHARS_MAX: Final = 2000


class Seam:
    """`said` is what the client has. `continued`: the model was made to go on by its prefix (prefill), which it received
    without the white space at its end; then only that can come twice."""

    def __init__(self, said: str, *, continued: bool) -> None:
        self._space = said[len(said.rstrip()) :]
        self._said = "" if continued else said
        self._held = ""
        self._open = True

    def feed(self, text: str) -> str:
        """What of it, and of what was held, is new."""
        if not self._open:
            return text
        self._held += text
        if self._undecided():
            return ""
        return self.close()

    def close(self) -> str:
        """What is left at the end of the block."""
        held, self._held, self._open = self._held, "", False
        if not held:
            return ""
        repeated = self._overlap(held)
        if repeated:
            return held[repeated:]
        common = 0
        while common < min(len(held), len(self._space)) and held[common] == self._space[common]:
            common += 1
        return held[common:]

    def _undecided(self) -> bool:
        held = self._held
        if self._space.startswith(held):
            return True
        if self._said.startswith(held):
            return True  # the whole answer again, so far
        tail = self._said[-OVERLAP_CHARS_MAX:]
        return any(tail.startswith(held, start) for start in _places(tail, held[:1]))

    def _overlap(self, held: str) -> int:
        """Characters at the beginning of `held` that end what was said; 0 when they may be chance."""
        if self._said and held.startswith(self._said):
            return len(self._said)
        longest = min(len(held), len(self._said), OVERLAP_CHARS_MAX)
        for length in range(longest, OVERLAP_CHARS_MIN - 1, -1):
            if self._said.endswith(held[:length]):
                words = sum(map(str.isalnum, held[:length]))
                return length if words >= OVERLAP_WORDS_MIN else 0
        return 0


def _places(text: str, first: str) -> list[int]:
    """Where `first` stands in `text`."""
    found, at = [], text.find(first) if first else -1
    while at >= 0:
        found.append(at)
        at = text.find(first, at + 1)
    return found
