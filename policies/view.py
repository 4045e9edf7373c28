"""What a rule looks at: one command of a call, or the whole call. Made from facts once per call; rules only read it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import Any

from policies.facts import Command, Facts
from policies.globs import Paths

_NOWHERE = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/zero", "-"})
"""Paths that hold nothing and change nothing."""
TEMP = ("/tmp/**", "/var/tmp/**")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the caller works; the paths of rules are read from here."""

    roots: tuple[str, ...] = ()
    home: str | None = None
    cwd: str | None = None

    def paths(self, globs: tuple[str, ...]) -> Paths:
        return _paths(globs, self.roots, self.home)

    def bases(self) -> tuple[tuple[str, str], ...]:
        pairs = [("./", root.rstrip("/") + "/") for root in self.roots]
        return (*pairs, ("~/", self.home.rstrip("/") + "/")) if self.home else tuple(pairs)

    def inside(self, path: str) -> bool:
        """Whether a path lies in the workspace. A relative path does when the working directory is not known: the
        client's directory is where it works."""
        return path in self.paths(("./**",))


@functools.lru_cache(maxsize=8192)
def _paths(globs: tuple[str, ...], roots: tuple[str, ...], home: str | None) -> Paths:
    return Paths(globs, roots, home)


READS, WRITES, HOSTS, EFFECTS = 1, 2, 4, 8
"""Bits of `View.has`."""


@dataclass(frozen=True, slots=True)
class View:
    """`parts` are the commands of a whole call, () in a part itself. `args` are the call's parsed arguments."""

    facts: Facts
    place: Place
    args: Any
    command: Command | None = None
    label: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    tool: str = ""
    parts: tuple[View, ...] = field(default=(), compare=False)

    @property
    def has(self) -> int:
        """Which of reads, writes, hosts and effects are not empty."""
        return bool(self.reads) | bool(self.writes) << 1 | bool(self.hosts) << 2 | bool(self.effects) << 3

    @property
    def single(self) -> bool:
        """Whether the only part says all there is to say of the whole."""
        if len(self.parts) != 1:
            return False
        part = self.parts[0]
        return (
            part.reads == self.reads
            and part.writes == self.writes
            and part.hosts == self.hosts
            and part.effects == self.effects
            and (part.unknown == self.unknown or not self.unknown)
        )


def view(facts: Facts, place: Place, args: Any, name: str = "") -> View:
    """The whole call, with one part per command; what no command explains is a part of its own."""
    tool = name or facts.tool
    reads, writes = _real(facts.reads, place), _real(facts.writes, place)
    bare = View(facts, place, args, None, "", reads, writes, facts.hosts, facts.effects, facts.unknown, tool)
    if not facts.commands:
        return bare
    parts = tuple(_part(bare, command) for command in facts.commands)
    rest = _rest(bare, parts)
    if rest is not None:
        parts = (*parts, rest)
    return View(facts, place, args, None, "", reads, writes, facts.hosts, facts.effects, facts.unknown, tool, parts)


def _part(whole: View, command: Command) -> View:
    unknown = command.unknown
    if not command.program and command.argv and not unknown:
        unknown = ("program is not known",)
    return View(
        whole.facts,
        whole.place,
        whole.args,
        command,
        label(command),
        _real(command.reads, whole.place),
        _real(command.writes, whole.place),
        command.hosts,
        command.effects,
        unknown,
        whole.tool,
    )


def _rest(whole: View, parts: tuple[View, ...]) -> View | None:
    """What is true of the call and of none of its commands."""

    def left(name: str) -> tuple[str, ...]:
        held: tuple[str, ...] = getattr(whole, name)
        if not held:
            return held
        known = {value for part in parts for value in getattr(part, name)}
        return tuple(value for value in held if value not in known)

    reads, writes, hosts, effects = left("reads"), left("writes"), left("hosts"), left("effects")
    if not (reads or writes or hosts or effects):
        return None
    return replace(
        whole,
        command=Command(""),
        label="(redirection)",
        reads=reads,
        writes=writes,
        hosts=hosts,
        effects=effects,
        unknown=(),
    )


def _real(paths: tuple[str, ...], place: Place) -> tuple[str, ...]:
    kept = tuple(path for path in paths if path not in _NOWHERE)
    if place.home is None or not any(path[:1] == "~" for path in kept):
        return kept
    home = place.home.rstrip("/")
    return tuple(home + path[1:] if path == "~" or path.startswith("~/") else path for path in kept)


def label(command: Command) -> str:
    """A short name of a command for verdicts: program, subcommand and operands, cut."""
    if not command.argv and not command.program:
        return "(redirection or assignment)"
    words = [word if word is not None else "?" for word in command.argv] or [command.program or "?"]
    text = " ".join(words)
    return text if len(text) <= 80 else text[:79] + "…"
