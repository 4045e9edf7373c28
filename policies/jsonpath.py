"""Paths into a call's arguments: `command`, `edits[*].path`, `a["b c"]`, `..url` (at any depth). `$` in front is
optional."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

Steps = tuple[str | int, ...]
"""A name, an index, `*` for every item or member, `..` for every depth."""

_STEP = re.compile(r"""\.\.|\.?([A-Za-z_][\w-]*)|\.?(\*)|\[(\d+)\]|\[(\*)\]|\["([^"]*)"\]|\['([^']*)'\]""")
_DEPTH_MAX = 32
_VALUES_MAX = 10_000


@functools.lru_cache(maxsize=4096)
def compiled(path: str) -> Steps:
    """ValueError for a path that cannot be read."""
    rest, steps, index = path.removeprefix("$"), list[str | int](), 0
    while index < len(rest):
        match = _STEP.match(rest, index)
        if match is None:
            raise ValueError(f"not a path into the arguments at {rest[index : index + 12]!r}")
        name, star, number, star2, quoted, quoted2 = match.groups()
        if match[0] == "..":
            steps.append("..")
        elif number is not None:
            steps.append(int(number))
        elif star or star2:
            steps.append("*")
        else:
            steps.append(next(word for word in (name, quoted, quoted2) if word is not None))
        index = match.end()
    if not steps or steps[-1] == "..":
        raise ValueError("an empty path")
    return tuple(steps)


@functools.lru_cache(maxsize=4096)
def head(path: str) -> str:
    """The first name of a path."""
    return path.partition("[")[0].partition(".")[0]


def values(value: Any, steps: Steps) -> list[Any]:
    """Everything at the path, [] when there is nothing."""
    found = [value]
    for step in steps:
        found = [below for held in found for below in _step(held, step)][:_VALUES_MAX]
    return found


def _step(value: Any, step: str | int) -> list[Any]:
    if step == "..":
        return _deep(value)
    if step == "*":
        return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    if isinstance(step, int):
        return [value[step]] if isinstance(value, list) and step < len(value) else []
    return [value[step]] if isinstance(value, dict) and step in value else []


def _deep(value: Any) -> list[Any]:
    out: list[Any] = []
    level = [value]
    for _ in range(_DEPTH_MAX):
        out += level
        level = [below for held in level for below in _step(held, "*")]
        if not level or len(out) > _VALUES_MAX:
            break
    return out


def text(value: Any) -> str:
    """A value that is not a text, as JSON."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
