"""What is wrong with a policy, said so that it can be mended: file, place, path inside it, value, and the cure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

Path = tuple[str | int, ...]
"""Keys and list indexes from the root of a document."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_/:@+*-]+\Z")
_SHOWN_CHARS_MAX = 60
_LISTED_MAX = 30


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` is 1-based, 0 when it is not known. `cure` is what would be accepted, "" when the message says it all."""

    file: str
    path: Path
    message: str
    cure: str = ""
    line: int = 0

    def sentence(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        place = path_text(self.path)
        text = f"{where}: {place}: {self.message}" if place else f"{where}: {self.message}"
        return f"{text}; {self.cure}" if self.cure else text


class PolicyError(Exception):
    """A policy that cannot be used. `problems` holds all that were found, in the order of the files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(problem.sentence() for problem in self.problems))


def path_text(path: Path) -> str:
    """rules.base[0].deny.reads, profiles."a b".mode."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _PLAIN_KEY.match(part) else f'"{part}"')
    return text


def shown(value: object) -> str:
    """`value` for a message, cut to a length that people still read."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        text = repr(value)
        return text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 1] + "…"
    return "a list" if isinstance(value, list | tuple) else "a mapping"


def nearest(name: object, names: Iterable[str]) -> str:
    """`, did you mean x?` for a name that is nearly a known one, else ""."""
    if not isinstance(name, str) or len(name) > 200:
        return ""
    lowered = {known.lower(): known for known in names}
    found = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f", did you mean {lowered[found[0]]}?" if found else ""


def listed(names: Iterable[str]) -> str:
    """`accepted: a, b, c` for a cure."""
    known = list(names)
    text = ", ".join(known[:_LISTED_MAX])
    return "accepted: " + (f"{text} and {len(known) - _LISTED_MAX} more" if len(known) > _LISTED_MAX else text)
