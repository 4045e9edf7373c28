"""The row that a call under way would leave."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gateway.accounting.cost import Pricing
from gateway.pipeline import lost
from gateway.ports import Rates
from gateway.testing.scripted import ScriptedUpstream, say
from tests.support.gateways import eventually, staged
from tests.unit.gateway.pipeline.made import flight
from tests.unit.gateway.routing.made import TRIO

MID = TRIO[1].name


def given(**more: Any) -> tuple[Any, Any, Any]:
    made = flight()
    made.served, made.attempt_at, made.status = MID, 1000.0, 200
    for name, value in more.items():
        setattr(made, name, value)
    endpoints = {e.name: e for e in TRIO}
    runtime = SimpleNamespace(
        endpoints=endpoints, baseline=None, pricing={MID: Pricing(rates=Rates(input=1.0, output=4.0))}
    )
    return made, SimpleNamespace(clock=made.clock, prices=None), runtime


async def test_what_was_delivered_and_all_of_the_request() -> None:
    made, ports, runtime = given()
    await made.clock.advance(2.0)
    made.tally.plain(400)
    found = lost.row(made, ports, runtime)
    assert (found.outcome, found.status, found.error) == ("lost", 0, lost.WHY)
    (hop,) = found.hops
    assert (hop.model, hop.outcome, hop.total_ms) == (MID, "lost", 2000.0)
    assert (hop.usage.input_tokens, hop.usage.output_tokens) == (made.exchange.context_tokens, 100)
    assert found.usage.source == "estimated"
    assert found.cost_usd_micros == hop.usage.input_tokens + 400
    assert made.hops == [], "the flight itself is not touched"
    assert made.outcome == "error"


async def test_between_attempts_there_is_only_what_was_tried() -> None:
    made, ports, runtime = given(attempt_at=None)
    assert lost.row(made, ports, runtime).hops == ()


async def test_each_call_is_open_while_it_runs(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(fault="stall:0.2", fault_on="any", turns=[say("one and two")])
    async with staged(tmp_path, upstream=upstream) as stage:
        journal = stage.gateway.ports.ledger._journal  # type: ignore[attr-defined]
        async with stage.open("chat") as stream:
            await stream.head()
            (look,) = journal._open.values()
            assert look().outcome == "lost"
            await eventually(lambda: look().usage.output_tokens > 0)
            await stream.rest()
        assert journal._open == {}
        assert stage.row.outcome == "ok"
