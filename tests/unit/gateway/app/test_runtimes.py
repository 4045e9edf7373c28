"""What a configuration becomes."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.accounting.cost import Pricing
from gateway.app.runtimes import runtime_of
from gateway.ports import Rates
from tests.support.gateways import loaded

PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0}


def model(provider: str = "deepseek", lane: str = "mid", **more: Any) -> dict[str, Any]:
    address = {"base_url": "http://up.test"} if provider.endswith("compatible") else {}
    return {"provider": provider, "model": "some-model", "lane": lane, **address, **more}


def pricing(entry: dict[str, Any], **settings: Any) -> Pricing:
    return runtime_of(loaded({"models": {"a/b": entry}, **settings}), 1)[0].pricing["a/b"]


@pytest.mark.parametrize(
    ("entry", "settings", "expected"),
    [
        (model(), {}, Pricing(price_id="deepseek", model="some-model")),
        (model(price_id="openai/gpt-x"), {}, Pricing(price_id="openai", model="gpt-x")),
        (model(price_id="openai"), {}, Pricing(price_id="openai", model="some-model")),
        (model("openai_compatible"), {}, Pricing(price_id=None, model="some-model")),
        (model("vllm", "local"), {}, Pricing(free=True)),
        (model("vllm", "local", cost={"usd_per_hour": 0.35}), {}, Pricing(usd_per_hour=0.35)),
        (model(cost=PRICE), {}, Pricing(rates=Rates(1.0, 4.0))),
        (model(cost={**PRICE, "cached_usd_per_mtok": 0.0}), {}, Pricing(rates=Rates(1.0, 4.0, 0.0))),
        (model(), {"prices": {"some-model": PRICE}}, Pricing(rates=Rates(1.0, 4.0))),
        (model(), {"prices": {"a/b": PRICE, "some-model": {"usd_per_hour": 9}}}, Pricing(rates=Rates(1.0, 4.0))),
        (model(cost={"usd_per_hour": 1}), {"prices": {"a/b": PRICE}}, Pricing(usd_per_hour=1)),
        (model("sim", cost=PRICE), {}, Pricing(free=True)),  # what is simulated costs nothing whatever the file says
    ],
)
def test_where_a_price_comes_from(entry: dict[str, Any], settings: dict[str, Any], expected: Pricing) -> None:
    assert pricing(entry, **settings) == expected


@pytest.mark.parametrize(
    ("lanes", "said", "expected"),
    [
        ({"a": "mid", "b": "frontier", "c": "frontier"}, None, "b"),
        ({"a": "mid", "b": "frontier"}, "a", "a"),
        ({"a": "mid"}, None, None),
    ],
)
def test_the_baseline(lanes: dict[str, str], said: str | None, expected: str | None) -> None:
    config = {"models": {name: model(lane=lane) for name, lane in lanes.items()}, "baseline_model": said}
    assert runtime_of(loaded({k: v for k, v in config.items() if v}), 1)[0].baseline == expected


def test_a_secret_that_cannot_be_read_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    runtime, warnings = runtime_of(loaded({"models": {"a": model(api_key="env:NO_SUCH_KEY")}}), 7)
    assert any("NO_SUCH_KEY" in warning for warning in warnings)
    assert dict(runtime.endpoints["a"].headers).get(b"authorization") is None
    assert (runtime.generation, runtime.config_source) == (7, "interlock.yaml")
