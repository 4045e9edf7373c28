import asyncio
import contextlib
import sqlite3

import pytest

from gateway.accounting.report import WORDS
from gateway.adapters import bill
from gateway.adapters.ledger import SqliteLedger
from gateway.config.settings import LedgerConfig
from gateway.errors import ConfigError
from gateway.ir.usage import Usage
from tests.support.rows import AT_S, hop, row

ROWS = (
    row("1", cost=100, baseline=400, harness="pi", key_id="k1", session="s1", task=None),
    row("2", hops=(hop(model="broke", lane="frontier", cost=30, outcome="cut"), hop(model="m", cost=20)), baseline=90),
    row("3", model="x", lane="local", cost=0, price_version="none", at_s=AT_S + 86_400),
    row("4", model="", lane="", hops=(), outcome="refused", price_version="none"),
    row("5", cost=7, extra={"baseline": "unpriced"}, usage=Usage(10, source="estimated")),
)


@pytest.fixture
async def path(tmp_path):
    ledger = SqliteLedger(tmp_path / "l", LedgerConfig(), lambda _: None)
    await ledger.start()
    for one in ROWS:
        ledger.record(one)
    await ledger.aclose()
    return tmp_path / "l"


def lines(report):
    return {line.name: line for line in report.lines}


@pytest.mark.parametrize("by", WORDS)
def test_every_word_sums_to_the_same(path, by):
    total = bill.report(path, by).total
    assert (total.calls, total.attempts, total.failed) == (5, 5, 1)
    assert total.cost_usd_micros == 157
    assert total.baseline_usd_micros == 490
    assert total.saved_usd_micros == 490 - 150
    assert (total.unpriced, total.estimated) == (1, 1)
    assert total.input_tokens == 410


def test_models_are_paid_for_what_they_did(path):
    """The attempt that broke was paid to the model that broke."""
    found = lines(bill.report(path, "model"))
    assert found["broke"].cost_usd_micros == 30
    assert (found["broke"].calls, found["broke"].attempts) == (0, 1)
    assert found["m"].cost_usd_micros == 127
    assert found["m"].calls == 3
    assert found[""].calls == 1
    by_lane = lines(bill.report(path, "lane"))
    assert by_lane["frontier"].cost_usd_micros == 30


def test_since(path):
    assert bill.report(path, "day", AT_S + 1).total.calls == 1
    assert list(lines(bill.report(path, "day"))) == ["2026-02-02", "2026-02-03"]


def test_keys_harnesses_sessions(path):
    assert lines(bill.report(path, "harness"))["pi"].cost_usd_micros == 100
    assert lines(bill.report(path, "key"))["k1"].calls == 1
    assert lines(bill.report(path, "session"))["s1"].attempts == 1


async def test_read_while_it_is_written(path):
    ledger = SqliteLedger(path, LedgerConfig(), lambda _: None)
    await ledger.start()
    for number in range(50):
        ledger.record(row(f"more{number}"))
        await asyncio.to_thread(bill.report, path, "model")
    await ledger.aclose()
    assert bill.report(path, "model").total.calls == 55


def test_other_versions_and_no_file(path, tmp_path):
    with pytest.raises(ConfigError, match="nothing has been served"):
        bill.report(tmp_path / "none", "model")
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 1")
    with pytest.raises(ConfigError, match="version 1"):
        bill.report(path, "model")
