"""The pending call and the session's past as the model sees them: facts, never text. Pure.

Whoever knows facts (the gateway, by policies; training, by the same reader) builds these values. There is no field for a
call's free text: padding a command with the user's own words must not make it look asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

Where = Literal["in", "temp", "home", "out"]
"""In the workspace, a folder for temporary files, the home directory, elsewhere."""

REMEMBERED_MAX: Final = 400
"""Keys kept of one session's past, per set."""
EFFECTS: Final = (
    "network", "write_outside", "privilege", "exec_data", "destructive", "persistence", "publish", "install", "project_code",
    "secrets",
)  # fmt: skip
READ_OUTSIDE, UNKNOWN_PROGRAM, REMOVES, CHANGES, PLAIN = (
    "read_outside",
    "unknown_program",
    "removes",
    "changes",
    "plain",
)
TOOL_CLASSES: Final = ("mcp", "agent", "other")
CLASSES: Final = (*EFFECTS, READ_OUTSIDE, UNKNOWN_PROGRAM, *TOOL_CLASSES, REMOVES, CHANGES, PLAIN)
"""Effect classes, each with a threshold of its own: the effects that policies tell, and what a call does beside them. A call
must reach the thresholds of all its classes; `plain` is a call of no other class."""
REMOVERS: Final = frozenset(
    ("rm", "git rm", "unlink", "rmdir", "shred", "truncate", "mv", "git mv", "dropdb", "docker rm")
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A path as the call names it, and where it lies."""

    path: str
    where: Where


@dataclass(frozen=True, slots=True)
class Part:
    """One command of a shell call. `operands` are its words that are no flags, values of flags included. `nested`: it stands
    in a substitution, code, or behind a wrapper."""

    program: str
    subcommand: str = ""
    flags: tuple[str, ...] = ()
    operands: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    known: bool = True
    nested: bool = False

    @property
    def key(self) -> str:
        return f"{self.program} {self.subcommand}".rstrip()


@dataclass(frozen=True, slots=True)
class Call:
    """`tainted`: the session has read text from outside."""

    kind: str
    tool: str = ""
    server: str = ""
    parts: tuple[Part, ...] = ()
    reads: tuple[Spot, ...] = ()
    writes: tuple[Spot, ...] = ()
    hosts: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    tainted: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """What the call is, for comparison with others: programs with subcommands, or the tool."""
        if self.parts:
            return tuple(dict.fromkeys(part.key for part in self.parts if part.program))
        return (f"{self.kind}:{self.server}.{self.tool}" if self.server else f"{self.kind}:",)


def classes_of(call: Call) -> tuple[str, ...]:
    """The effect classes of a call, at least one."""
    found: list[str] = [effect for effect in EFFECTS if effect in call.effects]
    if any(spot.where in ("home", "out") for spot in call.reads):
        found.append(READ_OUTSIDE)
    if any(not part.known for part in call.parts):
        found.append(UNKNOWN_PROGRAM)
    if call.kind in TOOL_CLASSES:
        found.append(call.kind)
    if call.kind == "delete" or any(part.key in REMOVERS for part in call.parts):
        found.append(REMOVES)
    elif call.writes and not found:
        found.append(CHANGES)
    return tuple(found) or (PLAIN,)


@dataclass(slots=True)
class Past:
    """What this session was allowed before: by rules (`used`), by a person (`granted`). Never what a model tried, nor what
    a classifier let pass: else one good guess would pave the way for the next."""

    used: set[str] = field(default_factory=set)
    granted: set[str] = field(default_factory=set)
    calls: int = 0
    refused: int = 0

    def allowed(self, call: Call, *, by_person: bool) -> None:
        self.calls += 1
        kept = self.granted if by_person else self.used
        for key in marks_of(call):
            if len(kept) < REMEMBERED_MAX:
                kept.add(key)


def marks_of(call: Call) -> Iterable[str]:
    """Names by which a later call is seen to be of the same kind: `p:` programs or tools, `h:` hosts, `d:` folders
    written, `r:` folders read."""
    yield from (f"p:{key}" for key in call.keys)
    yield from (f"h:{host}" for host in call.hosts)
    yield from (f"d:{folder(spot.path)}" for spot in call.writes)
    yield from (f"r:{folder(spot.path)}" for spot in call.reads)


def folder(path: str) -> str:
    return path.rpartition("/")[0] or "."
