"""The files of the state directory and the store that the configuration asks for."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateway.adapters import secrets as secret_store
from gateway.adapters.judging import prepare as prepare_judging
from gateway.adapters.keys import SqliteKeys
from gateway.adapters.ledger import prepare as prepare_ledger
from gateway.adapters.state.behind import WriteBehindState
from gateway.adapters.state.memory import MemoryState
from gateway.adapters.state.sqlite import SqliteState, open_file
from gateway.adapters.system import SystemClock
from gateway.config.settings import Settings
from gateway.errors import ConfigError
from gateway.ports import Clock, StateStore


def state_path(settings: Settings, state_dir: Path) -> Path:
    return Path(settings.state.path) if settings.state.path else state_dir / "state.sqlite"


def ledger_path(settings: Settings, state_dir: Path) -> Path:
    return Path(settings.ledger.path) if settings.ledger.path else state_dir / "ledger.sqlite"


def shared(settings: Settings) -> bool:
    """Other processes use the same state, so what is one must not be kept in this one."""
    return settings.server.workers > 1 or settings.state.kind in ("sqlite", "redis")


async def state_of(settings: Settings, clock: Clock, state_dir: Path) -> StateStore:
    kind = settings.state.kind
    if kind == "redis":
        try:
            from gateway.adapters.state.redis import RedisState
        except ImportError as error:
            raise ConfigError("state.kind redis needs the extra: pip install 'interlock[redis]'") from error
        url = secret_store.read(settings.state.url or "redis://127.0.0.1:6379/0")
        return RedisState(url)
    path = state_path(settings, state_dir)
    if kind == "sqlite" or (kind == "auto" and settings.server.workers > 1):
        return SqliteState(clock, path)
    if kind == "auto":
        state = WriteBehindState(clock, path, settings.state.max_bytes)
        try:
            await state.start()
        except sqlite3.Error as error:
            raise ConfigError(
                f"the state file {path} cannot be used: {error}; move it away or set state.path"
            ) from error
        return state
    return MemoryState(clock, settings.state.max_bytes)


def make_files(settings: Settings, state_dir: Path) -> None:
    """Creates and migrates what several workers are about to open at the same moment. Blocking. ConfigError."""
    make_folder(state_dir)
    SqliteKeys(state_dir / "keys.sqlite", SystemClock()).refresh()
    prepare_ledger(ledger_path(settings, state_dir))
    prepare_judging(state_dir, SystemClock())
    if settings.state.kind in ("auto", "sqlite"):
        path = state_path(settings, state_dir)
        try:
            open_file(path).close()
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"the state file {path} cannot be used: {error}; move it away or set state.path"
            ) from error


def make_folder(state_dir: Path) -> None:
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"the state directory {state_dir} cannot be made: {error.strerror}") from error
