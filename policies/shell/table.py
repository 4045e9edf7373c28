"""All programs that are known, by name: every module of `programs/` is scanned once. A name that two modules claim stops the
import, so that an addition never changes another entry silently."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from policies.shell import programs as package
from policies.shell.model import Program


@functools.cache
def programs() -> Mapping[str, Program]:
    """ValueError for a name that stands twice."""
    out: dict[str, Program] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for entry in module.PROGRAMS:
            for name in entry.names.split():
                if name in out:
                    raise ValueError(f"{info.name}: the program {name} is described twice")
                out[name] = entry
    return MappingProxyType(out)
