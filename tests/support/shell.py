"""Facts of commands, with both parsers, for tests."""

from __future__ import annotations

import atexit
import functools

from policies.edge.shfmt import Shfmt, answered
from policies.facts import Command, Facts
from policies.shell import reading

CWD, HOME = "/repo", "/home/user"


@functools.cache
def parser() -> Shfmt:
    found = Shfmt()
    atexit.register(found.close)
    return found


def facts(text: str, cwd: str | None = CWD, home: str | None = HOME, roots: tuple[str, ...] = (CWD,)) -> Facts:
    return answered(reading(text, cwd=cwd, home=home, roots=roots), parser())


def one(text: str) -> Command:
    """The command of a text that holds one."""
    found = facts(text)
    assert len(found.commands) == 1, found.commands
    return found.commands[0]


def effects(text: str) -> set[str]:
    return set(facts(text).effects)


def programs(text: str) -> list[str]:
    return [command.program for command in facts(text).commands]


def clear(text: str) -> bool:
    """Whether the text was read completely and does nothing but read."""
    found = facts(text)
    return not (found.unknown or found.effects or found.writes or found.hosts or found.invalid)
