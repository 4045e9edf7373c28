"""A board in shared memory on which the workers of one supervisor post what they count, so that any of them can answer for
all: one slot per worker, written by it alone, readable by everyone. Made before the workers are forked; it is gone with
them, so nothing has to be cleaned up.

A slot has two sides. A post is written on the side that is not shown, then the slot is turned: a worker that is killed
while it writes leaves the last whole post behind, and there is no lock that it could leave held. A reader that is overtaken
by two posts sees the checksum fail and looks again.
"""

from __future__ import annotations

import mmap
import struct
import zlib

_SIDE = struct.Struct("<II")
"""Length and checksum of what follows."""
_CREW = struct.Struct("<BI")
"""Whether a worker is alive there, and how often one was started."""
_HEAD_BYTES = 8
"""The shown side, padded."""

SIDE_BYTES = 512 * 1024
"""Room of one post; memory is taken only for what is written. A snapshot of 50 models on 20 routes is under 100 KB."""

LOOKS = 50


class Board:
    """`slots` workers. The page before the slots is the supervisor's: who is alive, and how often one was started again."""

    def __init__(self, slots: int, side_bytes: int = SIDE_BYTES) -> None:
        self.slots = slots
        self._side_bytes = side_bytes
        self._slot_bytes = _HEAD_BYTES + 2 * side_bytes
        self._first = -(-slots * _CREW.size // mmap.PAGESIZE) * mmap.PAGESIZE
        self._map = mmap.mmap(-1, self._first + slots * self._slot_bytes)

    def post(self, slot: int, data: bytes) -> bool:
        """False when it is too large: what was posted before stays."""
        if len(data) + _SIDE.size > self._side_bytes:
            return False
        head = self._head(slot)
        hidden = 1 - self._map[head]
        start = self._side(slot, hidden)
        self._map[start : start + _SIDE.size + len(data)] = _SIDE.pack(len(data), zlib.crc32(data)) + data
        self._map[head] = hidden
        return True

    def read(self, slot: int) -> bytes | None:
        """What was posted last; None when nothing was."""
        for _ in range(LOOKS):
            start = self._side(slot, self._map[self._head(slot)])
            length, check = _SIDE.unpack(self._map[start : start + _SIDE.size])
            if length == 0:
                return None
            data = self._map[start + _SIDE.size : start + _SIDE.size + min(length, self._side_bytes)]
            if zlib.crc32(data) == check:
                return data
        return None

    # --- the supervisor's page --------------------------------------------------------------------------------

    def began(self, slot: int) -> None:
        """A worker was started there; the second and later ones are restarts."""
        self._write(slot, 1, self._crew(slot)[1] + 1)

    def ended(self, slot: int) -> None:
        self._write(slot, 0, self._crew(slot)[1])

    def alive(self, slot: int) -> bool:
        return bool(self._crew(slot)[0])

    def restarts(self) -> int:
        """Of all workers together."""
        return sum(max(0, self._crew(slot)[1] - 1) for slot in range(self.slots))

    # --- inside -----------------------------------------------------------------------------------------------

    def _head(self, slot: int) -> int:
        return self._first + slot * self._slot_bytes

    def _side(self, slot: int, side: int) -> int:
        return self._head(slot) + _HEAD_BYTES + side * self._side_bytes

    def _crew(self, slot: int) -> tuple[int, int]:
        at = slot * _CREW.size
        alive, starts = _CREW.unpack(self._map[at : at + _CREW.size])
        return alive, starts

    def _write(self, slot: int, alive: int, starts: int) -> None:
        at = slot * _CREW.size
        self._map[at : at + _CREW.size] = _CREW.pack(alive, starts)
