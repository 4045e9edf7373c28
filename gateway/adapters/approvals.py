"""Approvals in SQLite: which calls wait for a person, what was decided, and the grants that follow.

One file (`approvals.sqlite` in the state directory, 0600), shared by the workers of a machine and by the command line. A
grant covers one canonical call (policies.tickets.digest) of one session and key, until a time and for a number of uses;
using it up is one UPDATE, so two workers never spend the same use. An undecided request is found again by the same call:
a model that asks ten times makes one line for the person who decides.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from gateway.errors import Conflict, NotFound, StateUnavailable
from gateway.ports import Clock

T = TypeVar("T")
State = Literal["pending", "granted", "denied", "used", "expired"]
Decided = Literal["grant", "deny"]

POLL_S: Final = 0.2
"""How often a held call looks whether somebody has decided."""
ID_PREFIX: Final = "apr_"
KEPT_S: Final = 30 * 86_400.0
NOTE_CHARS_MAX: Final = 500
BUSY_S: Final = 5.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS approvals (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL, key_id TEXT NOT NULL, session TEXT NOT NULL, harness TEXT NOT NULL,
    agent TEXT NOT NULL, tool TEXT NOT NULL, shown TEXT NOT NULL, reason TEXT NOT NULL, rules TEXT NOT NULL,
    cwd TEXT NOT NULL, policy TEXT NOT NULL, created_s REAL NOT NULL, open_until_s REAL NOT NULL,
    ttl_s REAL NOT NULL, uses INTEGER NOT NULL, decision TEXT, decided_s REAL, decided_by TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '', until_s REAL NOT NULL DEFAULT 0, uses_left INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS approvals_call ON approvals (key_id, session, digest);
CREATE INDEX IF NOT EXISTS approvals_created ON approvals (created_s);
"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A call that needs an approval. `shown` is what a person is shown and decides on. `ttl_s` and `uses` are what a grant
    gives unless the person says otherwise."""

    digest: str
    key_id: str
    session: str
    harness: str
    agent: str
    tool: str
    shown: str
    reason: str
    rules: tuple[str, ...]
    cwd: str
    policy: str
    ttl_s: float
    uses: int


class Approval(Wanted, frozen=True, kw_only=True):
    """Times are Unix seconds; `until_s` and `uses_left` are of the grant."""

    id: str
    created_s: float
    open_until_s: float
    state: State
    decided_s: float | None = None
    decided_by: str = ""
    note: str = ""
    until_s: float = 0.0
    uses_left: int = 0


_COLUMNS: Final = (*Wanted.__struct_fields__, "id", "created_s", "open_until_s")
_SELECT = "SELECT * FROM approvals"


class ApprovalFile:
    """The file, blocking, for one thread at a time. Errors of the file are StateUnavailable."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._db: sqlite3.Connection | None = None

    def request(self, wanted: Wanted, *, open_s: float, open_max: int) -> tuple[Approval | None, bool]:
        """(the open request for this call, or its last decision while that holds; whether it is new). None: the session
        has too many open ones. One transaction, so that two workers make one request of one call."""
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> tuple[Approval | None, bool]:
            held = self._standing(db, wanted.key_id, wanted.session, wanted.digest, now)
            if held is not None:
                return held, False
            (many,) = db.execute(
                "SELECT count(*) FROM approvals WHERE key_id = ? AND session = ? AND decision IS NULL AND open_until_s > ?",
                (wanted.key_id, wanted.session, now),
            ).fetchone()
            if many >= open_max:
                return None, False
            made = {
                **msgspec.structs.asdict(wanted),
                "rules": json.dumps(wanted.rules),
                "id": ID_PREFIX + secrets.token_hex(6),
                "created_s": now,
                "open_until_s": now + open_s,
            }
            marks = ", ".join("?" * len(_COLUMNS))
            db.execute(
                f"INSERT INTO approvals ({', '.join(_COLUMNS)}) VALUES ({marks})",
                [made[name] for name in _COLUMNS],
            )
            db.execute("DELETE FROM approvals WHERE created_s < ?", (now - KEPT_S,))
            return self._one(db, str(made["id"]), now), True

        return self._written(work)

    def decide(
        self,
        id_: str,
        decision: Decided,
        by: str,
        *,
        note: str = "",
        ttl_s: float | None = None,
        uses: int | None = None,
    ) -> Approval:
        """NotFound; Conflict when it is decided already or its time is over."""
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Approval:
            held = self._one(db, id_, now)
            if held is None:
                raise NotFound(f"no approval has the id {id_[:40]!r}")
            if held.state != "pending":
                raise Conflict(f"the approval {id_} is {held.state} already and cannot be decided again")
            granted = decision == "grant"
            db.execute(
                "UPDATE approvals SET decision = ?, decided_s = ?, decided_by = ?, note = ?, until_s = ?, uses_left = ? "
                "WHERE id = ?",
                (
                    decision, now, by[:200], note[:NOTE_CHARS_MAX], now + (ttl_s or held.ttl_s),
                    (uses or held.uses) if granted else 0, id_,
                ),
            )  # fmt: skip
            done = self._one(db, id_, now)
            assert done is not None
            return done

        return self._written(work)

    def spend(self, id_: str) -> bool:
        """One use of a grant is taken; False when nothing is left of it."""
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> bool:
            done = db.execute(
                "UPDATE approvals SET uses_left = uses_left - 1 "
                "WHERE id = ? AND decision = 'grant' AND uses_left > 0 AND until_s > ?",
                (id_, now),
            )
            return done.rowcount == 1

        return self._written(work)

    def find(self, id_: str) -> Approval | None:
        return next(iter(self._read(f"{_SELECT} WHERE id = ?", (id_,))), None)

    def listed(self, state: State | None = None, limit: int = 100) -> list[Approval]:
        """The newest first."""
        rows = self._read(f"{_SELECT} ORDER BY created_s DESC LIMIT ?", (10_000,))
        return [row for row in rows if state in (None, row.state)][:limit]

    def standing(self, key_id: str, session: str, digest: str) -> Approval | None:
        """What was last said of this very call, while it holds."""
        now = self._clock.now()
        return self._told(lambda db: self._standing(db, key_id, session, digest, now))

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    # --- inside -----------------------------------------------------------------------------------------------

    def _standing(self, db: sqlite3.Connection, key_id: str, session: str, digest: str, now: float) -> Approval | None:
        """The newest line about this call that still says something."""
        rows = db.execute(
            f"{_SELECT} WHERE key_id = ? AND session = ? AND digest = ? ORDER BY created_s DESC LIMIT 8",
            (key_id, session, digest),
        )
        found = (_made(row, now) for row in rows.fetchall())
        return next((row for row in found if row.state in ("pending", "granted", "denied")), None)

    @staticmethod
    def _one(db: sqlite3.Connection, id_: str, now: float) -> Approval | None:
        row = db.execute(f"{_SELECT} WHERE id = ?", (id_,)).fetchone()
        return None if row is None else _made(row, now)

    def _read(self, sql: str, values: Iterable[Any]) -> list[Approval]:
        now = self._clock.now()
        return self._told(lambda db: [_made(row, now) for row in db.execute(sql, tuple(values)).fetchall()])

    def _written(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def whole(db: sqlite3.Connection) -> T:
            with db:
                db.execute("BEGIN IMMEDIATE")
                return work(db)

        return self._told(whole)

    def _told(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._db is None:
                self._db = self._open()
            return work(self._db)
        except (sqlite3.Error, OSError) as error:
            raise StateUnavailable(f"the approvals ({self._path.name}) did not answer: {error}") from error

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.touch(mode=0o600)  # before anything is in it: it holds the arguments of calls
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_SCHEMA)
        return db


def _made(row: sqlite3.Row, now: float) -> Approval:
    values: dict[str, Any] = {name: row[name] for name in row.keys()}  # noqa: SIM118 - iterating a Row gives values
    decision = values.pop("decision")
    values["rules"] = tuple(json.loads(values["rules"]))
    return Approval(**values, state=_state(decision, values, now))


def _state(decision: str | None, values: dict[str, Any], now: float) -> State:
    if decision is None:
        return "pending" if values["open_until_s"] > now else "expired"
    if values["until_s"] <= now:
        return "expired"
    if decision == "deny":
        return "denied"
    return "granted" if values["uses_left"] > 0 else "used"


class Approvals:
    """The same for the event loop: one thread owns the file. Asked for calls at "ask" only, so that others cost nothing."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._file = ApprovalFile(path, clock)
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="approvals")
        self._waiting: dict[str, asyncio.Event] = {}

    async def start(self) -> None:
        """StateUnavailable when the file cannot be used."""
        await self._run(lambda: self._file.find(""))

    async def request(self, wanted: Wanted, *, open_s: float, open_max: int) -> tuple[Approval | None, bool]:
        return await self._run(lambda: self._file.request(wanted, open_s=open_s, open_max=open_max))

    async def spend(self, id_: str) -> bool:
        return await self._run(lambda: self._file.spend(id_))

    async def decide(
        self,
        id_: str,
        decision: Decided,
        by: str,
        *,
        note: str = "",
        ttl_s: float | None = None,
        uses: int | None = None,
    ) -> Approval:
        done = await self._run(lambda: self._file.decide(id_, decision, by, note=note, ttl_s=ttl_s, uses=uses))
        if (event := self._waiting.get(id_)) is not None:
            event.set()
        return done

    async def find(self, id_: str) -> Approval | None:
        return await self._run(lambda: self._file.find(id_))

    async def standing(self, key_id: str, session: str, digest: str) -> Approval | None:
        return await self._run(lambda: self._file.standing(key_id, session, digest))

    async def listed(self, state: State | None = None, limit: int = 100) -> list[Approval]:
        return await self._run(lambda: self._file.listed(state, limit))

    async def decided(self, id_: str, within_s: float) -> Approval | None:
        """The approval once somebody has decided, here or in another process; None when nobody did in that time."""
        event = self._waiting.setdefault(id_, asyncio.Event())
        end = self._clock.monotonic() + within_s
        try:
            while True:
                found = await self.find(id_)
                if found is None or found.state != "pending":
                    return found
                left = end - self._clock.monotonic()
                if left <= 0:
                    return None
                waiter = asyncio.ensure_future(event.wait())
                sleeper = asyncio.ensure_future(self._clock.sleep(min(POLL_S, left)))
                try:
                    await asyncio.wait({waiter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiter.cancel()
                    sleeper.cancel()
        finally:
            self._waiting.pop(id_, None)

    async def aclose(self) -> None:
        await self._run(self._file.close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
