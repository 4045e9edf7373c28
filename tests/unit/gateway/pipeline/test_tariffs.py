"""Prices of a runtime as routing weighs them."""

from __future__ import annotations

from gateway.accounting.cost import Pricing
from gateway.config.settings import Settings
from gateway.pipeline.runtime import Runtime
from gateway.pipeline.tariffs import prices
from gateway.ports import Rates
from gateway.routing import table
from gateway.routing.costs import Tariff
from tests.unit.gateway.routing.made import endpoint

PRICED = {
    "own": Pricing(rates=Rates(3.0, 15.0)),
    "hour": Pricing(usd_per_hour=0.5),
    "free": Pricing(free=True),
    "list": Pricing(price_id="vendor", model="m"),
    "unknown": Pricing(price_id="vendor", model="x"),
    "nothing": Pricing(),
}


class Book:
    version, loading = "list-1", False

    async def ready(self) -> None: ...

    def rates(self, price_id: str, model: str, at_s: float, input_tokens: int) -> Rates | None:
        return Rates(1.0 if input_tokens < 100 else 2.0, 4.0, 0.1, 1.25) if model == "m" else None


def test_every_way_of_pricing() -> None:
    ends = {name: endpoint(name, prefill_tokens_s=1000.0) for name in PRICED}
    runtime = Runtime(Settings(), table.build(Settings(), ends), PRICED, None)
    small, large = prices(runtime, Book(), 0.0, 10), prices(runtime, Book(), 0.0, 1000)
    assert small("own") == Tariff(3.0, 3.0, 3.0, 15.0, prefill_tokens_s=1000.0), (
        "an unknown cache rate is the input rate"
    )
    assert small("hour") == Tariff(usd_per_hour=0.5, prefill_tokens_s=1000.0)
    assert small("free") == Tariff(prefill_tokens_s=1000.0)
    assert (small("list"), large("list")) == (
        Tariff(1.0, 0.1, 1.25, 4.0, prefill_tokens_s=1000.0),
        Tariff(2.0, 0.1, 1.25, 4.0, prefill_tokens_s=1000.0),
    )
    assert (small("unknown"), small("nothing"), small("no such model")) == (None, None, None)
