"""Plug-in packages: each file declares one named value; the package is scanned in sorted order at start."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from gateway.errors import ConfigError


def scan(package: ModuleType, attribute: str) -> dict[str, Any]:
    """{plug-in's own `name`: value} of every module of `package` that has `attribute`. Two with one name: ConfigError.
    Modules named contract, registry, or starting with an underscore are helpers, not plug-ins."""
    found: dict[str, Any] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda i: i.name):
        if info.name in {"contract", "registry"} or info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        value = getattr(module, attribute, None)
        if value is None:
            raise ConfigError(f"{module.__name__} declares no {attribute}")
        if value.name in found:
            raise ConfigError(f"{module.__name__}: the name {value.name!r} is taken")
        found[value.name] = value
    return found
