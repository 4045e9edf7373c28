"""Finds the providers of this package by scanning it."""

from __future__ import annotations

from functools import cache
from typing import cast

from gateway import providers
from gateway.plugins import scan
from gateway.providers.contract import Provider


@cache
def all_providers() -> dict[str, Provider]:
    return cast("dict[str, Provider]", scan(providers, "PROVIDER"))
