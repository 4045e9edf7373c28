"""Finds the dialects of this package by scanning it, in sorted order; a duplicate or missing name stops the start."""

from __future__ import annotations

from functools import cache
from typing import cast

from gateway import dialects
from gateway.dialects.contract import Dialect
from gateway.ir.request import DialectName
from gateway.plugins import scan


@cache
def all_dialects() -> dict[DialectName, Dialect]:
    return cast("dict[DialectName, Dialect]", scan(dialects, "DIALECT"))


def by_name(name: DialectName) -> Dialect:
    return all_dialects()[name]


@cache
def by_path() -> dict[str, Dialect]:
    """Request path to dialect."""
    return {path: dialect for dialect in all_dialects().values() for path in dialect.paths}
