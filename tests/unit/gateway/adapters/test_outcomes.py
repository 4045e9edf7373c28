"""Decisions and what became of them, out of a ledger file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters import outcomes
from gateway.adapters.ledger import SqliteLedger
from gateway.config.settings import LedgerConfig
from gateway.errors import ConfigError
from gateway.ir.exchange import LedgerRow, Seen
from tests.support.rows import AT_S, row


def decision(number: int, moved: str = "", **more: Any) -> LedgerRow:
    move = {"source": "a", "target": "b", "kind": moved, "made": True, "why": ""} if moved else None
    kept = {"decision": {"move": move}, "scores": {"local": 0.6}, "signals": {"steps": number}, "classifier": "v1"}
    kept |= more.pop("kept", {})
    return row(f"r{number}", at_s=AT_S + number, extra={"decision": json.dumps(kept)}, **more)


def seen(number: int, kind: Any, value: float, key: str = "anonymous", by: str = "x") -> Seen:
    return Seen(f"r{number}", AT_S + 100 + number, key, kind, value, by)


async def ledger(tmp_path: Path, *items: LedgerRow | Seen) -> Path:
    path = tmp_path / "ledger.sqlite"
    made = SqliteLedger(path, LedgerConfig(), lambda _: None)
    await made.start()
    for item in items:
        made.saw(item) if isinstance(item, Seen) else made.record(item)
    await made.aclose()
    return path


async def test_a_decision_with_its_signs(tmp_path: Path) -> None:
    path = await ledger(
        tmp_path,
        decision(1, lane="local"),
        seen(1, "tests_pass", 1.0),
        seen(1, "thumbs", -1.0, by=""),
        seen(1, "tests_pass", 1.0),
    )
    (found,) = outcomes.rows(path)
    assert (found.request_id, found.lane, found.scores, found.signals) == ("r1", "local", {"local": 0.6}, {"steps": 1})
    assert found.seen == {"tests_pass": 1.0, "thumbs": -1.0}
    assert (found.success, found.weight) == (pytest.approx(1 / 3), 6.0)


async def test_the_last_thumb_counts_and_only_from_the_same_key(tmp_path: Path) -> None:
    path = await ledger(
        tmp_path, decision(1), decision(2, session="t"), seen(1, "thumbs", -1.0, by=""), seen(1, "thumbs", 1.0, by=""),
        seen(2, "thumbs", -1.0, key="somebody else", by=""),
    )  # fmt: skip
    assert [(r.request_id, r.success) for r in outcomes.rows(path)] == [("r1", 1.0), ("r2", None)]


async def test_only_decisions_are_rows(tmp_path: Path) -> None:
    path = await ledger(
        tmp_path, decision(1), decision(2, call="tool_result"), decision(3, "evidence", call="tool_result"),
        row("named"), decision(4, outcome="cut"), decision(5, kept={"decision": 7}),
    )  # fmt: skip
    assert [r.request_id for r in outcomes.rows(path)] == ["r1", "r3"]
    assert [r.request_id for r in outcomes.rows(path, AT_S + 2)] == ["r3"]
    assert len(list(outcomes.calls(path))) == 6


async def test_moving_up_pairs_what_failed_with_what_followed(tmp_path: Path) -> None:
    path = await ledger(
        tmp_path, decision(1, lane="local"), decision(2, "evidence", call="tool_result", lane="mid"),
        seen(2, "tests_pass", 1.0), decision(3, "saving", lane="local"), decision(4, session="other"),
    )  # fmt: skip
    (pair,) = outcomes.pairs(path)
    assert (pair.weak.request_id, pair.strong.request_id, pair.gain) == ("r1", "r2", 1.0)
    assert pair.weak.seen == {"moved_up": -1.0}


def test_no_ledger_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no ledger"):
        list(outcomes.rows(tmp_path / "none.sqlite"))


def test_signs_weigh_by_kind() -> None:
    assert outcomes.judged({}) == (None, 0.0)
    assert outcomes.judged({"tests_fail": -1.0, "tests_pass": 1.0}) == (pytest.approx(2 / 3), 3.0)


def asked(number: int, moved: str = "", **more: Any) -> LedgerRow:
    return decision(number, moved, kept={"ask": "fix it"} | more.pop("kept", {}), **more)


async def test_lanes_that_took_over_from_each_other_are_one_pair(tmp_path: Path) -> None:
    path = await ledger(
        tmp_path, asked(1, lane="local"), asked(2, "evidence", call="tool_result", lane="mid"),
        asked(3, "evidence", call="tool_result", lane="frontier"), seen(3, "tests_pass", 1.0),
    )  # fmt: skip
    found = [(line["lane"], line["success"], line["pair"], line.get("assumed")) for line in outcomes.lines(path)]
    assert found == [("local", 0.0, "r1", None), ("mid", 0.0, "r1", None), ("frontier", 1.0, "r1", None)]


async def test_what_the_local_lane_did_the_frontier_is_taken_to_do(tmp_path: Path) -> None:
    path = await ledger(
        tmp_path, asked(1, lane="local", session="s1", kept={"chance": 0.9}), seen(1, "tests_pass", 1.0),
        asked(2, lane="local", session="s2"), seen(2, "tests_fail", -1.0),
        asked(3, lane="frontier", session="s3"), seen(3, "tests_pass", 1.0),
        asked(4, lane="local", session="s4"), decision(5, session="s5"), seen(5, "tests_pass", 1.0),
    )  # fmt: skip
    first, assumed, *rest = outcomes.lines(path)
    common = {"ask": "fix it", "group": "s1", "success": 1.0, "pair": "r1"}
    assert first == {**common, "lane": "local", "propensity": 0.9}
    assert assumed == {**first, "lane": "frontier", "propensity": 1.0, "assumed": True}
    assert [(line["lane"], "pair" in line) for line in rest] == [("local", False), ("frontier", False)]
