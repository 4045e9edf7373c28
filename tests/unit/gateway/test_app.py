"""The composition root: what a configuration becomes, and what a reload changes."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.accounting.cost import Pricing
from gateway.adapters.state.behind import WriteBehindState
from gateway.adapters.state.memory import MemoryState
from gateway.adapters.state.sqlite import SqliteState
from gateway.app import Gateway, _state, make_files, runtime_of
from gateway.config.load import Loaded
from gateway.config.settings import Settings
from gateway.errors import ConfigError
from gateway.ports import Rates
from gateway.testing.clock import ManualClock
from tests.support.gateways import loaded, staged

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


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ({"kind": "memory"}, MemoryState),
        ({}, WriteBehindState),
        ({"kind": "sqlite"}, SqliteState),
        ({"kind": "sqlite", "path": "x"}, SqliteState),
    ],
)
async def test_kinds_of_state(tmp_path: Path, state: dict[str, str], kind: type[object]) -> None:
    if "path" in state:
        state = {**state, "path": str(tmp_path / "elsewhere.sqlite")}
    store = await _state(Settings.model_validate({"state": state}), ManualClock(), tmp_path)
    try:
        assert isinstance(store, kind)
        await store.put("ns", "key", b"value", 60.0)
        assert await store.get("ns", "key") == b"value"
    finally:
        await store.aclose()
    files = {name for name in os.listdir(tmp_path) if name.endswith(".sqlite")}
    assert files == ({"elsewhere.sqlite"} if "path" in state else set() if kind is MemoryState else {"state.sqlite"})


async def test_several_workers_never_keep_state_to_themselves(tmp_path: Path) -> None:
    settings = Settings.model_validate({"server": {"workers": 2}})
    store = await _state(settings, ManualClock(), tmp_path)
    assert isinstance(store, SqliteState)
    await store.aclose()


async def test_a_state_file_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"not a database at all, but long enough to be looked at as one" * 20)
    with pytest.raises(ConfigError, match="move it away"):
        await _state(Settings(), ManualClock(), tmp_path)
    with pytest.raises(ConfigError, match="move it away"):
        make_files(Settings(), tmp_path)


def test_files_are_made_before_several_open_them(tmp_path: Path) -> None:
    make_files(Settings(), tmp_path / "state")
    make_files(Settings(), tmp_path / "state")
    found = {path.name for path in (tmp_path / "state").iterdir() if path.suffix == ".sqlite"}
    assert found == {"approvals.sqlite", "keys.sqlite", "ledger.sqlite", "state.sqlite"}


class Reloading:
    """A gateway that was not started, over a configuration that the test changes."""

    def __init__(self, tmp_path: Path, first: dict[str, Any]) -> None:
        self.next: dict[str, Any] | str = first

        async def load() -> Loaded:
            return loaded(self.next)

        self.gateway = Gateway(loaded(first), load, tmp_path, local=True)

    async def to(self, config: dict[str, Any] | str) -> bool:
        self.next = config
        return await self.gateway.reload()


async def test_a_reload_swaps_the_runtime(tmp_path: Path) -> None:
    stage = Reloading(tmp_path, {"models": {"a": model()}})
    before = stage.gateway.runtime
    assert await stage.to({"models": {"b": model()}})
    assert (list(before.endpoints), list(stage.gateway.runtime.endpoints)) == (["a"], ["b"])
    assert (before.generation, stage.gateway.runtime.generation) == (1, 2)


async def test_a_bad_configuration_leaves_the_old_one_running_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Reloading(tmp_path, {"models": {"a": model()}})
    before = stage.gateway.runtime
    with caplog.at_level(logging.ERROR, "interlock"):
        assert not await stage.to("models: [not, a, map]\n")
    assert stage.gateway.runtime is before
    assert stage.gateway.reload_failures == 1
    assert stage.gateway.reload_error is not None
    assert "models" in stage.gateway.reload_error
    assert "keeps running" in caplog.text
    assert await stage.to({"models": {"a": model()}})
    assert stage.gateway.reload_error is None
    assert stage.gateway.reload_failures == 1


async def test_a_proxy_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_PROXY", raising=False)
    stage = Reloading(tmp_path, {"models": {"a": model()}})
    assert not await stage.to({"models": {"a": model(proxy="env:NO_SUCH_PROXY")}})
    assert "models.a.proxy" in (stage.gateway.reload_error or "")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"server": {"port": 5000}}, "server.port was changed"),
        ({"state": {"kind": "sqlite"}}, "state was changed"),
        ({"log": {"level": "debug"}}, "log was changed"),
        ({"server": {"drain_s": 5}}, None),
    ],
)
async def test_what_a_reload_cannot_change_is_told(tmp_path: Path, changed: dict[str, Any], words: str | None) -> None:
    stage = Reloading(tmp_path, {"models": {"a": model()}})
    assert await stage.to({"models": {"a": model()}, **changed})
    told = [warning for warning in stage.gateway.warnings if "next start" in warning]
    assert len(told) == (0 if words is None else 1)
    assert words is None or told[0].startswith(words)


async def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    gateway = Reloading(tmp_path / "file" / "state", {"models": {"a": model()}}).gateway
    with pytest.raises(ConfigError, match="state directory"):
        await gateway.start()


async def test_from_start_to_stop(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with staged(state) as stage:
        assert (await stage.ask("chat")).status == 200
        assert stage.gateway.front.in_flight == 0
        await stage.gateway.drain()
        assert (await stage.ask("chat")).status == 503
    assert (state / "ledger.sqlite").exists()
    assert state.stat().st_mode & 0o077 == 0
