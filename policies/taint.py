"""Taint: which text of a conversation came from outside, and whether a call repeats it. Stateless: made anew from the
messages of each request, since harnesses shorten their history; the caller keeps the labels of a session as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from policies import jsonpath
from policies.facts import Facts
from policies.globs import Words
from policies.model import Source
from policies.view import Place

TEXT_CHARS_MAX = 400_000
"""Of tainted text that is kept, the newest first."""
_SPACE = re.compile(r"\s+")
TRACKERS = Words(
    ["*github*", "*gitlab*", "*jira*", "*linear*", "*issue*", "*bugzilla*", "*sentry*", "*slack*", "*mail*"]
)
_FORGES = frozenset({"gh", "glab", "hub", "jira", "linear"})
_ITEMS = frozenset({"issue", "pr", "mr", "api", "release", "discussion", "run"})
_DISTINCT_MIN = 6
"""Fewer different characters in a block say nothing: rules of dashes, blank tables."""


@dataclass(frozen=True, slots=True)
class Tainted:
    """Blocks of `step` characters of the tainted text, each with its places, and the text they stand in."""

    step: int
    text: str
    blocks: dict[str, tuple[int, ...]]


def sources(facts: Facts, place: Place) -> frozenset[Source]:
    """Labels of a tool's result, from the call that brought it."""
    found: set[Source] = set()
    if facts.kind in {"fetch", "web_search"}:
        found.add("web")
    if facts.kind == "mcp":
        found.add("mcp")
        if facts.server in TRACKERS:
            found.add("issue")
    if facts.kind == "shell":
        if "network" in facts.effects:
            found.add("web")
        if any(
            command.program in _FORGES and (command.subcommand.split()[:1] or [""])[0] in _ITEMS
            for command in facts.commands
        ):
            found.add("issue")
    if place.roots and any(not place.inside(path) and not _system(path) for path in facts.reads):
        found.add("outside")
    return frozenset(found)


def _system(path: str) -> bool:
    """Files of the system are not written by strangers."""
    return path.startswith(("/usr/", "/etc/", "/proc/", "/sys/", "/dev/", "/lib", "/bin/", "/opt/"))


def index(texts: Iterable[str], own: Iterable[str] = (), repeat_chars: int = 24) -> Tainted | None:
    """An index of tainted texts (oldest first). What also stands in `own` (the user's words) is nobody else's."""
    step = max(6, repeat_chars // 2)
    text = "\x00".join(_flat(part) for part in texts)[-TEXT_CHARS_MAX:]
    mine = "\x00".join(_flat(part) for part in own)
    blocks: dict[str, list[int]] = {}
    for start in range(0, len(text) - step + 1, step):
        block = text[start : start + step]
        if len(set(block)) >= _DISTINCT_MIN and block not in mine:
            blocks.setdefault(block, []).append(start)
    return Tainted(step, text, {block: tuple(places[:8]) for block, places in blocks.items()}) if blocks else None


def repeats(held: Tainted | None, value: Any, repeat_chars: int = 24) -> str:
    """The first run of at least `repeat_chars` characters of tainted text in a call's arguments, "" for none. Any such
    run holds a whole block of half its length, so looking up blocks misses none."""
    if held is None:
        return ""
    for text in _texts(value):
        flat = _flat(text)[:TEXT_CHARS_MAX]
        for start in range(len(flat) - held.step + 1):
            for place in held.blocks.get(flat[start : start + held.step], ()):
                run = _run(flat, start, held.text, place, held.step)
                if len(run) >= repeat_chars:
                    return run[:60]
    return ""


def _run(left: str, i: int, right: str, j: int, step: int) -> str:
    """The longest common run around two equal blocks."""
    begin = 0
    while i - begin > 0 and j - begin > 0 and left[i - begin - 1] == right[j - begin - 1] != "\x00":
        begin += 1
    end = step
    while i + end < len(left) and j + end < len(right) and left[i + end] == right[j + end] != "\x00":
        end += 1
    return left[i - begin : i + end]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [held for held in jsonpath.values(value, ("..",)) if isinstance(held, str)]


def _flat(text: str) -> str:
    return _SPACE.sub(" ", text)
