"""State in one SQLite file (WAL): survives restarts, shared by the workers of one machine. One thread owns the connection,
so the event loop never waits for the disk.

A file that stays locked or cannot be written raises StateUnavailable, and the callers decide what a request without memory
may do.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from gateway.errors import StateUnavailable
from gateway.ports import Clock

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (
    ns TEXT NOT NULL, key TEXT NOT NULL, value BLOB, counter INTEGER, expires_s REAL NOT NULL,
    PRIMARY KEY (ns, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS state_expires ON state (expires_s);
"""

SWEEP_EVERY = 500
"""Writes between two removals of what has expired."""

KEYS_MAX = 500
"""Asked for in one query; SQLite's bound on its parameters is 32,766, in old builds 999."""

BUSY_S = 5.0
"""How long a write waits for those of other processes. Each holds the lock for well under a millisecond."""


def open_file(path: Path) -> sqlite3.Connection:
    """The file, made if it is not there, for the use of any one thread at a time. Blocking; sqlite3.Error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(_SCHEMA)
    return db


class SqliteState:
    """`clock.now()` is compared with stored times, so several processes agree."""

    def __init__(self, clock: Clock, path: Path) -> None:
        self._clock = clock
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="state")
        self._db: sqlite3.Connection | None = None
        self._writes = 0

    async def get(self, ns: str, key: str) -> bytes | None:
        return (await self.get_many(ns, [key]))[0]

    async def get_many(self, ns: str, keys: Sequence[str]) -> list[bytes | None]:
        if not keys:
            return []
        return await self._run(lambda db: self._read_all(db, ns, keys))

    async def put(self, ns: str, key: str, value: bytes, ttl_s: float) -> None:
        await self.put_many(ns, {key: value}, ttl_s)

    async def put_many(self, ns: str, items: Mapping[str, bytes], ttl_s: float) -> None:
        until = self._clock.now() + ttl_s
        rows = [(ns, key, value, until) for key, value in items.items()]

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.executemany(
                    "INSERT OR REPLACE INTO state (ns, key, value, counter, expires_s) VALUES (?, ?, ?, NULL, ?)", rows
                )
                self._sweep(db)

        await self._run(write)

    async def put_if_absent(self, ns: str, key: str, value: bytes, ttl_s: float) -> bool:
        now = self._clock.now()

        def write(db: sqlite3.Connection) -> bool:
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("DELETE FROM state WHERE ns = ? AND key = ? AND expires_s <= ?", (ns, key, now))
                done = db.execute(
                    "INSERT OR IGNORE INTO state (ns, key, value, expires_s) VALUES (?, ?, ?, ?)",
                    (ns, key, value, now + ttl_s),
                )
                return done.rowcount == 1

        return await self._run(write)

    async def delete(self, ns: str, key: str) -> bool:
        now = self._clock.now()

        def write(db: sqlite3.Connection) -> bool:
            with db:
                db.execute("BEGIN IMMEDIATE")
                alive = self._read_at(db, ns, key, now) is not None
                db.execute("DELETE FROM state WHERE ns = ? AND key = ?", (ns, key))
                return alive

        return await self._run(write)

    async def add(self, ns: str, key: str, amount: int, ttl_s: float) -> int:
        now = self._clock.now()

        def write(db: sqlite3.Connection) -> int:
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("DELETE FROM state WHERE ns = ? AND key = ? AND expires_s <= ?", (ns, key, now))
                row = db.execute(
                    "INSERT INTO state (ns, key, counter, expires_s) VALUES (?, ?, ?, ?) "
                    "ON CONFLICT (ns, key) DO UPDATE SET counter = counter + excluded.counter RETURNING counter",
                    (ns, key, amount, now + ttl_s),
                ).fetchone()
                return int(row[0])

        return await self._run(write)

    async def aclose(self) -> None:
        if self._db is not None:
            await self._run(lambda db: db.close())
            self._db = None
        self._thread.shutdown(wait=False)

    # --- in the thread ----------------------------------------------------------------------------------------

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._told, work)

    def _told(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._open())
        except sqlite3.Error as error:
            raise StateUnavailable(f"the state store ({self._path.name}) did not answer: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_file(self._path)
        return self._db

    def _read_all(self, db: sqlite3.Connection, ns: str, keys: Sequence[str]) -> list[bytes | None]:
        now = self._clock.now()
        if len(keys) == 1:
            return [self._read_at(db, ns, keys[0], now)]
        found: dict[str, bytes] = {}
        for start in range(0, len(keys), KEYS_MAX):
            some = keys[start : start + KEYS_MAX]
            marks = ", ".join("?" * len(some))
            query = f"SELECT key, value, counter FROM state WHERE ns = ? AND expires_s > ? AND key IN ({marks})"
            for key, value, counter in db.execute(query, (ns, now, *some)):
                found[key] = bytes(value) if value is not None else b"%d" % counter
        return [found.get(key) for key in keys]

    @staticmethod
    def _read_at(db: sqlite3.Connection, ns: str, key: str, now: float) -> bytes | None:
        row = db.execute(
            "SELECT value, counter FROM state WHERE ns = ? AND key = ? AND expires_s > ?", (ns, key, now)
        ).fetchone()
        if row is None:
            return None
        return bytes(row[0]) if row[0] is not None else str(row[1]).encode()

    def _sweep(self, db: sqlite3.Connection) -> None:
        self._writes += 1
        if self._writes % SWEEP_EVERY == 0:
            db.execute("DELETE FROM state WHERE expires_s <= ?", (self._clock.now(),))
