"""CHANGELOG.md is in Keep a Changelog form and agrees with `gateway.__version__`."""

from __future__ import annotations

import re

from scripts.checks import tree

KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
HEADING = re.compile(r"^## \[(Unreleased|\d+\.\d+\.\d+)\](?: - (\d{4}-\d\d-\d\d))?$")


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def version() -> str:
    text = (tree.ROOT / "gateway/__init__.py").read_text("utf-8")
    match = re.search(r'^__version__ = "(\d+\.\d+\.\d+)"$', text, flags=re.M)
    assert match, "gateway/__init__.py must hold __version__ = 'N.N.N'"
    return match.group(1)


def problems(text: str | None = None, current: str | None = None) -> list[str]:
    """What is wrong with the changelog `text`, given the `current` version (both from the tree by default)."""
    text = (tree.ROOT / "CHANGELOG.md").read_text("utf-8") if text is None else text
    current = version() if current is None else current
    found, seen = [], []
    for line in text.splitlines():
        if line.startswith("### ") and line[4:] not in KINDS:
            found.append(f"CHANGELOG.md: '{line}': a section is one of {', '.join(sorted(KINDS))}")
        if line.startswith("## "):
            match = HEADING.match(line)
            if not match:
                found.append(f"CHANGELOG.md: '{line}': write '## [Unreleased]' or '## [N.N.N] - YYYY-MM-DD'")
                continue
            seen.append(match.group(1))
            if (match.group(1) == "Unreleased") != (match.group(2) is None):
                found.append(f"CHANGELOG.md: '{line}': a release has a date, Unreleased has none")
    if seen[:1] != ["Unreleased"]:
        found.append("CHANGELOG.md: the first section must be '## [Unreleased]'")
    releases = [name for name in seen if name != "Unreleased"]
    if releases != sorted(set(releases), key=number, reverse=True):
        found.append("CHANGELOG.md: releases must be in falling order, each once")
    if releases and number(releases[0]) > number(current):
        found.append(f"CHANGELOG.md: newest release is {releases[0]}, but gateway.__version__ is {current}")
    if current not in releases and "\n- " not in text.partition("\n## [Unreleased]")[2].partition("\n## ")[0]:
        found.append(f"CHANGELOG.md: version {current} is not released and '## [Unreleased]' says nothing of it")
    return found
