"""docs/reference/plugins.md from the plug-in packages, found as the gateway finds them at start."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from types import ModuleType
from typing import Any

from gateway.plugins import scan
from scripts.pages.markdown import table

# kind, package, the name each file declares, what one is
KINDS = (
    ("Providers", "gateway.providers", "PROVIDER", "an upstream vendor or server"),
    ("Dialects", "gateway.dialects", "DIALECT", "a wire protocol, both directions"),
    ("Harnesses", "gateway.harnesses", "HARNESS", "a coding agent: how it is recognised and configured"),
    ("Routing strategies", "gateway.routing.strategies", "STRATEGY", "an order of candidates"),
    ("Compaction steps", "gateway.compaction.steps", "STEP", "a way to shorten a conversation"),
    ("Policy checks", "policies.checks", "CHECK", "a judgement of a tool call"),
)
INTRO = """
# Plug-ins

One new thing, one new file: a package is scanned at start, in sorted order; a duplicate or missing name stops the start.
`interlock list KIND` prints what an installed gateway found.
"""


def package(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name) if importlib.util.find_spec(name) else None
    except ModuleNotFoundError:
        return None


def page() -> str:
    parts = [INTRO.strip()]
    for title, name, attribute, about in KINDS:
        found = package(name)
        if found is None:
            continue
        parts += [
            f"## {title}",
            f"{about.capitalize()}; a file in `{name.replace('.', '/')}/` that declares `{attribute}`.",
        ]
        plugins = scan(found, attribute)
        if plugins:
            homes = modules(found, attribute)
            rows = [[f"`{key}`", f"`{homes[key].__name__}`", first_line(homes[key])] for key in sorted(plugins)]
            parts.append(table(["name", "file", "what"], rows))
            if name == "gateway.providers":
                parts.append(providers(plugins))
    return "\n\n".join(parts)


def modules(found: ModuleType, attribute: str) -> dict[str, ModuleType]:
    """{plug-in's own name: its module}"""
    loaded = (importlib.import_module(f"{found.__name__}.{info.name}") for info in pkgutil.iter_modules(found.__path__))
    return {getattr(module, attribute).name: module for module in loaded if hasattr(module, attribute)}


def first_line(module: ModuleType) -> str:
    return (inspect.getdoc(module) or "").split("\n\n")[0]


def providers(plugins: dict[str, Any]) -> str:
    def words(values: Any) -> str:
        return ", ".join(f"`{value}`" for value in values) or "—"

    rows = [
        [
            f"`{name}`",
            p.title,
            f"`{p.base_url}`" if p.base_url else "set in the configuration",
            words(p.dialects),
            words(p.env_keys),
            words(p.ports) if p.local else "—",
        ]
        for name, p in sorted(plugins.items())
    ]
    return table(["provider", "title", "base URL", "dialects", "key found in", "ports probed"], rows)
