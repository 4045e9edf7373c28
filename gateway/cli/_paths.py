"""Where state lives: --state-dir, else $XDG_STATE_HOME/interlock, else ~/.local/state/interlock."""

from __future__ import annotations

import os
from pathlib import Path


def state_dir_of(given: str | None) -> Path:
    if given:
        return Path(given)
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(base) / "interlock"
