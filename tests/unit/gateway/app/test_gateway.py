"""The running gateway: its start and end, and what a reload changes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.config.load import Loaded
from gateway.errors import ConfigError
from tests.support.gateways import loaded, staged

PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0}


def model(provider: str = "deepseek", lane: str = "mid", **more: Any) -> dict[str, Any]:
    address = {"base_url": "http://up.test"} if provider.endswith("compatible") else {}
    return {"provider": provider, "model": "some-model", "lane": lane, **address, **more}


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
