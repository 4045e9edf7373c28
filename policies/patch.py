"""The file headers of a patch: Codex's `*** Begin Patch` form and unified diffs. Only which files it touches is
read."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODEX = re.compile(r"\*\*\* (Add|Update|Delete) File: (.+)")
_MOVE = re.compile(r"\*\*\* Move to: (.+)")
_UNIFIED = re.compile(r"(?:---|\+\+\+) (?:[ab]/)?([^\t\n]+)")
_RENAME = re.compile(r"rename (?:from|to) (.+)")
FILES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Touched:
    """`problem` is why the list may be incomplete."""

    writes: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    problem: str = ""


def touched(text: str) -> Touched:
    if "*** Begin Patch" in text or text.lstrip().startswith("*** "):
        return _codex(text)
    return _unified(text)


def _codex(text: str) -> Touched:
    writes: list[str] = []
    deletes: list[str] = []
    for line in text.splitlines():
        # Clients strip lines before they look for headers, so an indented header counts as one.
        bare = line.strip()
        if match := _CODEX.fullmatch(bare):
            (deletes if match[1] == "Delete" else writes).append(match[2].strip())
        elif match := _MOVE.fullmatch(bare):
            writes.append(match[1].strip())
        elif bare.startswith("*** ") and not _marker(bare):
            return Touched(tuple(writes), tuple(deletes), f"a patch line that is not known: {bare[:40]}")
    return _bounded(writes, deletes)


def _marker(line: str) -> bool:
    return line in {"*** Begin Patch", "*** End Patch", "*** End of File"} or line.startswith("*** Environment ID:")


def _unified(text: str) -> Touched:
    names: list[str] = []
    for line in text.splitlines():
        match = _UNIFIED.fullmatch(line) or _RENAME.fullmatch(line)
        if match and match[1].strip() != "/dev/null":
            names.append(match[1].strip())
    return _bounded(names, [])


def _bounded(writes: list[str], deletes: list[str]) -> Touched:
    problem = ""
    if not writes and not deletes:
        problem = "a patch that names no file"
    if len(writes) + len(deletes) > FILES_MAX:
        problem = f"a patch of more than {FILES_MAX} files"
    return Touched(tuple(dict.fromkeys(writes[:FILES_MAX])), tuple(dict.fromkeys(deletes[:FILES_MAX])), problem)
