"""The files of the state directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.adapters.state.behind import WriteBehindState
from gateway.adapters.state.memory import MemoryState
from gateway.adapters.state.sqlite import SqliteState
from gateway.app.stores import make_files, state_of
from gateway.config.settings import Settings
from gateway.errors import ConfigError
from gateway.testing.clock import ManualClock


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
    store = await state_of(Settings.model_validate({"state": state}), ManualClock(), tmp_path)
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
    store = await state_of(settings, ManualClock(), tmp_path)
    assert isinstance(store, SqliteState)
    await store.aclose()


async def test_a_state_file_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"not a database at all, but long enough to be looked at as one" * 20)
    with pytest.raises(ConfigError, match="move it away"):
        await state_of(Settings(), ManualClock(), tmp_path)
    with pytest.raises(ConfigError, match="move it away"):
        make_files(Settings(), tmp_path)


def test_files_are_made_before_several_open_them(tmp_path: Path) -> None:
    make_files(Settings(), tmp_path / "state")
    make_files(Settings(), tmp_path / "state")
    found = {path.name for path in (tmp_path / "state").iterdir() if path.suffix == ".sqlite"}
    assert found == {"approvals.sqlite", "keys.sqlite", "ledger.sqlite", "state.sqlite"}
