"""State in this process, written behind to a SQLite file: as fast as memory, and a restart finds it again.

For one process alone (several read each other's writes, which memory in front of the file would hide: they use the file
itself). Reads that hit memory touch nothing else; those that miss ask the file only for keys known to be in it. Writes
reach the file `FLUSH_S` later, many in one transaction, made in a thread: a process that is killed loses at most those.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from gateway.adapters import bulk
from gateway.adapters.state.memory import MemoryState
from gateway.adapters.state.sqlite import SWEEP_EVERY, open_file
from gateway.errors import StateUnavailable
from gateway.ports import Clock
from gateway.telemetry import LOG

T = TypeVar("T")

FLUSH_S = 0.1

DIRTY_MAX = 50_000
"""Writes that may wait while the disk stands still; after that the oldest are kept in memory only."""

Place = tuple[str, str]
Write = tuple[bytes | None, float]
"""(value or None for a removal, Unix seconds of its end)."""

_log = logging.getLogger(LOG)


class _Wall:
    """A clock whose `monotonic` is the wall's: times in the file have to mean the same after a restart."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.now = self.monotonic = clock.now

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


class WriteBehindState:
    """`max_bytes` bounds the memory in front; what it pushes out is still in the file."""

    def __init__(self, clock: Clock, path: Path, max_bytes: int) -> None:
        self._clock = clock
        self._path = path
        self._front = MemoryState(_Wall(clock), max_bytes)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="state")
        self._db: sqlite3.Connection | None = None
        self._in_file: set[Place] | None = None
        self._dirty: dict[Place, Write] = {}
        self._writing: dict[Place, Write] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Future[None] | None = None
        self._writes = 0
        self._failing = False

    async def start(self) -> None:
        """Opens the file and learns its keys. sqlite3.Error when it cannot be used."""
        self._in_file = await self._in_thread(self._keys)

    async def get(self, ns: str, key: str) -> bytes | None:
        found = self._front.held(ns, key)
        if found is not None or not self._may_have((ns, key)):
            return found
        await self._fetch(ns, [key])
        return self._front.held(ns, key)

    async def get_many(self, ns: str, keys: Sequence[str]) -> list[bytes | None]:
        found = await self._front.get_many(ns, keys)
        missing = [key for key, value in zip(keys, found, strict=True) if value is None and self._may_have((ns, key))]
        if not missing:
            return found
        await self._fetch(ns, missing)
        return await self._front.get_many(ns, keys)

    async def put(self, ns: str, key: str, value: bytes, ttl_s: float) -> None:
        self._front.keep(ns, key, value, ttl_s)
        self._later((ns, key), (value, self._clock.now() + ttl_s))

    async def put_many(self, ns: str, items: Mapping[str, bytes], ttl_s: float) -> None:
        for key, value in items.items():
            await self.put(ns, key, value, ttl_s)

    async def put_if_absent(self, ns: str, key: str, value: bytes, ttl_s: float) -> bool:
        if await self.get(ns, key) is not None:
            return False
        if not await self._front.put_if_absent(ns, key, value, ttl_s):
            return False  # somebody was faster while the file was asked
        self._later((ns, key), (value, self._clock.now() + ttl_s))
        return True

    async def delete(self, ns: str, key: str) -> bool:
        alive = await self.get(ns, key) is not None
        await self._front.delete(ns, key)
        self._later((ns, key), (None, 0.0))
        return alive

    async def add(self, ns: str, key: str, amount: int, ttl_s: float) -> int:
        await self.get(ns, key)
        until = self._front.until(ns, key) or self._clock.now() + ttl_s
        total = await self._front.add(ns, key, amount, ttl_s)
        self._later((ns, key), (b"%d" % total, until))
        return total

    async def aclose(self) -> None:
        """Everything put so far is in the file afterwards."""
        if self._timer is not None:
            self._timer.cancel()
        if self._flushing is not None:
            await self._flushing
        if self._dirty:
            await self._flush()
        if self._db is not None:
            db, self._db = self._db, None
            await self._in_thread(db.close)
        self._thread.shutdown(wait=False)
        await self._front.aclose()

    # --- to the file ------------------------------------------------------------------------------------------

    def _later(self, place: Place, write: Write) -> None:
        self._dirty.pop(place, None)  # the newest goes last, so that the oldest are dropped at the bound
        self._dirty[place] = write
        if len(self._dirty) > DIRTY_MAX:
            self._dirty.pop(next(iter(self._dirty)))
        if self._timer is None and self._flushing is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._due)

    def _due(self) -> None:
        self._timer = None
        self._flushing = asyncio.ensure_future(self._flush())
        self._flushing.add_done_callback(self._flushed)

    def _flushed(self, _: asyncio.Future[None]) -> None:
        self._flushing = None
        if self._dirty and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._due)

    async def _flush(self) -> None:
        self._writing, self._dirty = self._dirty, {}
        try:
            await self._in_thread(lambda: self._write(self._writing))
        except sqlite3.Error as error:
            # Nothing is lost while the process lives; a newer write of the same key must win over the one put back.
            self._dirty = self._writing | self._dirty
            if not self._failing:
                _log.error("state is kept in memory only for now: %s: %s", self._path, error)
            self._failing = True
        else:
            self._known(self._writing)
            if self._failing:
                _log.info("state is written to %s again", self._path)
            self._failing = False
        finally:
            self._writing = {}

    def _known(self, written: dict[Place, Write]) -> None:
        if self._in_file is not None:
            self._in_file.update(place for place, (value, _) in written.items() if value is not None)
            self._in_file.difference_update(place for place, (value, _) in written.items() if value is None)

    def _write(self, writes: dict[Place, Write]) -> None:
        db = self._open()
        kept = [(*place, value, until) for place, (value, until) in writes.items() if value is not None]
        gone = [place for place, (value, _) in writes.items() if value is None]
        self._writes += len(writes)
        with db:
            db.execute("BEGIN IMMEDIATE")
            bulk.insert(db, "INSERT OR REPLACE INTO state (ns, key, value, expires_s)", 4, kept)
            if gone:
                db.executemany("DELETE FROM state WHERE ns = ? AND key = ?", gone)
            if self._writes >= SWEEP_EVERY:
                self._writes = 0
                db.execute("DELETE FROM state WHERE expires_s <= ?", (self._clock.now(),))

    # --- from the file ----------------------------------------------------------------------------------------

    def _may_have(self, place: Place) -> bool:
        if place in self._dirty or place in self._writing:  # pushed out of memory before it was written, or removed
            return True
        return self._in_file is None or place in self._in_file

    async def _fetch(self, ns: str, keys: list[str]) -> None:
        """Into the memory in front, unless it was written meanwhile."""
        try:
            rows = await self._in_thread(lambda: self._read(ns, keys))
        except sqlite3.Error as error:
            raise StateUnavailable(f"the state store ({self._path.name}) did not answer: {error}") from error
        now = self._clock.now()
        for key in keys:
            place = (ns, key)
            value, until = self._dirty.get(place) or self._writing.get(place) or rows.get(key, (None, 0.0))
            if value is not None and until > now:
                await self._front.put_if_absent(ns, key, value, until - now)
            elif self._in_file is not None and key not in rows:
                self._in_file.discard(place)

    def _read(self, ns: str, keys: list[str]) -> dict[str, Write]:
        db = self._open()
        found: dict[str, Write] = {}
        for key in keys:
            row = db.execute(
                "SELECT value, counter, expires_s FROM state WHERE ns = ? AND key = ?", (ns, key)
            ).fetchone()
            if row is not None:
                found[key] = (bytes(row[0]) if row[0] is not None else b"%d" % row[1], row[2])
        return found

    def _keys(self) -> set[Place]:
        return set(self._open().execute("SELECT ns, key FROM state WHERE expires_s > ?", (self._clock.now(),)))

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_file(self._path)
        return self._db

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
