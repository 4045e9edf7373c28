"""Commands to facts: the door of this package. Two parsers read whatever is more than plain words, and must agree."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Literal

from policies.facts import Command, Effect, Facts
from policies.shell import mvdan, plain
from policies.shell.hidden import hidden
from policies.shell.paths import resolve
from policies.shell.salvage import salvage
from policies.shell.state import Place
from policies.shell.syntax import NotRead, Script
from policies.shell.walk import COMMANDS_MAX, Walker
from policies.verdict import NeedParse

CHARS_MAX = 10_000
"""Longer commands ask (as Claude Code does since 2.1.214); they are still read for what is denied."""
READ_CHARS_MAX = 100_000
TEXTS_MAX = 8
"""Texts inside the text (`sh -c`) that are given to the second parser."""
_POWERSHELL = re.compile(
    r"(?i)(?:^|[\s;|&(])(?:(?:get|set|new|remove|invoke|start|stop|out|write|select|where|foreach|import|export|convertto|add|"
    r"clear|copy|move|rename|test)-[a-z]{3,}\b|\$(?:env|global|script):\w|iex\s|iwr\s|-ExecutionPolicy\b|[a-z]:\\)"
)
_ZSH = re.compile(
    r"(?:^|[\s;|&(])=[A-Za-z]|\$\{\([A-Za-z@#%]+\)|\*\([^)]|\bzmodload\b|\b(?:setopt|autoload|zle|bindkey)\b|[|&]!"
)


class _Missing(Exception):
    pass


def understand(
    text: str,
    *,
    cwd: str | None = None,
    home: str | None = None,
    roots: tuple[str, ...] = (),
    tree: bytes | Literal["unparsed"] | None = "unparsed",
    variables: Mapping[str, str | None] | None = None,
) -> Facts | NeedParse:
    """Facts of a bash command, or the wish for mvdan/sh's tree of it: then call again with `tree`, None when there is none.
    Texts inside the text that want a tree of their own (`sh -c "a; b"`) count as not read; `reading` asks for each."""
    steps = reading(text, cwd=cwd, home=home, roots=roots, variables=variables)
    try:
        need = next(steps)
        if tree == "unparsed":
            return need
        steps.send(tree if isinstance(tree, bytes) else None)
        while True:
            steps.send(None)
    except StopIteration as stop:
        facts: Facts = stop.value
        return facts


def warm() -> None:
    """Load the grammar and the tables (50 ms once), so that the first call need not."""
    understand("ls")


def reading(
    text: str,
    *,
    cwd: str | None = None,
    home: str | None = None,
    roots: tuple[str, ...] = (),
    variables: Mapping[str, str | None] | None = None,
) -> Generator[NeedParse, bytes | None, Facts]:
    """The same, for a caller that answers every question. At most `TEXTS_MAX` + 1 questions. Never raises."""
    if len(text) > READ_CHARS_MAX:
        return Facts("shell", "", unknown=(f"a command of more than {READ_CHARS_MAX} characters",))
    unseen = hidden(text)
    if "\0" in text:
        return Facts("shell", "", unknown=(unseen,), invalid=unseen)
    # Halves of pairs cannot be written as UTF-8; the text is invalid already.
    text = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    trees: dict[str, bytes | None] = {}
    place = Place(_start(cwd), home, tuple(roots))
    while True:
        try:
            return _facts(text, trees, place, dict(variables or {}), unseen)
        except _Missing as question:
            wanted = str(question)
            trees[wanted] = (yield NeedParse(wanted)) if len(trees) <= TEXTS_MAX else None


def _start(cwd: str | None) -> str:
    if not cwd:
        return "."
    return resolve(cwd, ".") or "."


def _facts(
    text: str, trees: dict[str, bytes | None], place: Place, variables: dict[str, str | None], unseen: str
) -> Facts:
    doubts: list[str] = [unseen] if unseen else []

    def parse(source: str) -> Script:
        script, doubt = _parsed(source, trees)
        if doubt and doubt not in doubts:
            doubts.append(doubt)
        return script

    walker = Walker(place, parse, variables)
    try:
        script = parse(text)
    except NotRead as error:
        doubts.append(str(error))
        script = salvage(text)
    try:
        walker.script(script.body)
    except RecursionError:
        doubts.append("commands in commands, deeper than is read")
    doubts.extend(_limits(text, walker.count))
    doubts.extend(reason for reason in walker.unknown if reason not in doubts)
    return _joined(walker.commands, doubts, unseen)


def _parsed(source: str, trees: dict[str, bytes | None]) -> tuple[Script, str]:
    """NotRead when the text cannot be parsed; `_Missing` when the second parser has to be asked."""
    found = plain.plain(source)
    if found is not None:
        return found, _foreign(source)
    if source not in trees:
        raise _Missing(source)
    tree = trees[source]
    if tree is None:
        raise NotRead("it could not be parsed")
    script = mvdan.script(tree, source)
    names, error = plain.names(source)
    if error:
        return script, "one of the two parsers found an error in it"
    if (names - script.soft) != (script.names - script.soft):
        return script, "the two parsers do not agree on its commands"
    return script, _foreign(source)


def _foreign(source: str) -> str:
    if _POWERSHELL.search(source):
        return "it looks like PowerShell"
    return "it looks like zsh" if _ZSH.search(source) else ""


def _limits(text: str, count: int) -> list[str]:
    out = []
    if len(text) > CHARS_MAX:
        out.append(f"it is longer than {CHARS_MAX} characters")
    if count > COMMANDS_MAX:
        out.append(f"it holds more than {COMMANDS_MAX} commands")
    return out


def _joined(commands: list[Command], doubts: list[str], unseen: str) -> Facts:
    def union(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for command in commands for value in getattr(command, name)))

    effects: tuple[Effect, ...] = tuple(dict.fromkeys(effect for command in commands for effect in command.effects))
    return Facts(
        "shell",
        "",
        commands=tuple(commands),
        reads=union("reads"),
        writes=union("writes"),
        hosts=union("hosts"),
        effects=effects,
        unknown=tuple(dict.fromkeys((*doubts, *union("unknown")))),
        invalid=unseen,
    )
