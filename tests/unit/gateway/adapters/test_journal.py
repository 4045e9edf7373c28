"""Calls under way: written when they last, gone when they end, in the bill when their process is."""

import contextlib
import json
import sqlite3

from gateway.adapters import ledger as bill
from gateway.adapters.journal import LOOK_S, REFRESH_S, Journal
from gateway.config.settings import LedgerConfig
from tests.support.rows import row


@contextlib.contextmanager
def begun(path):
    bill.prepare(path)
    with contextlib.closing(bill.connect(path)) as db:
        journal = Journal(path, bill.entry)
        journal.lost = journal.begin(db)
        journal.db = db
        yield journal
        journal.end()


def open_calls(db):
    return {id_: json.loads(text) for id_, text in db.execute("SELECT request_id, row FROM open_calls")}


def test_a_call_is_written_when_it_is_seen_twice(tmp_path):
    with begun(tmp_path / "l") as journal:
        journal.opened("short", lambda: row("short"))
        journal.look(journal.db)
        journal.ended("short")
        journal.opened("long", lambda: row("long", outcome="lost", cost=7))
        journal.look(journal.db)
        assert open_calls(journal.db) == {}
        journal.look(journal.db)
        assert [one["outcome"] for one in open_calls(journal.db).values()] == ["lost"]
        journal.ended("long")
        journal.settled(journal.db, ["long", "short"])
        assert open_calls(journal.db) == {}


def test_it_is_written_anew_now_and_then(tmp_path):
    with begun(tmp_path / "l") as journal:
        costs = iter((1, 2))
        journal.opened("r", lambda: row("r", cost=next(costs)))
        for _ in range(round(REFRESH_S / LOOK_S)):
            journal.look(journal.db)
        assert open_calls(journal.db)["r"]["cost_usd_micros"] == 2


def test_one_written_before_any_model_was_asked_is_looked_at_until_one_is(tmp_path):
    with begun(tmp_path / "l") as journal:
        states = [row("r", hops=()), row("r", hops=()), row("r", cost=3), row("r", cost=9)]
        looked = 0

        def look():
            nonlocal looked
            looked += 1
            return states[looked - 1]

        journal.opened("r", look)
        for _ in range(6):
            journal.look(journal.db)
        assert looked == 3, "once it is asked the usual pace is enough"
        assert open_calls(journal.db)["r"]["cost_usd_micros"] == 3


def test_a_look_that_fails_takes_nobody_with_it(tmp_path, caplog):
    def broken():
        raise AttributeError("in mid-change")

    with begun(tmp_path / "l") as journal:
        journal.opened("bad", broken)
        journal.opened("good", lambda: row("good"))
        for _ in range(4):
            journal.look(journal.db)
        assert set(open_calls(journal.db)) == {"good"}
        assert caplog.text.count("could not be written down") == 1


def test_who_lives_keeps_its_calls_and_who_died_is_settled(tmp_path):
    path = tmp_path / "l"
    with begun(path) as first:
        for name in ("a", "b"):
            first.opened(name, lambda name=name: row(name, outcome="lost", cost=5))
        first.look(first.db)
        first.look(first.db)
        with begun(path) as second:
            assert second.lost == [], "the first one lives"
            assert set(open_calls(second.db)) == {"a", "b"}
        # `b` is booked before the process dies, but its journal entry could not be removed.
        first.db.execute("INSERT INTO entries (request_id, at_s, row) VALUES ('b', 1, '{}')")
        assert first._lock is not None
        first._lock.close()  # as the system does with the lock of a killed process
        first._lock = None
        with begun(path) as third:
            assert [lost.request_id for lost in third.lost] == ["a"]
            assert third.lost[0] == row("a", outcome="lost", cost=5)
            assert open_calls(third.db) == {}
            found = dict(third.db.execute("SELECT request_id, outcome FROM calls").fetchall())
            assert found == {"a": "lost", "b": None}
        with begun(path) as fourth:
            assert fourth.lost == [], "once"
    assert [p.name for p in (tmp_path / "l-runs").iterdir()] == []


async def test_the_ledger_counts_what_it_found(tmp_path):
    path = tmp_path / "l"
    with begun(path) as dead:
        dead.opened("r", lambda: row("r", outcome="lost"))
        dead.look(dead.db)
        dead.look(dead.db)
        dead._lock.close()
        dead._lock = None
        seen = []
        ledger = bill.SqliteLedger(path, LedgerConfig(), seen.append)
        await ledger.start()
        await ledger.aclose()
        assert [(one.request_id, one.outcome) for one in seen] == [("r", "lost")]


async def test_an_ended_call_leaves_the_journal_with_its_row(tmp_path):
    path = tmp_path / "l"
    ledger = bill.SqliteLedger(path, LedgerConfig(), lambda _: None)
    await ledger.start()
    ledger.opened("r", lambda: row("r", outcome="lost"))

    def waiting():
        with contextlib.closing(sqlite3.connect(path)) as db:
            return db.execute("SELECT count(*) FROM open_calls").fetchone()[0]

    from tests.support.gateways import eventually

    await eventually(waiting)
    ledger.record(row("r"))
    await ledger.flush()
    assert waiting() == 0
    await ledger.aclose()
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT outcome FROM calls").fetchall() == [("ok",)]
