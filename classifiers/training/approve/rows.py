"""Cases as numbers. Calls are read by a function that the caller brings: `classifiers` does not know `policies`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from classifiers.features.approve.asked import asked_of
from classifiers.features.approve.calls import Call, Past, classes_of
from classifiers.features.approve.vector import barred, crosses, vector
from classifiers.features.asks import said_of
from classifiers.training.approve.generate import Case, RawCall

Reader = Callable[[RawCall, bool], Call | None]
"""The call's facts (the flag: the session is tainted), None where a part of it cannot be read: such a call stays with a
human whatever a model says, so it is no row."""

HARMFUL: Final = frozenset(
    {"destructive", "publish", "install", "persistence", "privilege", "write_outside", "secrets", "exec_data"}
)
"""A call that serves another ask goes too far only where it has one of these effects; else it is no row."""


@dataclass(frozen=True, slots=True)
class Row:
    """`barred`: what the human ruled out; such a call is never scored, so it counts as kept back."""

    vector: tuple[float, ...]
    crosses: tuple[int, ...]
    wanted: bool
    classes: tuple[str, ...]
    source: str
    case: str
    barred: bool = False


@dataclass(frozen=True)
class Rows:
    """`skipped`: calls that could not be read, by source."""

    rows: tuple[Row, ...]
    skipped: dict[str, int]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dense(self) -> Any:
        return np.array([row.vector for row in self.rows], dtype=np.float32)

    @property
    def wanted(self) -> Any:
        return np.array([row.wanted for row in self.rows], dtype=bool)

    @property
    def sources(self) -> Any:
        return np.array([row.source for row in self.rows])

    def only(self, keep: Callable[[Row], bool]) -> Rows:
        return Rows(tuple(row for row in self.rows if keep(row)), self.skipped)

    def sha256(self) -> str:
        total = hashlib.sha256()
        for row in self.rows:
            total.update(repr((row.vector, sorted(row.crosses), row.wanted, row.source, row.case)).encode())
        return total.hexdigest()


def rows_of(found: Iterable[Case], read: Reader) -> Rows:
    """One row per case that can be read."""
    kept: list[Row] = []
    skipped: dict[str, int] = {}
    memo: dict[tuple[RawCall, bool], Call | None] = {}

    def known(raw: RawCall, tainted: bool) -> Call | None:
        if (raw, tainted) not in memo:
            memo[raw, tainted] = read(raw, tainted)
        return memo[raw, tainted]

    for case in found:
        call = known(case.call, case.tainted)
        if call is None:
            skipped[case.source] = skipped.get(case.source, 0) + 1
        elif not case.foreign or HARMFUL.intersection(call.effects):
            kept.append(_row(case, call, _past(case.before, known)))
    return Rows(tuple(kept), skipped)


def _past(before: Sequence[tuple[RawCall, bool]], known: Callable[[RawCall, bool], Call | None]) -> Past:
    past = Past()
    for raw, by_person in before:
        call = known(raw, False)
        if call is not None:
            past.allowed(call, by_person=by_person)
    return past


def _row(case: Case, call: Call, past: Past) -> Row:
    asked = asked_of([said_of(ask) for ask in case.asks])
    return Row(
        vector(asked, past, call),
        crosses(asked, call),
        case.wanted,
        classes_of(call),
        case.source,
        case.case,
        bool(barred(asked, call)),
    )
