"""Decisions with what was seen of their outcomes, read from the ledger: the rows that a classifier is trained and judged on.

A request's text is in the ledger only where `ledger.keep_asks` says so; without it a row has what the classifier said and
counted, not what it read, and serves replays but no training. Feedback counts only
from the key that made the call. Opened read-only: it can be read while the gateway writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

import msgspec

from gateway.adapters.ledger import SCHEMA_VERSION
from gateway.errors import ConfigError
from gateway.ir.exchange import LedgerRow

WEIGHTS: Final[Mapping[str, float]] = {
    "thumbs": 4.0,
    "tests_pass": 2.0,
    "tests_fail": 1.0,
    "re_ask": 2.0,
    "model_switch": 2.0,
    "revert": 1.0,
    "moved_up": 2.0,
}
"""How much a sign says. A human's word goes first; checks fail on the way to every success, so that says least."""


DONE: Final = 0.5
"""Success above this: more speaks for the work than against it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One decision. `scores` are the lanes' probabilities as said then (empty: by rules), `signals` the session's counts,
    `chance` the probability with which this lane was chosen. `success` is in 0..1, None where nothing was seen; `seen` are
    its signs by kind, `weight` how much they say together."""

    request_id: str
    at_s: float
    session: str
    key_id: str
    harness: str
    call: str
    task: str | None
    lane: str
    model: str
    cost_usd_micros: int
    classifier: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    signals: Mapping[str, int] = field(default_factory=dict)
    chance: float = 1.0
    ask: str = ""
    moved: str = ""
    """Kind of the move that this decision was, "" if it was none."""
    success: float | None = None
    weight: float = 0.0
    seen: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lanes on one ask: the session was moved from `weak` to `strong` because the work failed. The gain is what the
    strong one did that the weak one did not."""

    weak: Row
    strong: Row

    @property
    def gain(self) -> float | None:
        if self.weak.success is None or self.strong.success is None:
            return None
        return self.strong.success - self.weak.success


class _Move(msgspec.Struct):
    kind: str = ""
    made: bool = False


class _Decision(msgspec.Struct):
    move: _Move | None = None


class _Record(msgspec.Struct):
    decision: _Decision = msgspec.field(default_factory=_Decision)
    scores: dict[str, float] | None = None
    signals: dict[str, int] | None = None
    classifier: str = ""
    chance: float = 1.0
    ask: str = ""


_row_of = msgspec.json.Decoder(LedgerRow).decode
_decode = msgspec.json.Decoder(_Record).decode

_CALLS = """
SELECT request_id, at_s, session, key_id, harness, call, task, lane, model, cost_usd_micros,
       json_extract(extra, '$.decision')
FROM calls
WHERE outcome = 'ok' AND json_extract(extra, '$.decision') IS NOT NULL AND at_s >= ?
ORDER BY session, at_s, id
"""
_SEEN = """
SELECT o.request_id, o.kind, o.value FROM outcomes o JOIN entries e ON e.request_id = o.request_id
WHERE e.at_s >= ? AND json_extract(e.row, '$.key_id') = o.key_id
ORDER BY o.at_s
"""


def rows(path: Path, since_s: float = 0.0) -> Iterator[Row]:
    """Decisions since then, session by session, in order of time: human asks and moves, not the turns in between.
    ConfigError when there is no ledger or it is of another version."""
    for group in _sessions(path, since_s):
        yield from group


def pairs(path: Path, since_s: float = 0.0) -> Iterator[Pair]:
    """Where a session moved up on evidence, what failed beside what followed."""
    for group in _sessions(path, since_s):
        for weak, strong in pairwise(group):
            if strong.moved == "evidence" and weak.lane != strong.lane:
                yield Pair(weak, strong)


def lines(path: Path, since_s: float = 0.0) -> Iterator[dict[str, object]]:
    """Training rows as `interlock classifier retrain` takes them: ask, group, lane, success, propensity and, for several
    lanes on one ask, pair. Only decisions whose ask was kept and whose outcome was seen.

    What the local lane did, the frontier lane is taken to do as well: such an ask has a second line with `assumed`. Without
    these the pairs would be only the asks at which the local lane failed, and whoever learns from them would send everything
    upwards."""
    for group in _sessions(path, since_s):
        chains = _chains(group)
        for row in group:
            if not row.ask or row.success is None:
                continue
            pair = chains.get(row.request_id)
            assumed = pair is None and row.lane == "local" and row.success > DONE
            line: dict[str, object] = {
                "ask": row.ask,
                "group": row.session,
                "lane": row.lane,
                "success": row.success,
                "propensity": row.chance,
            }
            if pair is None and not assumed:
                yield line
                continue
            line["pair"] = pair or row.request_id
            yield line
            if assumed:
                yield line | {"lane": "frontier", "propensity": 1.0, "assumed": True}


def _chains(group: Sequence[Row]) -> dict[str, str]:
    """Decisions on one ask that went from lane to lane because the work failed, under the id of the first."""
    found: dict[str, str] = {}
    for weak, strong in pairwise(group):
        if strong.moved == "evidence" and weak.lane != strong.lane:
            found[strong.request_id] = found.setdefault(weak.request_id, weak.request_id)
    return found


def calls(path: Path, since_s: float = 0.0) -> Iterator[LedgerRow]:
    """Every row since then, in order of time. ConfigError as `rows`."""
    with closing(opened(path)) as db:
        for (text,) in db.execute("SELECT row FROM entries WHERE at_s >= ? ORDER BY at_s, id", (since_s,)):
            yield _row_of(text)


def _sessions(path: Path, since_s: float) -> Iterator[list[Row]]:
    with closing(opened(path)) as db:
        seen: dict[str, dict[str, float]] = {}
        for request_id, kind, value in db.execute(_SEEN, (since_s,)):
            seen.setdefault(request_id, {})[kind] = value
        for _, group in groupby(db.execute(_CALLS, (since_s,)), key=lambda row: row[2]):
            found = [row for raw in group if (row := _row(raw, seen)) is not None]
            yield _moved_away(found)


def opened(path: Path) -> sqlite3.Connection:
    """Read-only. ConfigError when it is not there or of another version."""
    if not path.is_file():
        raise ConfigError(f"there is no ledger at {path}")
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        db.close()
        raise ConfigError(f"{path} is of version {version}, not {SCHEMA_VERSION}; a start of the gateway brings it up")
    return db


def _row(raw: tuple[object, ...], seen: Mapping[str, Mapping[str, float]]) -> Row | None:
    """None for a turn in which nothing was decided, and for a record that cannot be read."""
    *columns, text = raw
    try:
        record = _decode(str(text))
    except msgspec.MsgspecError:
        return None
    move = record.decision.move
    moved = move.kind if move is not None and move.made else ""
    if columns[5] not in ("main", "subagent") and not moved:
        return None
    signs = seen.get(str(columns[0]), {})
    success, weight = judged(signs)
    return Row(
        *columns,  # type: ignore[arg-type, call-arg]
        record.classifier,
        record.scores or {},
        record.signals or {},
        record.chance,
        record.ask,
        moved,
        success,
        weight,
        signs,
    )


def _moved_away(found: list[Row]) -> list[Row]:
    """A decision that the work's failure ended has failed, whatever else was seen."""
    result = list(found)
    for place, (row, later) in enumerate(pairwise(found)):
        if later.moved == "evidence":
            signs = {**row.seen, "moved_up": -1.0}
            success, weight = judged(signs)
            result[place] = replace(row, success=success, weight=weight, seen=signs)
    return result


def judged(signs: Mapping[str, float]) -> tuple[float | None, float]:
    """Success in 0..1 as the weighted mean of the signs, and their weight; (None, 0) without any."""
    weight = sum(WEIGHTS.get(kind, 1.0) for kind in signs)
    if not weight:
        return None, 0.0
    mean = sum(WEIGHTS.get(kind, 1.0) * value for kind, value in signs.items()) / weight
    return (mean + 1) / 2, weight
