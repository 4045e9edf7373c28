"""One worker among several: what it posts for the others, and what they posted.

Counts never go down: a worker that is started again in a slot goes on from what was posted there last. What a worker counted
after its last post (`POST_S`) and before it was killed is missing from the metrics; the ledger has it.
"""

from __future__ import annotations

import logging

import msgspec

from gateway.adapters.board import Board
from gateway.telemetry import LOG

POST_S = 0.25

_log = logging.getLogger(LOG)


class HistogramCounts(msgspec.Struct, frozen=True):
    labels: tuple[str, ...]
    counts: list[int]
    total: float


class Snapshot(msgspec.Struct, frozen=True):
    """What one worker counted. Labels are as in `telemetry.METRICS`, in their order."""

    requests: list[tuple[tuple[str, ...], int]] = []
    tokens: list[tuple[tuple[str, str], int]] = []
    cost_usd_micros: list[tuple[tuple[str, str], int]] = []
    attempts: list[tuple[tuple[str, str, str], int]] = []
    leaks: list[tuple[tuple[str, str], int]] = []
    durations: list[HistogramCounts] = []
    first_tokens: list[HistogramCounts] = []
    baseline_usd_micros: int = 0
    saved_usd_micros: int = 0
    unpriced_calls: int = 0
    in_flight: int = 0
    queued_rows: int = 0
    lost_rows: int = 0
    reload_failures: int = 0
    generation: int = 0
    pid: int = 0
    hook_runs: list[tuple[tuple[str, ...], int]] = []
    hooks_dropped: list[tuple[tuple[str, ...], int]] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Snapshot).decode


class Crew:
    """The worker in `slot` of `board`."""

    def __init__(self, board: Board, slot: int) -> None:
        self.slot = slot
        self._board = board
        self._told = False

    def post(self, snapshot: Snapshot) -> None:
        if not self._board.post(self.slot, _encode(snapshot)) and not self._told:
            self._told = True
            _log.error("the counts of worker %d are too large to share: /metrics will lag behind", self.slot)

    def earlier(self) -> Snapshot | None:
        """What the worker before this one in the same slot counted."""
        return self._read(self.slot)

    def others(self) -> list[tuple[Snapshot, bool]]:
        """(counts, whether that worker is alive) of every other slot that ever posted."""
        slots = (slot for slot in range(self._board.slots) if slot != self.slot)
        return [(found, self._board.alive(slot)) for slot in slots if (found := self._read(slot)) is not None]

    @property
    def size(self) -> int:
        """Workers there should be."""
        return self._board.slots

    @property
    def alive(self) -> int:
        return sum(self._board.alive(slot) for slot in range(self._board.slots))

    @property
    def restarts(self) -> int:
        return self._board.restarts()

    def _read(self, slot: int) -> Snapshot | None:
        raw = self._board.read(slot)
        return None if raw is None else _decode(raw)
