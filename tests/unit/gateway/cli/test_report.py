"""`interlock report`: options, names of keys, and what is said when there is nothing."""

import json
import time

import pytest
from click.testing import CliRunner

from gateway.adapters.keys import SqliteKeys
from gateway.adapters.ledger import SqliteLedger
from gateway.adapters.system import SystemClock
from gateway.cli.report import COMMAND
from gateway.config.settings import LedgerConfig
from tests.support.rows import row


def run(*words):
    return CliRunner().invoke(COMMAND, list(words))


async def fill(path, *rows):
    ledger = SqliteLedger(path, LedgerConfig(), lambda _: None)
    await ledger.start()
    for one in rows:
        ledger.record(one)
    await ledger.aclose()


async def test_table_and_json(tmp_path):
    await fill(
        tmp_path / "ledger.sqlite",
        row("a", cost=2_500_000, baseline=10_000_000),
        row("b", model="other", cost=10, baseline=400),
        row("c", model="nameless", cost=0, price_version="none"),
    )
    shown = run("--state-dir", str(tmp_path)).output
    assert "2.50" in shown
    assert "Saved 75%" in shown
    assert "1 calls used tokens without a known price" in shown
    told = json.loads(run("--state-dir", str(tmp_path), "--json").output)
    assert told["total"]["cost_usd"] == "2.500010"
    assert told["total"]["saved_usd"] == "7.500390"
    assert [line["name"] for line in told["lines"]] == ["m", "other", "nameless"]


async def test_since(tmp_path):
    now = time.time()
    await fill(tmp_path / "ledger.sqlite", row("old", at_s=now - 3 * 86_400, cost=5), row("new", at_s=now - 60, cost=7))

    def cost(since):
        return json.loads(run("--state-dir", str(tmp_path), "--json", "--since", since).output)["total"]["cost_usd"]

    assert cost("1h") == "0.000007"
    assert cost("1w") == "0.000012"
    assert run("--state-dir", str(tmp_path), "--since", "yesterday").exit_code == 2


async def test_keys_have_names(tmp_path):
    _, caller = SqliteKeys(tmp_path / "keys.sqlite", SystemClock()).create("build server")
    await fill(tmp_path / "ledger.sqlite", row("a", key_id=caller.key_id), row("b", key_id="key_gone"))
    shown = run("--state-dir", str(tmp_path), "--by", "key").output
    assert f"{caller.key_id} (build server)" in shown
    assert "key_gone" in shown


async def test_where_the_ledger_is(tmp_path):
    await fill(tmp_path / "elsewhere.sqlite", row("a", cost=3))
    config = tmp_path / "c.yaml"
    config.write_text(json.dumps({"version": 1, "ledger": {"path": str(tmp_path / "elsewhere.sqlite")}}))
    assert "0.000003" in run("--config", str(config), "--state-dir", str(tmp_path)).output
    config.write_text("{")
    assert run("--config", str(config), "--state-dir", str(tmp_path)).exit_code == 1


@pytest.mark.parametrize("by", ["model", "key"])
def test_nothing_yet(tmp_path, by):
    done = run("--state-dir", str(tmp_path), "--by", by)
    assert done.exit_code == 1
    assert "no ledger" in done.output


def test_a_file_that_is_no_ledger(tmp_path):
    (tmp_path / "ledger.sqlite").write_bytes(b"this is no database" * 100)
    done = run("--state-dir", str(tmp_path))
    assert done.exit_code == 1
    assert "cannot be read" in done.output


async def test_many_lines_are_cut(tmp_path):
    await fill(tmp_path / "ledger.sqlite", *(row(str(n), session=f"ses_{n}") for n in range(50)))
    shown = run("--state-dir", str(tmp_path), "--by", "session").output
    assert "(10 more lines; --limit 0 shows all)" in shown
    assert "more lines" not in run("--state-dir", str(tmp_path), "--by", "session", "--limit", "0").output
