"""API keys in SQLite, hashed at rest, answered from an in-memory snapshot.

A key is `ilk_` and 43 characters of 256 random bits; with that much entropy one SHA-256 is as good as a slow hash, and
costs a microsecond instead of a request's worth of CPU. Only the digest and a public id are stored. Changes made by the CLI
(another process) are seen within two seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from gateway.ports import Caller, Clock

PREFIX = "ilk_"
APPROVER_PREFIX = "ila_"
REFRESH_S = 2.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, name TEXT NOT NULL, created_s REAL NOT NULL, expires_s REAL,
    revoked_s REAL, models TEXT NOT NULL, lanes TEXT NOT NULL, tags TEXT NOT NULL, role TEXT NOT NULL DEFAULT 'agent'
)
"""
_ROLE = "ALTER TABLE keys ADD COLUMN role TEXT NOT NULL DEFAULT 'agent'"
"""For files of before approvals."""

Role = Literal["agent", "approver"]
"""agent: may call models. approver: may decide on approvals and nothing else; never one key for both, since an agent
could then approve its own calls."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key for people; the secret is not here and cannot be had again."""

    caller: Caller
    created_s: float
    revoked_s: float | None
    role: Role = "agent"


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class SqliteKeys:
    """Implements `ports.Keys` plus what the CLI does."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._known: dict[str, Caller] = {}
        self._approvers: dict[str, Caller] = {}
        self._any = False
        self._seen: int | None = None

    # --- the port ---------------------------------------------------------------------------------------------

    def required(self) -> bool:
        return self._any

    def find(self, secret: str) -> Caller | None:
        return self._current(self._known.get(digest_of(secret)))

    def approver(self, secret: str) -> Caller | None:
        return self._current(self._approvers.get(digest_of(secret)))

    def _current(self, caller: Caller | None) -> Caller | None:
        over = caller is not None and caller.expires_s is not None and caller.expires_s <= self._clock.now()
        return None if over else caller

    async def start(self) -> None:
        await asyncio.to_thread(self.refresh)

    async def watch(self) -> None:
        """Refreshes the snapshot until cancelled."""
        while True:
            await self._clock.sleep(REFRESH_S)
            await asyncio.to_thread(self.refresh)

    # --- blocking: start, CLI ---------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Reads the file if it changed. Revoked keys still count: revoking the last one must not open the door."""
        version = self._stamp()
        if version == self._seen:
            return
        with closing(self._connect()) as db:
            rows = self._rows(db)
        self._any = any(row.role == "agent" for _, row in rows)
        self._known = {d: row.caller for d, row in rows if row.revoked_s is None and row.role == "agent"}
        self._approvers = {d: row.caller for d, row in rows if row.revoked_s is None and row.role == "approver"}
        self._seen = version

    def create(
        self,
        name: str,
        *,
        models: tuple[str, ...] = (),
        lanes: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
        expires_s: float | None = None,
        role: Role = "agent",
    ) -> tuple[str, Caller]:
        """(secret, caller). The secret is shown once and never stored."""
        secret = (PREFIX if role == "agent" else APPROVER_PREFIX) + secrets.token_urlsafe(32)
        caller = Caller("key_" + secrets.token_hex(6), name, models, lanes, tags, expires_s)
        with closing(self._connect()) as db:
            db.execute(
                "INSERT INTO keys VALUES (?, ?, ?, ?, ?, NULL, ?, ?, ?, ?)",
                (
                    caller.key_id, digest_of(secret), name, self._clock.now(), expires_s, json.dumps(models),
                    json.dumps(lanes), json.dumps(tags), role,
                ),
            )  # fmt: skip
        return secret, caller

    def all_keys(self) -> list[KeyRow]:
        with closing(self._connect()) as db:
            return [row for _, row in self._rows(db)]

    def revoke(self, id_or_name: str) -> int:
        """How many keys were revoked by this call."""
        with closing(self._connect()) as db:
            done = db.execute(
                "UPDATE keys SET revoked_s = ? WHERE (id = ? OR name = ?) AND revoked_s IS NULL",
                (self._clock.now(), id_or_name, id_or_name),
            )
            return done.rowcount

    def _stamp(self) -> int:
        total = 0
        for suffix in ("", "-wal"):
            path = self._path.with_name(self._path.name + suffix)
            if path.exists():
                stat = path.stat()
                total ^= hash((stat.st_mtime_ns, stat.st_size))
        return total

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self._path.exists()
        db = sqlite3.connect(self._path, timeout=5.0, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(_SCHEMA)
        if not any(row[1] == "role" for row in db.execute("PRAGMA table_info(keys)")):
            db.execute(_ROLE)
        if fresh:
            self._path.chmod(0o600)
        return db

    def _rows(self, db: sqlite3.Connection) -> list[tuple[str, KeyRow]]:
        found = db.execute(
            "SELECT digest, id, name, created_s, expires_s, revoked_s, models, lanes, tags, role "
            "FROM keys ORDER BY created_s"
        ).fetchall()
        out: list[tuple[str, KeyRow]] = []
        for digest, id_, name, created_s, expires_s, revoked_s, models, lanes, tags, role in found:
            caller = Caller(id_, name, expires_s=expires_s)
            caller = replace(caller, models=_words(models), lanes=_words(lanes), tags=_words(tags))
            out.append((digest, KeyRow(caller, created_s, revoked_s, role)))
        return out


def _words(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))
