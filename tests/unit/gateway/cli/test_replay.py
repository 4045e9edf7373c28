"""`interlock route replay` and `route outcomes`, from a ledger file to what people read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.adapters.ledger import SqliteLedger
from gateway.cli.classifier import _lines
from gateway.cli.route import COMMAND
from gateway.config.settings import LedgerConfig
from gateway.ir.exchange import Seen
from gateway.ir.usage import Usage
from tests.support.rows import AT_S, row

CONFIG = """
version: 1
models:
  box: {provider: vllm, base_url: "http://127.0.0.1:9", model: q, lane: local, context_tokens: 90000}
  big: {provider: anthropic, model: claude-opus-5-5, lane: frontier, cost: {input_usd_per_mtok: 5, output_usd_per_mtok: 25}}
routes:
  - {id: all, to: [box, big]}
"""


@pytest.fixture
async def log(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger(path, LedgerConfig(), lambda _: None)
    await ledger.start()
    for number in range(4):
        kept = json.dumps({"decision": {}, "scores": {"local": 0.8, "frontier": 0.9}, "ask": f"ask {number}"})
        ledger.record(
            row(f"r{number}", session=f"s{number}", at_s=AT_S + number, model="big", lane="frontier", cost=50_000,
                usage=Usage(9_000, 0, 0, 0, 200), extra={"decision": kept})
        )  # fmt: skip
    ledger.record(row("named", route="named"))
    ledger.saw(Seen("r1", AT_S + 50, "anonymous", "thumbs", 1.0))
    await ledger.aclose()
    (tmp_path / "c.yaml").write_text(CONFIG)
    return path


def run(log: Path, *words: str) -> Any:
    return CliRunner().invoke(COMMAND, ["replay", str(log), "--config", str(log.with_name("c.yaml")), *words])


def test_for_people(log: Path) -> None:
    said = run(log).output
    assert "4 calls of auto in 4 sessions" in said
    assert "left out: 1 no decision (asked for by name)" in said
    assert "$0.2000 would be $0.0000: -100.0 % (-100.0 to -100.0)" in said
    assert "expected success -10.0 points" in said
    assert "4 sessions are few" in said
    assert "100% of 1" in said


def test_as_json(log: Path) -> None:
    told = json.loads(run(log, "--json").output)
    assert (told["calls"], told["cost_usd"], told["scored_asks"]) == (4, {"was": 0.2, "would": 0.0}, 4)
    assert told["expected_success_points"]["value"] == pytest.approx(-10)
    (move,) = told["moves"]
    assert (move["from"], move["to"], move["calls"], move["seen_success"]) == ("big", "box", 4, 1.0)


def test_nothing_to_replay_and_no_ledger(log: Path) -> None:
    assert "nothing to replay" in run(log, "--since", "2030-01-01").output
    missing = run(log.with_name("none.sqlite"))
    assert missing.exit_code != 0
    assert "there is no ledger" in missing.output


def test_outcomes_as_training_rows(log: Path) -> None:
    done = CliRunner().invoke(COMMAND, ["outcomes", str(log)])
    line = {"ask": "ask 1", "group": "s1", "lane": "frontier", "success": 1.0, "propensity": 1.0}
    assert [json.loads(text) for text in done.output.splitlines()] == [line]
    with _lines(log) as rows:
        assert json.loads(rows.read_text()) == line
    with _lines(log.with_name("c.yaml")) as rows:
        assert rows == log.with_name("c.yaml"), "what is no ledger is taken as it is"
