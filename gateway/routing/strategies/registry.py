"""Finds the strategies of this package by scanning it."""

from __future__ import annotations

from functools import cache
from typing import cast

from gateway.errors import ConfigError
from gateway.plugins import scan
from gateway.routing import strategies
from gateway.routing.strategies.contract import Strategy


@cache
def all_strategies() -> dict[str, Strategy]:
    return cast("dict[str, Strategy]", scan(strategies, "STRATEGY"))


def strategy(name: str, where: str) -> Strategy:
    """ConfigError, with the names there are, for one that is not known. `where` is the path in the configuration."""
    known = all_strategies()
    if name not in known:
        accepted = ", ".join(known)
        raise ConfigError(f"{where}: unknown strategy {name!r}; accepted: {accepted}", where=where)
    return known[name]
