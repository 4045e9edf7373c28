"""The row of an attempt: what was delivered is billed, and what was beaten is billed for its prompt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gateway.accounting.cost import Pricing
from gateway.accounting.tally import Tally
from gateway.errors import UpstreamProtocol
from gateway.ir.usage import Usage
from gateway.pipeline import rows
from gateway.ports import Rates
from tests.unit.gateway.pipeline.made import MadeReply, flight
from tests.unit.gateway.routing.made import TRIO

MID = TRIO[1]
PORTS: Any = SimpleNamespace(prices=None)
RUNTIME: Any = SimpleNamespace(pricing={MID.name: Pricing(rates=Rates(input=1.0, output=4.0))})


def ended(tally: Tally, outcome: str = "ok", failure: UpstreamProtocol | None = None) -> Any:
    return rows.ended(flight(), MID, tally, outcome, failure, 2.0, PORTS, RUNTIME, MadeReply())


def test_a_complete_reply_is_billed_as_reported() -> None:
    found = ended(Tally(usage=Usage(10, output_tokens=5)))
    assert (found.usage, found.cost_usd_micros, found.status) == (Usage(10, output_tokens=5), 30, 200)
    assert (found.model, found.lane, found.total_ms, found.error) == (MID.name, MID.lane, 2000.0, None)


def test_a_broken_one_for_what_was_delivered() -> None:
    tally = Tally()
    tally.plain(40)
    found = ended(tally, "upstream_protocol", UpstreamProtocol("cut"))
    assert (found.usage.source, found.usage.output_tokens, found.error) == ("estimated", 10, "cut")


def test_one_that_delivered_nothing_for_nothing() -> None:
    found = ended(Tally(), "upstream_connect", UpstreamProtocol("refused"))
    assert (found.usage.source, found.cost_usd_micros) == ("none", 0)


def test_a_beaten_one_for_its_prompt() -> None:
    made = flight()
    found = rows.beaten(made, ended(Tally(), "cancelled"), PORTS, RUNTIME)
    tokens = made.exchange.context_tokens
    assert (found.outcome, found.usage) == ("beaten", Usage(input_tokens=tokens, source="estimated"))
    assert found.cost_usd_micros == tokens
    assert found.price_version == "operator"
    tally = Tally()
    tally.plain(40)
    assert rows.beaten(made, ended(tally, "cancelled"), PORTS, RUNTIME).usage.output_tokens == 10
