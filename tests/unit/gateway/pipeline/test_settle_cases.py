"""The end of a request: its row, and what is remembered of its session."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.accounting.cost import Pricing
from gateway.adapters.state.memory import MemoryState
from gateway.config.settings import Settings
from gateway.ir.events import BlockStart, Sealed
from gateway.ir.exchange import Call, HopRow, Labels, Plan
from gateway.ir.request import Reasoning, ToolCall
from gateway.ir.usage import Usage
from gateway.pipeline import settle
from gateway.pipeline.flight import Flight
from gateway.pipeline.prepare import REASONING
from gateway.pipeline.runtime import Runtime
from gateway.ports import Rates
from gateway.sessions import reasoning
from gateway.sessions import state as session_state
from tests.support.gateways import staged
from tests.unit.gateway.pipeline.made import flight
from tests.unit.gateway.routing.made import TRIO, routes

LOCAL, MID, FRONTIER = (e.name for e in TRIO)
COUNTED = Usage(input_tokens=100, output_tokens=10)
NOTHING = Usage(source="none")


def hop(model: str = MID, usage: Usage = COUNTED, micros: int = 5, version: str = "v1") -> HopRow:
    return HopRow(
        model=model, provider="p", upstream_model="m", outcome="ok", status=200, error=None, ttft_ms=None,
        total_ms=1000.0, usage=usage, cost_usd_micros=micros, cost_parts={"input": micros} if micros else {},
        price_version=version,
    )  # fmt: skip


def ended(*hops: HopRow) -> Flight:
    made = flight()
    made.plan = Plan((), "r", True, "why")
    made.hops = list(hops)
    made.served = hops[-1].model if hops else None
    return made


def ports(made: Flight) -> Any:
    return SimpleNamespace(clock=made.clock, prices=None, state=MemoryState(made.clock, 1 << 20))


def runtime(baseline: str | None = FRONTIER, pricing: Pricing | None = None) -> Runtime:
    prices = {FRONTIER: pricing or Pricing(rates=Rates(10.0, 50.0))}
    return Runtime(Settings(), routes(), prices, baseline)


async def test_a_row_sums_what_was_paid() -> None:
    made = ended(hop(LOCAL, micros=3), hop(usage=replace(COUNTED, source="estimated"), micros=4))
    made.upstream_s, made.outcome, made.status = 0.25, "ok", 200
    await made.clock.advance(1.0)  # type: ignore[attr-defined]
    row = settle.row(made, ports(made), runtime())
    assert (row.usage.input_tokens, row.usage.output_tokens, row.usage.source) == (200, 20, "estimated")
    assert (row.cost_usd_micros, row.cost_parts) == (7, {"input": 7})
    assert (row.model, row.lane, row.route, row.sticky) == (MID, "mid", "r", True)
    assert (row.total_ms, row.gateway_ms, row.request_bytes) == (1000.0, 750.0, len(made.exchange.body))
    assert len(row.hops) == 2


def test_a_request_that_reached_nobody_has_a_row_without_a_price() -> None:
    made = ended()
    row = settle.row(made, ports(made), runtime())
    assert (row.model, row.lane, row.usage, row.cost_usd_micros, row.price_version) == ("", "", NOTHING, 0, "none")


@pytest.mark.parametrize(
    ("hops", "version"),
    [
        ([hop(version="v1"), hop(version="v2")], "v2"),
        ([hop(version="none"), hop(version="v2")], "none"),  # the sum is not the whole truth
        ([hop(usage=NOTHING, micros=0, version="none"), hop(version="v2")], "v2"),
        ([hop(usage=NOTHING, version="v1")], "none"),
    ],
)
def test_the_price_version_of_several_hops(hops: list[HopRow], version: str) -> None:
    made = ended(*hops)
    assert settle.row(made, ports(made), runtime()).price_version == version


@pytest.mark.parametrize(
    ("last", "against", "micros", "mark"),
    [
        (hop(), runtime(), 100 * 10 + 10 * 50, {}),
        (hop(), runtime(baseline=None), 0, {"baseline": "none"}),
        (hop(), runtime(pricing=Pricing()), 0, {"baseline": "unpriced"}),
        (hop(), runtime(pricing=Pricing(usd_per_hour=3.6)), 1000, {}),
        (hop(usage=NOTHING), runtime(), 0, {}),
    ],
)
def test_the_baseline_prices_the_useful_hop(last: HopRow, against: Runtime, micros: int, mark: dict[str, str]) -> None:
    made = ended(hop(LOCAL), last)
    row = settle.row(made, ports(made), against)
    assert (row.baseline_usd_micros, row.extra) == (micros, mark)


async def remembered(made: Flight, at: Any, model: str = MID, call: Call = "main") -> session_state.SessionState:
    made.exchange = replace(made.exchange, labels=Labels(call=call))
    made.served = model
    await settle.remember(made, at, runtime(), "digest")
    return session_state.load(await at.state.get(settle.SESSION, "ses_1"))


async def test_a_conversation_binds_and_a_title_does_not() -> None:
    made = ended(hop())
    at = ports(made)
    assert (await remembered(made, at)).bound_model == MID
    after = await remembered(made, at, LOCAL, "title")
    assert (after.bound_model, after.turns) == (MID, 2)


async def test_what_was_thought_is_filed_under_its_session() -> None:
    made = ended(hop())
    at = ports(made)
    for event in (
        BlockStart(0, Reasoning("t")),
        Sealed(0, "seal", None),
        BlockStart(1, ToolCall("c1", "f", "{}")),
    ):
        made.tally.feed(event)
    await remembered(made, at)
    for key in (reasoning.seal_key("seal"), reasoning.call_key("c1")):
        assert reasoning.load(await at.state.get(REASONING, f"ses_1|{key}")) is not None
        assert await at.state.get(REASONING, f"ses_2|{key}") is None


async def test_a_model_that_a_reload_took_away_binds_nothing() -> None:
    made = ended(hop())
    assert await remembered(made, ports(made), "gone/model") == session_state.NEW


async def test_nothing_is_bound_before_success(tmp_path: Path) -> None:
    async with staged(tmp_path, fault="400ctx", fault_on="any", fault_times=-1) as stage:
        reply = await stage.ask("chat", headers={"x-interlock-session": "mine"})
        assert reply.status == 400
        assert await stage.gateway.ports.state.get(settle.SESSION, stage.row.session) is None
