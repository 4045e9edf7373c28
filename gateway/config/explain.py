"""`config explain`: each value of a configuration with where it came from. Secrets appear as references only: a Settings
holds nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic import BaseModel

from gateway.config.base import is_ref
from gateway.config.load import Loaded
from gateway.config.models import ProfileOverrides, profile_changes
from gateway.config.problems import Path, path_text
from gateway.config.secrets import parse


@dataclass(frozen=True, slots=True)
class Line:
    path: str
    value: str
    origin: str


def explain(loaded: Loaded, environment: Collection[str]) -> list[Line]:
    """One line per setting, in the order of the settings. `environment` are the *names* of variables that are set, so that a
    missing one can be told without ever holding a value."""
    return [
        Line(path_text(path), _shown(value, environment), loaded.origin(path))
        for path, value in _leaves((), loaded.settings)
    ]


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, ProfileOverrides):
        yield from (((*path, name), change) for name, change in profile_changes(value).items())
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves((*path, name), getattr(value, name))
    elif isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from _leaves((*path, key), entry)
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        for i, entry in enumerate(value):
            yield from _leaves((*path, i), entry)
    else:
        yield path, value


def _shown(value: Any, environment: Collection[str]) -> str:
    if isinstance(value, str) and is_ref(value):
        ref = parse(value)
        return value if ref.kind == "file" else f"{value} ({'set' if ref.name in environment else 'NOT SET'})"
    if value is None:
        return "-"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return msgspec.json.encode(value).decode()


def text(lines: list[Line]) -> str:
    """Columns for a terminal."""
    path_width = max((len(line.path) for line in lines), default=0)
    value_width = min(max((len(line.value) for line in lines), default=0), 44)
    return "".join(f"{line.path:<{path_width}}  {line.value:<{value_width}}  # {line.origin}\n" for line in lines)
