"""What is wrong with a configuration, said so that it can be mended: place, value, what is accepted, the nearest name.

A value is shown only where it cannot be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from gateway.config.base import SECRET_HEADER
from gateway.errors import ConfigError

Path = tuple[str | int, ...]
"""Keys and list indexes from the root."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_/:@+*-]+\Z")
_HIDDEN = frozenset({"headers", "proxy", "url", "base_url", "api_key"})
_KEY_LIKE = re.compile(r"[A-Za-z0-9_\-]{20,}")
_SHOWN_CHARS_MAX = 60
_LISTED_MAX = 24


@dataclass(frozen=True, slots=True)
class Place:
    """1-based line and column of a file."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`message` says what is wrong, without place and cure. `accepted` and `nearest` are "" when there is nothing to say."""

    path: Path
    message: str
    accepted: str = ""
    nearest: str = ""
    place: Place | None = None

    def sentence(self, file: str) -> str:
        where = f"{file}:{self.place.line}:{self.place.column}" if self.place else file
        path = path_text(self.path)
        text = f"{where}: {path}: {self.message}" if path else f"{where}: {self.message}"
        if self.accepted:
            text += f"; accepted: {self.accepted}"
        return f"{text}. Did you mean {self.nearest}?" if self.nearest else text


def path_text(path: Path) -> str:
    """models.local/coder.cost, routes[0].to[1], models."a b".lane."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _PLAIN_KEY.match(part) else f'"{part}"')
    return text


def shown(path: Path, value: Any) -> str:
    """`value` for a message, "" when it is long, structured or might be a secret."""
    if any(isinstance(p, str) and (p in _HIDDEN or SECRET_HEADER.search(p)) for p in path):
        return ""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        return "a list" if isinstance(value, list | tuple) else "a mapping"
    text = repr(value) if isinstance(value, str) else str(value)
    return "" if len(text) > _SHOWN_CHARS_MAX or _KEY_LIKE.search(text) else text


def nearest(name: object, names: Iterable[str]) -> str:
    """The known name that `name` was probably meant to be, "" when none is near."""
    if not isinstance(name, str) or len(name) > 200:
        return ""
    lowered = {known.lower(): known for known in names}
    found = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else ""


def listed(names: Iterable[str]) -> str:
    """Names for `accepted`, cut at a length that people still read."""
    all_names = list(names)
    text = ", ".join(all_names[:_LISTED_MAX])
    return f"{text} and {len(all_names) - _LISTED_MAX} more" if len(all_names) > _LISTED_MAX else text


def config_error(file: str, problems: Sequence[Problem]) -> ConfigError:
    """One error with all problems, in the order of the file."""
    ordered = sorted(problems, key=lambda p: (p.place.line, p.place.column) if p.place else (0, 0))
    sentences = tuple(dict.fromkeys(p.sentence(file) for p in ordered))
    count = "1 problem" if len(sentences) == 1 else f"{len(sentences)} problems"
    return ConfigError(f"{count} in {file}", problems=sentences, where=file)
