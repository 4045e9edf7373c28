import asyncio
import contextlib
import logging
import sqlite3
import threading
import time

import msgspec
import pytest

from gateway.adapters import ledger as module
from gateway.adapters.ledger import SCHEMA, SCHEMA_VERSION, SqliteLedger
from gateway.config.settings import LedgerConfig
from gateway.errors import ConfigError
from gateway.ir.exchange import HopRow, LedgerRow
from gateway.ir.usage import Usage
from tests.support.rows import AT_S, hop, row


@contextlib.asynccontextmanager
async def opened(path, **config):
    seen = []
    ledger = SqliteLedger(path, LedgerConfig(**config), seen.append)
    ledger.seen = seen
    await ledger.start()
    try:
        yield ledger
    finally:
        await ledger.aclose()


def query(path, sql):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


async def test_a_row_and_its_hops(tmp_path):
    path = tmp_path / "sub" / "ledger.sqlite"
    hops = (hop(model="a", outcome="cut", cost=3, lane="local"), hop(model="b", cost=4, usage=Usage(9, 3, 2, 1, 5, 4)))
    async with opened(path) as ledger:
        ledger.record(row("req_1", hops=hops, tags=("x", "y"), extra={"baseline": "none"}, error="e"))
        assert [r.request_id for r in ledger.seen] == ["req_1"], "metrics see it at once"
        await ledger.flush()
        assert ledger.queued == 0
        (stored,) = query(
            path, "SELECT request_id, cost_usd_micros, tags, extra, error, cache_written_1h_tokens FROM calls"
        )
        assert stored == ("req_1", 7, '["x","y"]', '{"baseline":"none"}', "e", 3)
        assert query(
            path, "SELECT number, model, lane, outcome, cost_usd_micros, cost_parts FROM hops ORDER BY number"
        ) == [
            (0, "a", "local", "cut", 3, '{"input":3}'),
            (1, "b", "mid", "ok", 4, '{"input":4}'),
        ]
    assert path.stat().st_mode & 0o077 == 0


async def test_one_row_for_one_request(tmp_path):
    async with opened(tmp_path / "l") as ledger:
        ledger.record(row("same", cost=1))
        ledger.record(row("same", cost=2))
        await ledger.flush()
        assert query(tmp_path / "l", "SELECT cost_usd_micros FROM calls") == [(1,)]
        assert query(tmp_path / "l", "SELECT count(*) FROM hops") == [(1,)]


async def test_what_was_recorded_is_there_after_closing(tmp_path):
    async with opened(tmp_path / "l") as ledger:
        for number in range(1200):
            ledger.record(row(str(number)))
    assert query(tmp_path / "l", "SELECT count(*) FROM calls") == [(1200,)]
    await ledger.aclose()


async def test_one_bad_row_takes_nobody_with_it(tmp_path, caplog):
    class Odd:
        def __repr__(self):
            return "odd"

    async with opened(tmp_path / "l") as ledger:
        ledger.record(row("good"))
        ledger.record(row("bad", error=Odd()))
        ledger.record(row("good too"))
        await ledger.flush()
        assert query(tmp_path / "l", "SELECT request_id FROM calls ORDER BY id") == [("good",), ("good too",)]
        assert ledger.lost_rows == 1
        assert "'bad'" in caplog.text, "the log has the whole row"
        ledger.record(row("and on"))
        await ledger.flush()
        assert query(tmp_path / "l", "SELECT count(*) FROM calls") == [(3,)]


async def test_numbers_and_text_that_sqlite_cannot_hold(tmp_path):
    async with opened(tmp_path / "l") as ledger:
        ledger.record(row("r", model_asked="half \ud800", hops=(hop(usage=Usage(10**30, output_tokens=-(10**30))),)))
        await ledger.flush()
        assert query(tmp_path / "l", "SELECT model_asked, input_tokens FROM calls") == [("half ?", 2**63 - 1)]
        assert ledger.lost_rows == 0


async def test_a_full_queue_reaches_the_log(tmp_path, caplog):
    ledger = SqliteLedger(tmp_path / "l", LedgerConfig(queue_rows_max=100), lambda _: None)
    for number in range(103):  # nobody writes: not started
        ledger.record(row(f"r{number}"))
    assert ledger.lost_rows == 3
    assert "'r102'" in caplog.text


async def test_no_row_waits_long_for_company(tmp_path):
    """Rows that trickle in faster than the waiting time must not put the commit off for ever."""
    async with opened(tmp_path / "l") as ledger:
        end = time.monotonic() + 0.5
        number = 0
        while time.monotonic() < end:
            ledger.record(row(str(number)))
            number += 1
            await asyncio.sleep(0.01)
        assert query(tmp_path / "l", "SELECT count(*) FROM calls")[0][0] > number / 2


async def test_old_rows_go(tmp_path):
    async with opened(tmp_path / "l", retention_days=10) as ledger:
        ledger.record(row("old", at_s=AT_S - 11 * 86_400))
        await ledger.flush()
        ledger.record(row("new", at_s=AT_S))
        await ledger.flush()
        assert query(tmp_path / "l", "SELECT request_id FROM calls") == [("new",)]
        assert query(tmp_path / "l", "SELECT count(*) FROM hops") == [(1,)]


def version_1(path):
    """A file as the first version wrote it."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(SCHEMA + "PRAGMA user_version = 1;")
        columns = [c[1] for c in db.execute("PRAGMA table_info(calls)")]
        values = {
            "request_id": "req_old",
            "cost_parts": "{}",
            "tags": "[]",
            "extra": "{}",
            "cost_usd_micros": 42,
            "at_s": AT_S,
        }
        db.execute(
            f"INSERT INTO calls ({', '.join(columns[1:])}) VALUES ({', '.join('?' * (len(columns) - 1))})",
            [values.get(c, 0) for c in columns[1:]],
        )
        db.commit()


async def test_an_older_file_is_brought_up(tmp_path):
    version_1(tmp_path / "old")
    async with opened(tmp_path / "old") as ledger:
        ledger.record(row("req_new", cost=8))
        await ledger.flush()
        assert query(tmp_path / "old", "SELECT sum(cost_usd_micros), sum(cache_written_1h_tokens) FROM calls") == [
            (50, 2)
        ]
    async with opened(tmp_path / "new"):
        pass

    def columns(name, table):
        return {c[1:4] for c in query(tmp_path / name, f"PRAGMA table_info({table})")}

    for table in ("calls", "hops"):
        assert columns("old", table) == columns("new", table)
    assert (
        query(tmp_path / "old", "PRAGMA user_version")
        == query(tmp_path / "new", "PRAGMA user_version")
        == [(SCHEMA_VERSION,)]
    )
    async with opened(tmp_path / "old"):  # and nothing is done twice
        pass


async def test_a_failed_step_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    version_1(tmp_path / "l")
    monkeypatch.setattr(module, "MIGRATIONS", {2: "ALTER TABLE hops ADD COLUMN lane TEXT; SELECT nonsense;"})
    ledger = SqliteLedger(tmp_path / "l", LedgerConfig(), lambda _: None)
    with pytest.raises(ConfigError, match="no such column: nonsense; move it away"):
        await ledger.start()
    assert query(tmp_path / "l", "PRAGMA user_version") == [(1,)]
    assert not any(c[1] == "lane" for c in query(tmp_path / "l", "PRAGMA table_info(hops)"))


async def test_a_newer_file_is_refused(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "l")) as db:
        db.execute("PRAGMA user_version = 99")
    ledger = SqliteLedger(tmp_path / "l", LedgerConfig(), lambda _: None)
    with pytest.raises(ConfigError, match="newer Interlock"):
        await ledger.start()


async def test_a_disk_that_fails_loses_nothing_silently(tmp_path, caplog):
    caplog.set_level(logging.ERROR)
    async with opened(tmp_path / "l") as ledger:
        with contextlib.closing(sqlite3.connect(tmp_path / "l")) as db:
            db.execute("DROP TABLE entries")
        ledger.record(row("r"))
        await ledger.flush()
        assert ledger.lost_rows == 1
        assert "cannot be written" in caplog.text


def test_every_field_of_a_row_is_a_column():
    """A field that is added to the row must be reachable in SQL as well."""
    fields = {f.name for f in msgspec.structs.fields(LedgerRow)}
    assert set(module._CALL_FIELDS) == fields - {"usage", "hops"}
    assert set(module._HOP_FIELDS) == {f.name for f in msgspec.structs.fields(HopRow)} - {"usage"}
    assert {*module._USAGE_KINDS, "source"} == {f.name for f in msgspec.structs.fields(Usage)}


def test_several_processes_may_bring_a_file_up_at_once(tmp_path):
    version_1(tmp_path / "l")
    problems = []

    def bring_up():
        try:
            module.prepare(tmp_path / "l")
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=bring_up) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert query(tmp_path / "l", "PRAGMA user_version") == [(SCHEMA_VERSION,)]


async def test_a_file_that_another_process_holds_is_waited_for(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(module, "BUSY_S", 0.05)
    async with opened(tmp_path / "l") as ledger:
        with contextlib.closing(sqlite3.connect(tmp_path / "l", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            ledger.record(row("waits"))
            await asyncio.sleep(0.4)
            assert "locked by another process: 1 rows wait" in caplog.text
            other.execute("COMMIT")
        await ledger.flush()
        assert ledger.lost_rows == 0
        assert query(tmp_path / "l", "SELECT request_id FROM calls") == [("waits",)]
