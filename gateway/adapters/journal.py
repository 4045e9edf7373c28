"""Calls under way, written down beside the bill, so that a gateway that is killed does not lose them silently.

Opening a call is one entry in a dict. The ledger's thread looks at the dict once in `LOOK_S`; a call that it sees for the
second time (so one that has run for at most twice as long) is written as the row that it would leave if it ended now, and is
written again every `REFRESH_S` while it runs. Ending it removes both. So short calls cost nothing here, and what a killed
gateway leaves are rows that the next start puts into the bill as outcome `lost`.

Whose rows are left over is told by a lock: each process holds one on a file of its own, and the system takes it away with
the process, however that ended.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import msgspec

from gateway.adapters import bulk
from gateway.ir.exchange import LedgerRow
from gateway.telemetry import LOG

LOOK_S = 0.1
REFRESH_S = 5.0

AT_ONCE = 50
"""Rows made before they are written: a thousand at a time would be room that the process never gives back."""

SCHEMA = """
CREATE TABLE open_calls (
    request_id TEXT PRIMARY KEY, run TEXT NOT NULL, at_s REAL NOT NULL, row TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX open_calls_run ON open_calls (run)
"""

Look = Callable[[], LedgerRow]
Entry = Callable[[LedgerRow], tuple[str, float, str]]

_PUT = "INSERT OR REPLACE INTO open_calls (request_id, run, at_s, row)"

_decode = msgspec.json.Decoder(LedgerRow).decode

_log = logging.getLogger(LOG)


class Journal:
    """`opened` and `ended` belong to the event loop, the rest to the ledger's thread. `entry` is how a row is stored."""

    def __init__(self, ledger: Path, entry: Entry) -> None:
        self._folder = ledger.with_name(ledger.name + "-runs")
        self._entry = entry
        self.run = secrets.token_hex(8)
        self._lock: IO[bytes] | None = None
        self._open: dict[str, Look] = {}
        self._seen: set[str] = set()
        self._written: set[str] = set()
        self._waiting: set[str] = set()
        """Written before any model was asked: they are looked at until one is, since only then is there something to pay."""
        self._looks = 0

    # --- on the event loop ------------------------------------------------------------------------------------

    def opened(self, request_id: str, look: Look) -> None:
        """`look` gives the row as it would be if the call ended now; it is asked in another thread."""
        self._open[request_id] = look

    def ended(self, request_id: str) -> None:
        self._open.pop(request_id, None)

    # --- in the ledger's thread -------------------------------------------------------------------------------

    def begin(self, db: sqlite3.Connection) -> list[LedgerRow]:
        """Takes this process's lock, and books the calls of processes that are gone. The rows that were lost."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _locked(self._folder / self.run)
        dead = [run for run in self._runs(db) if run != self.run and self._gone(run)]
        lost = [row for run in dead for row in _settle(db, run)]
        if lost:
            _log.warning("%d calls were under way when a gateway was killed: booked as lost", len(lost))
        return lost

    def look(self, db: sqlite3.Connection) -> None:
        """Writes down what has been open since the last look, and now and then all of it anew. sqlite3.Error."""
        self._looks += 1
        current = dict(self._open)
        due = {id_ for id_ in current if id_ in self._seen and (id_ not in self._written or id_ in self._waiting)}
        if self._looks * LOOK_S >= REFRESH_S:
            self._looks = 0
            due |= current.keys() & self._written
        self._seen = set(current)
        if not due:
            return
        waiting: set[str] = set()

        def entries() -> Iterator[tuple[str, str, float, str]]:
            for id_ in due:
                if (row := _looked(current[id_])) is not None:
                    if not row.hops:
                        waiting.add(id_)
                    _, at_s, text = self._entry(row)
                    yield id_, self.run, at_s, text

        with db:
            db.execute("BEGIN IMMEDIATE")
            made = entries()
            while some := list(islice(made, AT_ONCE)):
                bulk.insert(db, _PUT, 4, some)
        self._written |= due
        self._waiting = waiting | (self._waiting & current.keys() - due)

    def settled(self, db: sqlite3.Connection, request_ids: list[str]) -> None:
        """These are in the bill by the same transaction."""
        gone = self._written.intersection(request_ids)
        if gone:
            db.execute(
                "DELETE FROM open_calls WHERE request_id IN (SELECT value FROM json_each(?))", (json.dumps(list(gone)),)
            )
            self._written -= gone
            self._waiting -= gone

    def end(self) -> None:
        """Nothing is left over."""
        if self._lock is not None:
            (self._folder / self.run).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    # --- inside -----------------------------------------------------------------------------------------------

    def _runs(self, db: sqlite3.Connection) -> set[str]:
        left = {str(row[0]) for row in db.execute("SELECT DISTINCT run FROM open_calls")}
        return left | {path.name for path in self._folder.iterdir()}

    def _gone(self, run: str) -> bool:
        """The process is: its lock can be had. Its file goes too."""
        path = self._folder / run
        if not path.exists():
            return True
        held = _locked(path)
        if held is None:
            return False
        with held:
            path.unlink(missing_ok=True)
        return True


def _locked(path: Path) -> IO[bytes] | None:
    """The file with its lock; None when another process holds it."""
    file = path.open("ab")
    os.chmod(path, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _looked(look: Look) -> LedgerRow | None:
    """None when it cannot be had: the next look, or the end of the call, will tell more."""
    try:
        return look()
    except Exception:  # noqa: BLE001 - the edge of the thread: the bill must go on, whatever a flight looks like in mid-change
        _log.warning("a call under way could not be written down", exc_info=True)
        return None


def _settle(db: sqlite3.Connection, run: str) -> list[LedgerRow]:
    """Into the bill, once: a row that was booked before its process died stays as it is."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        texts = db.execute(
            "SELECT o.row FROM open_calls o WHERE o.run = ? AND NOT EXISTS "
            "(SELECT 1 FROM entries e WHERE e.request_id = o.request_id)",
            (run,),
        ).fetchall()
        db.execute(
            "INSERT OR IGNORE INTO entries (request_id, at_s, row) SELECT request_id, at_s, row FROM open_calls "
            "WHERE run = ?",
            (run,),
        )
        db.execute("DELETE FROM open_calls WHERE run = ?", (run,))
    return [_decode(text) for (text,) in texts]
