"""What is known while a script is read from left to right: directories, variables, functions. Immutable where it is shared,
copied for a subshell, joined after a branch. A value that may be one of several is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.shell.syntax import Stmt

HOME = "\0"
"""Stands for the home directory at the start of a value; no bash text can hold it. Written out as `~`."""
NOWHERE = "\0?"
"""A working directory that is not known at all."""
DIRS_MAX = 6
"""Possible working directories that are followed; more is not known."""

Dirs = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a script is read: the directory it starts in, the home directory if known, the roots of the workspace."""

    cwd: str
    home: str | None
    roots: tuple[str, ...]


@dataclass(slots=True)
class State:
    """`dirs`: where the next command may run if the last one succeeded; `failed`: if it failed. `values`: constants, None
    for a name that is set to something unknown. `args`: of the function that is being read, None at top level."""

    dirs: Dirs
    failed: Dirs
    values: dict[str, str | None] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    functions: dict[str, Stmt | None] = field(default_factory=dict)
    aliases: dict[str, str | None] = field(default_factory=dict)
    args: tuple[str | None, ...] | None = None
    globs: set[str] = field(default_factory=set)
    """Names whose value is a glob that a loop runs over."""

    def copy(self) -> State:
        return State(
            self.dirs,
            self.failed,
            dict(self.values),
            set(self.exported),
            dict(self.functions),
            dict(self.aliases),
            self.args,
            set(self.globs),
        )

    def go(self, dirs: Dirs, failed: Dirs) -> None:
        self.dirs, self.failed = bounded(dirs), bounded(failed)

    def settle(self) -> None:
        """At `;` or a newline: the next command runs either way."""
        both = bounded(union(self.dirs, self.failed))
        if both:
            self.dirs = self.failed = both

    def forget(self, name: str) -> None:
        self.values[name] = None
        self.globs.discard(name)

    def take(self, other: State) -> None:
        """All of the other state, in place: a branch that was certainly taken."""
        self.dirs, self.failed = other.dirs, other.failed
        self.values, self.exported, self.globs = other.values, other.exported, other.globs
        self.functions, self.aliases = other.functions, other.aliases

    def join(self, other: State) -> None:
        """Either this or the other happened."""
        self.dirs = bounded(union(self.dirs, other.dirs))
        self.failed = bounded(union(self.failed, other.failed))
        missing = object()
        for name in self.values.keys() | other.values.keys():
            if self.values.get(name, missing) != other.values.get(name, missing):
                self.values[name] = None
        self.exported |= other.exported
        self.globs &= other.globs
        for name in self.functions.keys() | other.functions.keys():
            if self.functions.get(name) is not other.functions.get(name):
                self.functions[name] = None
        for name in self.aliases.keys() | other.aliases.keys():
            if self.aliases.get(name) != other.aliases.get(name):
                self.aliases[name] = None


def union(left: Dirs, right: Dirs) -> Dirs:
    return left if left == right else tuple(dict.fromkeys((*left, *right)))


def bounded(dirs: Dirs) -> Dirs:
    return dirs if len(dirs) <= DIRS_MAX else (NOWHERE,)
