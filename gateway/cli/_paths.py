"""Where state lives: --state-dir, else $XDG_STATE_HOME/interlock, else ~/.local/state/interlock."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.cli import _configuration
from gateway.config.load import load
from gateway.providers.registry import catalog


def state_dir_of(given: str | None) -> Path:
    if given:
        return Path(given)
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(base) / "interlock"


def ledger_path_of(config: str | None, state_dir: Path) -> Path:
    """The ledger: `ledger.path` of the configuration file if one is found, else ledger.sqlite in the state directory. The
    file is only read, nothing is discovered. ConfigError for a broken file."""
    found = _configuration.locate(config)
    if found is not None:
        written = load(_configuration.read(found), file=str(found), catalog=catalog()).settings.ledger.path
        if written is not None:
            return Path(written)
    return state_dir / "ledger.sqlite"
