"""Finds the harnesses of this package by scanning it, and tells which of them sent a request."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import cast

from gateway import harnesses
from gateway.dialects.contract import View
from gateway.harnesses.contract import PROVEN, Detected, Harness, Shape
from gateway.ir.request import DialectName
from gateway.plugins import scan

UNKNOWN = Detected()


@cache
def all_harnesses() -> dict[str, Harness]:
    return cast("dict[str, Harness]", scan(harnesses, "HARNESS"))


@cache
def _ordered() -> tuple[Harness, ...]:
    return tuple(all_harnesses().values())


def detect(headers: Mapping[bytes, bytes], view: View, dialect: DialectName) -> Detected:
    """The harness with the strongest evidence; of equals the first by file name. Looks at headers, tool names and the
    beginning of the system text and of one message: about 10 µs."""
    shape = Shape(headers, view, dialect)
    best, strength = None, 0
    for harness in _ordered():
        found = harness.recognise(shape)
        if found > strength:
            best, strength = harness, found
            if found >= PROVEN:
                break
    return UNKNOWN if best is None else Detected(best.name, best.version(shape)[:32])


def keepalive(name: str, dialect: DialectName) -> bytes:
    """What keeps a silent stream to this harness alive, b"" where it is what its dialect has for that."""
    known = all_harnesses().get(name)
    return known.keepalive.get(dialect, b"") if known is not None else b""
