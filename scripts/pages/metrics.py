"""docs/reference/metrics.md from the constants of gateway/telemetry.py: names as text, headers as bytes, records with a
`name`."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

from gateway import telemetry
from scripts.pages.markdown import doc, table
from scripts.pages.source import described


def page() -> str:
    text = inspect.getsource(telemetry)
    parts = ["# Metrics, headers, logger", doc(telemetry)]
    names, headers, records = [], [], []
    for constant, meaning in described(ast.parse(text).body, text.splitlines()):
        if not constant.isupper() or constant.startswith("_"):
            continue
        value = getattr(telemetry, constant)
        if isinstance(value, str):
            names.append([f"`{value}`", meaning])
        if isinstance(value, bytes):
            headers.append([f"`{value.decode()}`", meaning])
        records += [(record, meaning) for record in recorded(value)]
    if records:
        heads = [f.name for f in dataclasses.fields(records[0][0])]
        rows = [[spelled(head, getattr(record, head, "")) for head in heads] for record, _ in records]
        parts += ["## Metrics", table(heads, rows)]
    if headers:
        parts += ["## Response headers", table(["header", "meaning"], headers)]
    if names:
        parts += ["## Names", table(["name", "meaning"], names)]
    return "\n\n".join(part for part in parts if part)


def recorded(value: Any) -> Iterator[Any]:
    """Dataclass records with a `name`, also inside tuples and mappings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and hasattr(value, "name"):
        yield value
    elif isinstance(value, tuple | list | frozenset):
        for entry in value:
            yield from recorded(entry)
    elif isinstance(value, dict):
        for entry in value.values():
            yield from recorded(entry)


def spelled(head: str, value: object) -> str:
    words = ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    return f"`{words}`" if head == "name" else words
