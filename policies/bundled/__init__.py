"""The policies that come along, by name: YAML beside this module, read as package data."""

from __future__ import annotations

import functools
import pkgutil

NAMES = ("read-only", "safe-default", "ci", "strict")


@functools.lru_cache(maxsize=8)
def text(name: str) -> str:
    """KeyError for a name that is not in NAMES."""
    if name not in NAMES:
        raise KeyError(name)
    data = pkgutil.get_data(__name__, f"{name}.yaml")
    assert data is not None
    return data.decode("utf-8")
