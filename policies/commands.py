"""Commands to facts: the one door from the engine to `policies.shell`. A command that two parsers must agree on is
asked for as `NeedParse`; what cannot be parsed is unknown, and what is unknown is never allowed.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from policies.facts import Facts
from policies.verdict import NeedParse
from policies.view import Place

try:
    from policies.shell import understand as read
except ModuleNotFoundError:  # until the package lands on this branch

    def read(text, **_):  # type: ignore
        return Facts("shell", "", unknown=("commands are not read in this build",))


COMMAND_CHARS_MAX = 100_000
"""Longer ones are not read at all: no person approves them by reading either."""


def understand(text: str, place: Place) -> Generator[NeedParse, bytes | None, Facts]:
    if len(text) > COMMAND_CHARS_MAX:
        return Facts("shell", "", unknown=(f"a command of more than {COMMAND_CHARS_MAX} characters",))
    found = read(text, cwd=place.cwd, home=place.home, roots=place.roots)
    if isinstance(found, NeedParse):
        tree = yield found
        if tree is None:
            return Facts("shell", "", unknown=("the command could not be parsed",))
        found = read(text, cwd=place.cwd, home=place.home, roots=place.roots, tree=tree)
        if isinstance(found, NeedParse):
            return Facts("shell", "", unknown=("the parsers do not agree",))
    return replace(found, kind="shell")
