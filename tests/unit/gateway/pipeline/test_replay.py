"""A ledger through another configuration: what moves, what it costs, and how sure that is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.accounting.cost import Pricing
from gateway.config.settings import Settings
from gateway.ir.exchange import LedgerRow
from gateway.ir.usage import Usage
from gateway.pipeline.replay import replay
from gateway.pipeline.runtime import Runtime
from gateway.ports import Rates
from gateway.routing import table
from tests.support.rows import row
from tests.unit.gateway.routing.made import TRIO, endpoint

BOX, FLASH, OPUS = (e.name for e in TRIO)
SCORES = {"local": 0.7, "mid": 0.8, "frontier": 0.9, "gain": 0.2, "certified": 1.0, "risk": 0.05}


class NoBook:
    version, loading = "none", False

    async def ready(self) -> None: ...

    def rates(self, price_id: str, model: str, at_s: float, input_tokens: int) -> Rates | None:
        return None


def runtime(*routes: dict[str, Any], **settings: Any) -> Runtime:
    chosen = Settings.model_validate({"routes": list(routes), **settings})
    ends = {e.name: e for e in (*TRIO, endpoint("api/unpriced"))}
    pricing = {
        BOX: Pricing(free=True),
        FLASH: Pricing(rates=Rates(0.25, 0.4, 0.025)),
        OPUS: Pricing(rates=Rates(5.0, 25.0, 0.5, 6.25)),
        "api/unpriced": Pricing(),
    }
    return Runtime(chosen, table.build(chosen, ends), pricing, None)


def turn(number: int, session: str = "s1", **more: Any) -> LedgerRow:
    kept = {"decision": {}, "scores": SCORES, "context_tokens": 10_000, **more.pop("kept", {})}
    usage = Usage(10_000, 8_000, 0, 0, 500)
    given = {"model": OPUS, "lane": "frontier", "cost": 26_500, "usage": usage, "at_s": 1e9 + number * 10.0, **more}
    return row(f"r{session}{number}", session=session, extra={"decision": json.dumps(kept)}, **given)


def test_the_same_configuration_moves_nothing_and_costs_the_same() -> None:
    report = replay([turn(n) for n in range(4)], runtime({"id": "a", "to": [OPUS, FLASH]}), NoBook())
    assert [c.moves for c in report.calls] == [False] * 4
    assert report.was_usd_micros == report.would_usd_micros == 4 * 26_500
    assert report.cost_pct is not None
    assert (report.cost_pct.value, report.cost_pct.low, report.cost_pct.high) == (0, 0, 0)


def test_a_cheaper_route_is_priced_cold_first_and_warm_after() -> None:
    report = replay([turn(n) for n in range(3)], runtime({"id": "a", "to": [FLASH, OPUS]}), NoBook())
    costs = [c.would_usd_micros for c in report.calls]
    assert costs[0] == round(10_000 * 0.25) + round(500 * 0.4)
    assert costs[1:] == [round(10_000 * 0.025) + round(500 * 0.4)] * 2
    assert report.success_points is not None
    assert report.success_points.value == pytest.approx(-10)
    assert (report.scored, report.sessions) == (3, 1)


def test_learned_choices_are_decided_by_the_scores_of_then() -> None:
    learned = {"margin": 0.25, "risk": 0.1}
    report = replay([turn(0)], runtime({"id": "a", "to": [OPUS, FLASH, BOX], "learned": learned}), NoBook())
    assert [c.would for c in report.calls] == [BOX]
    strict = runtime({"id": "a", "to": [OPUS, FLASH, BOX], "learned": {"margin": 0.25, "risk": 0.01}})
    assert [c.would for c in replay([turn(0)], strict, NoBook()).calls] == [OPUS]


def test_named_and_failed_calls_are_left_out_and_told() -> None:
    rows = [turn(0, route="named"), turn(1, outcome="upstream_error"), turn(2)]
    report = replay(rows, runtime({"id": "a", "to": OPUS}), NoBook())
    assert len(report.calls) == 1
    assert report.skipped == {"no decision (asked for by name)": 1, "not answered": 1}


def test_who_could_not_be_served_or_priced_is_told() -> None:
    report = replay([turn(0, kept={"images": True})], runtime({"id": "a", "to": OPUS}), NoBook())
    assert (report.calls[0].would, "takes no images" in report.calls[0].why) == ("", True)
    unpriced = replay([turn(0)], runtime({"id": "a", "to": "api/unpriced"}), NoBook())
    assert unpriced.unpriced == 1


def test_a_session_that_failed_moves_up_as_it_would_have() -> None:
    rows = [turn(0), turn(1, call="tool_result", kept={"signals": {"failed_cycles": 2}}), turn(2, call="tool_result")]
    report = replay(rows, runtime({"id": "a", "to": [BOX, FLASH]}), NoBook())
    assert [c.would for c in report.calls] == [BOX, FLASH, FLASH]


def test_the_interval_comes_from_sessions_and_is_the_same_each_time() -> None:
    rows = [turn(n, f"s{n % 7}", model=OPUS if n % 2 else FLASH, lane="frontier") for n in range(70)]
    first, again = (replay(rows, runtime({"id": "a", "to": [FLASH]}), NoBook()) for _ in range(2))
    assert first.cost_pct == again.cost_pct
    assert first.moved_pct is not None
    assert first.moved_pct.low <= first.moved_pct.value == 50 <= first.moved_pct.high
    assert first.cost_pct is not None
    assert first.cost_pct.low < first.cost_pct.value < first.cost_pct.high < 0


def test_an_empty_ledger_and_a_broken_record() -> None:
    assert replay([], runtime({"id": "a", "to": OPUS}), NoBook()).cost_pct is None
    broken = row("r", session="s", model=OPUS, extra={"decision": "{"}, cost=5)
    assert replay([broken], runtime({"id": "a", "to": OPUS}), NoBook()).calls[0].risk is None
