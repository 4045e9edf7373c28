"""The bill in SQLite (WAL): one entry per call with its hops inside, written in batches by one thread that owns the file.

`record` only queues, so the event loop never waits for the disk. A batch is one transaction: after a crash the file holds
whole calls, and at most what ended within `BATCH_WAIT_S` before it is missing; calls under way are in the journal beside it.

An entry is the row as JSON; `calls` and `hops` are views over it. Thirty-seven columns, a second table and three indexes
cost 80 µs of CPU per call when they were written (measured; the whole request may cost 140), one JSON text costs 9. Reports
read far more seldom than calls are booked, so they pay for the unfolding.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from gateway.adapters import bulk, journal
from gateway.config.settings import LedgerConfig
from gateway.errors import ConfigError
from gateway.ir.exchange import LedgerRow, Seen
from gateway.telemetry import LOG

BATCH_MAX = 500
BATCH_WAIT_S = 0.05
"""How long a row may wait for company: a commit costs about as much as a hundred rows."""

EXPIRE_EVERY_S = 5.0

PAGE_BYTES = 16_384
"""A dozen calls to a page: the log of writes takes two system calls per page, 1.4 per call with SQLite's usual 4 KiB."""

BUSY_S = 10.0
"""How long a commit waits for those of other processes before it is tried again; each takes a few milliseconds."""

SCHEMA_VERSION = 5
_USAGE = """input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, cache_written_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, usage_source TEXT NOT NULL"""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE, at_s REAL NOT NULL,
    key_id TEXT NOT NULL, harness TEXT NOT NULL, session TEXT NOT NULL, dialect TEXT NOT NULL,
    model_asked TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL, lane TEXT NOT NULL,
    route TEXT NOT NULL, call TEXT NOT NULL, task TEXT, sticky INTEGER NOT NULL, stream INTEGER NOT NULL,
    outcome TEXT NOT NULL, status INTEGER NOT NULL, error TEXT, finish TEXT,
    {_USAGE},
    cost_usd_micros INTEGER NOT NULL, cost_parts TEXT NOT NULL, baseline_usd_micros INTEGER NOT NULL,
    price_version TEXT NOT NULL, ttft_ms REAL, total_ms REAL NOT NULL, gateway_ms REAL NOT NULL,
    request_bytes INTEGER NOT NULL, reply_bytes INTEGER NOT NULL, tags TEXT NOT NULL, extra TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS calls_at ON calls (at_s);
CREATE INDEX IF NOT EXISTS calls_session ON calls (session, at_s);
CREATE TABLE IF NOT EXISTS hops (
    call_id INTEGER NOT NULL REFERENCES calls (id) ON DELETE CASCADE, number INTEGER NOT NULL,
    model TEXT NOT NULL, provider TEXT NOT NULL, upstream_model TEXT NOT NULL, outcome TEXT NOT NULL,
    status INTEGER NOT NULL, error TEXT, ttft_ms REAL, total_ms REAL NOT NULL,
    {_USAGE},
    cost_usd_micros INTEGER NOT NULL, price_version TEXT NOT NULL,
    PRIMARY KEY (call_id, number)
) WITHOUT ROWID;
"""
"""Version 1; every later version is a step from it, so that old and new files end up alike."""

_USAGE_KINDS = (
    "input_tokens", "cached_tokens", "cache_written_tokens", "cache_written_1h_tokens", "output_tokens", "reasoning_tokens",
)  # fmt: skip
_CALL_FIELDS = (
    "request_id", "at_s", "key_id", "harness", "session", "dialect", "model_asked", "model", "provider", "lane", "route",
    "call", "task", "sticky", "stream", "outcome", "status", "error", "finish", "cost_usd_micros", "cost_parts",
    "baseline_usd_micros", "price_version", "ttft_ms", "total_ms", "gateway_ms", "request_bytes", "reply_bytes", "tags",
    "extra",
)  # fmt: skip
_HOP_FIELDS = (
    "model", "provider", "upstream_model", "lane", "outcome", "status", "error", "ttft_ms", "total_ms", "cost_usd_micros",
    "cost_parts", "price_version",
)  # fmt: skip


def _unfolded(json: str, fields: tuple[str, ...]) -> str:
    """The columns of a view: plain fields, the counts inside `usage`, and who counted."""
    plain = [f"json_extract({json}, '$.{name}') AS {name}" for name in fields if name not in ("at_s", "request_id")]
    counts = [f"json_extract({json}, '$.usage.{name}') AS {name}" for name in _USAGE_KINDS]
    return ", ".join([*plain, *counts, f"json_extract({json}, '$.usage.source') AS usage_source"])


def _folded(table: str, fields: tuple[str, ...]) -> str:
    """The arguments of json_object for a row of the columns that versions 1 and 2 had."""
    whole = ("cost_parts", "tags", "extra")
    flags = ("sticky", "stream")

    def value(name: str) -> str:
        column = f"{table}.{name}"
        if name in whole:
            return f"json({column})"
        return f"json(iif({column}, 'true', 'false'))" if name in flags else column

    usage = ", ".join(f"'{name}', {table}.{name}" for name in _USAGE_KINDS)
    pairs = [f"'{name}', {value(name)}" for name in fields]
    return ", ".join([*pairs, f"'usage', json_object({usage}, 'source', {table}.usage_source)"])


MIGRATIONS: dict[int, str] = {
    2: """
ALTER TABLE calls ADD COLUMN cache_written_1h_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hops ADD COLUMN cache_written_1h_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hops ADD COLUMN lane TEXT NOT NULL DEFAULT '';
ALTER TABLE hops ADD COLUMN cost_parts TEXT NOT NULL DEFAULT '{}';
""",
    3: f"""
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, at_s REAL NOT NULL, row TEXT NOT NULL
);
INSERT INTO entries SELECT c.id, c.request_id, c.at_s, json_object({_folded("c", _CALL_FIELDS)}, 'hops', json((
    SELECT json_group_array(json_object({_folded("h", _HOP_FIELDS)}))
    FROM (SELECT * FROM hops WHERE call_id = c.id ORDER BY number) h
))) FROM calls c;
DROP TABLE hops;
DROP TABLE calls;
CREATE INDEX entries_at ON entries (at_s);
CREATE VIEW calls AS SELECT id, request_id, at_s, {_unfolded("row", _CALL_FIELDS)} FROM entries;
CREATE VIEW hops AS SELECT e.id AS call_id, h.key AS number, e.at_s AS at_s, {_unfolded("h.value", _HOP_FIELDS)}
    FROM entries e, json_each(e.row, '$.hops') h;
""",
    4: journal.SCHEMA,
    5: """
CREATE TABLE outcomes (
    request_id TEXT NOT NULL, kind TEXT NOT NULL, by_request TEXT NOT NULL, at_s REAL NOT NULL, key_id TEXT NOT NULL,
    value REAL NOT NULL, note TEXT NOT NULL, PRIMARY KEY (request_id, kind, by_request)
) WITHOUT ROWID;
CREATE INDEX outcomes_at ON outcomes (at_s)
""",
}
"""To each version from the one before it."""

INTEGER_MAX = 2**63 - 1
"""SQLite's. A vendor that reports more tokens than that is wrong, and must not cost us the row."""

_INSERT = "INSERT OR IGNORE INTO entries (request_id, at_s, row)"

_SAW = "INSERT OR REPLACE INTO outcomes (request_id, kind, by_request, at_s, key_id, value, note)"
"""The same sign of the same request once; of feedback, which no request shows, the last word counts."""

_encode = msgspec.json.Encoder().encode

_log = logging.getLogger(LOG)


class SqliteLedger:
    """Implements `ports.Ledger`. `observe` sees each row at once (metrics and stats are the same numbers as the file)."""

    def __init__(self, path: Path, config: LedgerConfig, observe: Callable[[LedgerRow], None]) -> None:
        self._path = path
        self._config = config
        self._observe = observe
        self._queue: deque[LedgerRow | Seen | threading.Event] = deque()
        self._waiting = threading.Event()
        """Set once per batch: waking the thread for each row would cost more than writing it."""
        self._hurry = threading.Event()
        self._closing = False
        self._journal = journal.Journal(path, entry)
        self.opened = self._journal.opened
        """See `ports.Ledger`."""
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._next_look_s = 0.0
        self._next_expiry_s = 0.0
        self.lost_rows = 0

    async def start(self) -> None:
        """Creates or opens the file and brings it to this version. ConfigError for a file of a newer one; sqlite3.Error if
        it cannot be used."""
        for row in await asyncio.to_thread(self._prepare):
            self._observe(row)
        self._thread.start()

    def record(self, row: LedgerRow) -> None:
        self._observe(row)
        self._journal.ended(row.request_id)
        if len(self._queue) >= self._config.queue_rows_max:
            # The disk stands still and the bound is reached. The row at least reaches the log, whole.
            self.lost_rows += 1
            _log.error("ledger queue full, row kept in the log only: %r", row)
            return
        self._queue.append(row)
        if not self._waiting.is_set():
            self._waiting.set()

    def saw(self, outcome: Seen) -> None:
        """What the bound of the queue leaves no room for is dropped: bills go before signs."""
        if len(self._queue) < self._config.queue_rows_max:
            self._queue.append(outcome)
            self._waiting.set()

    @property
    def queued(self) -> int:
        return len(self._queue)

    async def flush(self) -> None:
        done = threading.Event()
        self._queue.append(done)
        self._hurry.set()
        self._waiting.set()
        await asyncio.to_thread(done.wait)

    async def aclose(self) -> None:
        if self._thread.is_alive():
            self._closing = True
            self._hurry.set()
            self._waiting.set()
            await asyncio.to_thread(self._thread.join, 30)

    # --- in the thread ----------------------------------------------------------------------------------------

    def _prepare(self) -> list[LedgerRow]:
        prepare(self._path)
        with closing(connect(self._path)) as db:
            return self._journal.begin(db)

    def _run(self) -> None:
        db = connect(self._path)
        try:
            while not self._closing:
                if self._waiting.wait(journal.LOOK_S):
                    self._linger()
                    self._waiting.clear()
                    self._write(db)
                self._look(db)
            self._write(db)
        finally:
            db.close()
            self._journal.end()

    def _look(self, db: sqlite3.Connection) -> None:
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + journal.LOOK_S
        try:
            self._journal.look(db)
        except sqlite3.Error as error:
            _log.warning("calls under way cannot be written down: %s", error)

    def _linger(self) -> None:
        """Waits for company, unless somebody waits for the rows that are here."""
        if not self._closing:
            self._hurry.wait(BATCH_WAIT_S)
            self._hurry.clear()

    def _write(self, db: sqlite3.Connection) -> None:
        """Everything queued by now, in batches of BATCH_MAX, in order."""
        rows: list[LedgerRow] = []
        outcomes: list[Seen] = []
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, LedgerRow):
                rows.append(item)
            elif isinstance(item, Seen):
                outcomes.append(item)
            whole = not self._queue or isinstance(item, threading.Event)
            if rows and (whole or len(rows) >= BATCH_MAX):
                self._insert(db, rows)
                rows = []
            if outcomes and (whole or len(outcomes) >= BATCH_MAX):
                self._keep(db, outcomes)
                outcomes = []
            if isinstance(item, threading.Event):
                item.set()

    def _keep(self, db: sqlite3.Connection, outcomes: list[Seen]) -> None:
        """Signs are no bill: where they cannot be written they are given up, and the log says so."""
        rows = [(o.request_id, o.kind, o.by, o.at_s, o.key_id, o.value, _text(o.note)) for o in outcomes]
        try:
            with db:
                db.execute("BEGIN IMMEDIATE")
                bulk.insert(db, _SAW, 7, rows)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must live on, and nothing may be silent
            _log.warning("%d outcomes cannot be written: %s", len(rows), error)

    def _insert(self, db: sqlite3.Connection, rows: list[LedgerRow]) -> None:
        """One transaction; if that fails, row by row, so that one bad row does not take its company with it. A file that
        another process holds is waited for: the rows behind these wait in the queue, which has a bound."""
        try:
            while not self._committed(db, rows):
                _log.warning("the ledger is locked by another process: %d rows wait", len(rows) + self.queued)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must live on, and nothing may be silent
            if len(rows) > 1:
                for row in rows:
                    self._insert(db, [row])
                return
            self.lost_rows += 1
            _log.error("ledger cannot be written (%s), row kept in the log only: %r", error, rows[0])

    def _committed(self, db: sqlite3.Connection, rows: list[LedgerRow]) -> bool:
        """False: busy for `BUSY_S`, to be tried again."""
        try:
            self._commit(db, rows)
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or self._closing:
                raise
            return False
        return True

    def _commit(self, db: sqlite3.Connection, rows: list[LedgerRow]) -> None:
        with db:
            db.execute("BEGIN IMMEDIATE")
            bulk.insert(db, _INSERT, 3, [entry(row) for row in rows])
            self._journal.settled(db, [row.request_id for row in rows])
            self._expire(db, rows[-1].at_s)

    def _expire(self, db: sqlite3.Connection, now_s: float) -> None:
        """A few old rows at a time: retention never becomes one long lock."""
        if now_s < self._next_expiry_s:
            return
        self._next_expiry_s = now_s + EXPIRE_EVERY_S
        limit_s = now_s - self._config.retention_days * 86_400
        db.execute("DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE at_s < ? LIMIT 1000)", (limit_s,))
        db.execute("DELETE FROM outcomes WHERE at_s < ?", (limit_s,))


def connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file; others keep theirs
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA foreign_keys = ON")
    return db


def prepare(path: Path) -> None:
    """Creates the file or brings it to this version. Blocking. ConfigError for a file of a newer one or one that cannot be
    used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(connect(path)) as db:
            migrate(db, path)
        path.chmod(0o600)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"the ledger {path} cannot be used: {error}; move it away or set ledger.path") from error


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Brings a file to `SCHEMA_VERSION`, step by step, each in a transaction; of several processes that do it at once one
    makes the step. ConfigError for a newer file."""
    steps = {1: SCHEMA} | MIGRATIONS
    while True:
        with db:
            if _version(db) != SCHEMA_VERSION:  # the file is not locked when there is nothing to do
                db.execute("BEGIN IMMEDIATE")
            version = _version(db)
            if version > SCHEMA_VERSION:
                raise ConfigError(
                    f"{path} was written by a newer Interlock (ledger version {version}, this one knows {SCHEMA_VERSION}); "
                    "upgrade, or give another ledger.path"
                )
            if version == SCHEMA_VERSION:
                return
            for statement in steps[version + 1].split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {version + 1}")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def entry(row: LedgerRow) -> tuple[str, float, str]:
    """The row as it is stored."""
    try:
        return row.request_id, row.at_s, _encode(row).decode()
    except (UnicodeEncodeError, OverflowError, ValueError):
        return row.request_id, row.at_s, _encode(_held(msgspec.to_builtins(row))).decode()


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _held(value: Any) -> Any:
    """What JSON and SQLite can hold: integers of 64 bits, text that is UTF-8 (a lone surrogate of some client's JSON is
    not)."""
    match value:
        case bool():
            return value
        case str() if not value.isascii():
            return value.encode("utf-8", "replace").decode()
        case int():
            return max(-INTEGER_MAX, min(value, INTEGER_MAX))
        case dict():
            return {_held(k): _held(v) for k, v in value.items()}
        case list() | tuple():
            return [_held(v) for v in value]
        case _:
            return value
