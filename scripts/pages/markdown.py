"""The little Markdown that generated pages need."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence


def cell(value: object) -> str:
    """One table cell: no line break, no bar."""
    return re.sub(r"\s+", " ", str(value)).replace("|", "\\|").strip()


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def doc(thing: object) -> str:
    """Its own docstring, paragraphs kept, line breaks inside them removed; empty when it has none."""
    own = vars(thing).get("__doc__") if hasattr(thing, "__dict__") else None
    text = inspect.cleandoc(own) if isinstance(own, str) else ""
    return "\n\n".join(re.sub(r"\s+", " ", part) for part in text.split("\n\n")).strip()


def yes(value: object) -> str:
    return "yes" if value else "no"
