"""The bill in SQLite (WAL): one row per call and one per hop, written in batches by one thread that owns the file.

`record` only queues, so the event loop never waits for the disk. A batch is one transaction: after a crash the file holds
whole calls, and at most what was queued in the last fraction of a second is missing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gateway.config.settings import LedgerConfig
from gateway.errors import ConfigError
from gateway.ir.exchange import LedgerRow
from gateway.ir.usage import Usage
from gateway.telemetry import LOG

BATCH_MAX = 500
BATCH_WAIT_S = 0.05
"""How long a row may wait for company: a commit costs about as much as a hundred rows."""

SCHEMA_VERSION = 2
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

MIGRATIONS: dict[int, str] = {
    2: """
ALTER TABLE calls ADD COLUMN cache_written_1h_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hops ADD COLUMN cache_written_1h_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hops ADD COLUMN lane TEXT NOT NULL DEFAULT '';
ALTER TABLE hops ADD COLUMN cost_parts TEXT NOT NULL DEFAULT '{}';
""",
}
"""To each version from the one before it."""

INTEGER_MAX = 2**63 - 1
"""SQLite's. A vendor that reports more tokens than that is wrong, and must not cost us the row."""

_CALL_COLUMNS = (
    "request_id", "at_s", "key_id", "harness", "session", "dialect", "model_asked", "model", "provider", "lane", "route",
    "call", "task", "sticky", "stream", "outcome", "status", "error", "finish", "input_tokens", "cached_tokens",
    "cache_written_tokens", "cache_written_1h_tokens", "output_tokens", "reasoning_tokens", "usage_source",
    "cost_usd_micros", "cost_parts", "baseline_usd_micros", "price_version", "ttft_ms", "total_ms", "gateway_ms",
    "request_bytes", "reply_bytes", "tags", "extra",
)  # fmt: skip
_HOP_COLUMNS = (
    "call_id", "number", "model", "provider", "upstream_model", "lane", "outcome", "status", "error", "ttft_ms",
    "total_ms", "input_tokens", "cached_tokens", "cache_written_tokens", "cache_written_1h_tokens", "output_tokens",
    "reasoning_tokens", "usage_source", "cost_usd_micros", "cost_parts", "price_version",
)  # fmt: skip


def _insert(table: str, columns: tuple[str, ...], how: str = "INSERT") -> str:
    return f"{how} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


_CALL = _insert("calls", _CALL_COLUMNS, "INSERT OR IGNORE")
_HOP = _insert("hops", _HOP_COLUMNS)

_log = logging.getLogger(LOG)


class SqliteLedger:
    """Implements `ports.Ledger`. `observe` sees each row at once (metrics and stats are the same numbers as the file)."""

    def __init__(self, path: Path, config: LedgerConfig, observe: Callable[[LedgerRow], None]) -> None:
        self._path = path
        self._config = config
        self._observe = observe
        self._queue: queue.Queue[LedgerRow | threading.Event | None] = queue.Queue(config.queue_rows_max)
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self.lost_rows = 0

    async def start(self) -> None:
        """Creates or opens the file and brings it to this version. ConfigError for a file of a newer one; sqlite3.Error if
        it cannot be used."""
        await asyncio.to_thread(self._prepare)
        self._thread.start()

    def record(self, row: LedgerRow) -> None:
        self._observe(row)
        try:
            self._queue.put_nowait(row)
        except queue.Full:
            # The disk stands still and the bound is reached. The row at least reaches the log, whole.
            self.lost_rows += 1
            _log.error("ledger queue full, row kept in the log only: %r", row)

    @property
    def queued(self) -> int:
        return self._queue.qsize()

    async def flush(self) -> None:
        done = threading.Event()
        await asyncio.to_thread(self._queue.put, done)
        await asyncio.to_thread(done.wait)

    async def aclose(self) -> None:
        if self._thread.is_alive():
            await asyncio.to_thread(self._queue.put, None)
            await asyncio.to_thread(self._thread.join, 30)

    # --- in the thread ----------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(connect(self._path)) as db:
            migrate(db, self._path)
        self._path.chmod(0o600)

    def _run(self) -> None:
        db = connect(self._path)
        try:
            while self._write(db, *self._batch()):
                pass
        finally:
            db.close()

    def _batch(self) -> tuple[list[LedgerRow], list[threading.Event], bool]:
        rows: list[LedgerRow] = []
        waiting: list[threading.Event] = []
        item = self._queue.get()
        until_s = time.monotonic() + BATCH_WAIT_S
        while True:
            match item:
                case None:
                    return rows, waiting, False
                case threading.Event():
                    waiting.append(item)
                case _:
                    rows.append(item)
            if len(rows) >= BATCH_MAX or waiting:
                return rows, waiting, True
            try:
                item = self._queue.get(timeout=max(until_s - time.monotonic(), 0.0))
            except queue.Empty:
                return rows, waiting, True

    def _write(
        self, db: sqlite3.Connection, rows: list[LedgerRow], waiting: list[threading.Event], go_on: bool
    ) -> bool:
        if rows:
            self._insert(db, rows)
        for event in waiting:
            event.set()
        return go_on

    def _insert(self, db: sqlite3.Connection, rows: list[LedgerRow]) -> None:
        """One transaction; if that fails, row by row, so that one bad row does not take its company with it."""
        try:
            self._commit(db, rows)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must live on, and nothing may be silent
            if len(rows) > 1:
                for row in rows:
                    self._insert(db, [row])
                return
            self.lost_rows += 1
            _log.error("ledger cannot be written (%s), row kept in the log only: %r", error, rows[0])

    def _commit(self, db: sqlite3.Connection, rows: list[LedgerRow]) -> None:
        with db:
            db.execute("BEGIN IMMEDIATE")
            for row in rows:
                cursor = db.execute(_CALL, call_values(row))
                if cursor.rowcount == 1:
                    db.executemany(_HOP, hop_values(row, cursor.lastrowid or 0))
            self._expire(db, rows[-1].at_s)

    def _expire(self, db: sqlite3.Connection, now_s: float) -> None:
        """A few old rows with each batch: retention never becomes one long lock."""
        limit_s = now_s - self._config.retention_days * 86_400
        db.execute("DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE at_s < ? LIMIT 1000)", (limit_s,))


def connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=10.0, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA foreign_keys = ON")
    return db


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Brings a file to `SCHEMA_VERSION`, step by step, each in a transaction. ConfigError for a newer file."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise ConfigError(
            f"{path} was written by a newer Interlock (ledger version {version}, this one knows {SCHEMA_VERSION}); "
            "upgrade, or give another ledger.path"
        )
    steps = {1: SCHEMA} | MIGRATIONS
    for step in range(version + 1, SCHEMA_VERSION + 1):
        # executescript commits by itself, so the transaction is part of the script.
        db.executescript(f"BEGIN IMMEDIATE;{steps[step]}PRAGMA user_version = {step};COMMIT;")


def call_values(row: LedgerRow) -> tuple[object, ...]:
    return _bound(
        row.request_id, row.at_s, row.key_id, row.harness, row.session, row.dialect, row.model_asked, row.model,
        row.provider, row.lane, row.route, row.call, row.task, row.sticky, row.stream, row.outcome, row.status, row.error,
        row.finish, *_tokens(row.usage), row.cost_usd_micros, json.dumps(row.cost_parts, sort_keys=True),
        row.baseline_usd_micros, row.price_version, row.ttft_ms, row.total_ms, row.gateway_ms, row.request_bytes,
        row.reply_bytes, json.dumps(row.tags), json.dumps(row.extra, sort_keys=True),
    )  # fmt: skip


def hop_values(row: LedgerRow, call_id: int) -> list[tuple[object, ...]]:
    return [
        _bound(
            call_id, number, h.model, h.provider, h.upstream_model, h.lane, h.outcome, h.status, h.error, h.ttft_ms,
            h.total_ms, *_tokens(h.usage), h.cost_usd_micros, json.dumps(h.cost_parts, sort_keys=True), h.price_version,
        )
        for number, h in enumerate(row.hops)
    ]  # fmt: skip


def _tokens(u: Usage) -> tuple[object, ...]:
    return (
        u.input_tokens, u.cached_tokens, u.cache_written_tokens, u.cache_written_1h_tokens, u.output_tokens,
        u.reasoning_tokens, u.source,
    )  # fmt: skip


def _bound(*values: object) -> tuple[object, ...]:
    """What SQLite can hold: integers of 64 bits, text that is UTF-8 (a lone surrogate of some client's JSON is not)."""
    return tuple(map(_held, values))


def _held(value: object) -> object:
    match value:
        case str() if not value.isascii():
            return value.encode("utf-8", "replace").decode()
        case int():
            return max(-INTEGER_MAX, min(value, INTEGER_MAX))
        case _:
            return value
