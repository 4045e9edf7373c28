"""How knowledge about programs is written down. One file of `programs/` per family; each lists `PROGRAMS`.

Options are text, one meaning per line: `kind: -a --all -o`. Kinds:

    (empty)  takes no value          =    takes a value that is just text        ?   may take one attached value
    =r  =w   its value is read / written (a path)    =d  a directory to look in
    =x  its value is a shell command                 =p  its value is a program
    =h  =u   its value is a host / a URL             =@  text, `@file` or `name@file` is read

behind the kind may stand `!effect` (several: `!a!b`), and `~reason` makes the command one that is not fully read.
Operands are roles in order, the last may end in `*`: text read write host url remote delete run dir sql code. `+last` gives
the last of several operands its own role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, get_args

from policies.facts import Effect
from policies.shell.words import Field

EFFECTS = frozenset(get_args(Effect))


@dataclass(frozen=True, slots=True)
class Option:
    kind: str
    effects: tuple[Effect, ...] = ()
    doubt: str = ""


Options = Mapping[str, Option]


def options(table: str) -> dict[str, Option]:
    """ValueError for a line without a colon or an effect that does not exist."""
    out: dict[str, Option] = {}
    for line in table.strip().splitlines():
        spec, colon, names = line.strip().partition(": ")
        if line.strip() == "" or line.strip() == ":":
            continue
        if not colon:
            raise ValueError(f"an options line without ': ': {line!r}")
        spec, _, doubt = spec.partition("~")
        kind, *effects = spec.split("!")
        out.update(dict.fromkeys(names.split(), Option(kind, known_effects(effects), doubt)))
    return out


def known_effects(names: Iterable[str]) -> tuple[Effect, ...]:
    found = tuple(effect for effect in get_args(Effect) if effect in set(names))
    if len(found) != len(set(names)):
        raise ValueError(f"not effects: {sorted(set(names) - set(found))}")
    return found


class Runner(Protocol):
    """What a program that runs others needs."""

    def words(self, call: Invocation, argv: list[Field], source: str, *, wrapper: str = "") -> None:
        """A command given as words."""

    def destroys(self, call: Invocation, argv: list[Field]) -> bool:
        """Whether these words would destroy something if they were a command."""

    def text(self, call: Invocation, text: str | None, source: str, rough: str = "", *, stdin: bool = False) -> None:
        """A command given as text for a shell; None when it is not constant, then `rough` is read as far as it goes.
        `stdin`: the text does not come from standard input, so that what it runs may read that."""

    def code(self, call: Invocation, language: str, text: str | None, rough: str = "") -> None:
        """A program text of another language."""

    def change_dir(self, call: Invocation, target: Field | None) -> None: ...
    def assign(self, name: str, value: str | None) -> None: ...
    def alias(self, name: str, value: str | None) -> None: ...
    def path(self, value: str) -> tuple[str, ...]: ...


Special = Callable[["Invocation"], None]
Style = Literal["gnu", "single", "loose", "none"]


@dataclass(frozen=True, slots=True)
class Program:
    """`names` separated by blanks. `strict`: an option that is not listed makes the command one that is not fully read.
    `spoken`: its words are only printed or compared, so one that is not known changes nothing. `stop`: options end at the
    first operand, and behind the options in `ends` (`python -m`). `style` "single": long options with one dash; "loose":
    anything with a dash is an option without value; "none": everything is an operand. `subs`: subcommands (keys
    separated by blanks, "*" for any other, "" for none)."""

    names: str
    options: Options = field(default_factory=dict)
    operands: str = ""
    effects: tuple[Effect, ...] = ()
    strict: bool = False
    spoken: bool = False
    stop: bool = False
    ends: frozenset[str] = frozenset()
    style: Style = "gnu"
    doubt: str = ""
    subs: Mapping[str, Program] = field(default_factory=dict)
    special: Special | None = None


def program(
    names: str,
    table: str = "",
    *,
    operands: str = "",
    effects: str = "",
    strict: bool = False,
    spoken: bool = False,
    stop: bool = False,
    ends: str = "",
    style: Style = "gnu",
    doubt: str = "",
    subs: Mapping[str, Program] | None = None,
    special: Special | None = None,
) -> Program:
    return Program(
        names,
        options(table),
        operands,
        known_effects(effects.split()),
        strict,
        spoken,
        stop,
        frozenset(ends.split()),
        style,
        doubt,
        _spread(subs or {}),
        special,
    )


def _spread(subs: Mapping[str, Program]) -> dict[str, Program]:
    return {name: sub for names, sub in subs.items() for name in names.split()}


def also(base: Program, table: str) -> Program:
    """The program with more options."""
    return replace(base, options={**base.options, **options(table)})


@dataclass(slots=True)
class Invocation:
    """One command while it is read; `Command` is made of it at the end. Paths here are as written."""

    program: str
    argv: list[Field]
    run: Runner
    assigns: tuple[tuple[str, str | None], ...] = ()
    wrappers: tuple[str, ...] = ()
    source: str = ""
    stdin: str | None = ""
    """Text it reads: "" nothing, None something that is not known; then `rough` may be the text with `$name` in it."""
    rough: str = ""
    names: tuple[Field, ...] | None = None
    """The names of files it reads from standard input, as globs, when `stdin` is None because of them."""
    subcommand: str = ""
    """All words of it, such as "stash drop"; a `Command` has the first, the others come in front of its operands."""
    flags: list[str] = field(default_factory=list)
    values: dict[str, list[Field]] = field(default_factory=dict)
    operands: list[Field] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    known: bool = True
    quiet: bool = False
    """Says itself what its words mean: those that are not known are no reason for doubt."""
    dropped: bool = False
    """Only a wrapper: what it runs is listed instead."""
    depth: int = 0

    def effect(self, *names: Effect) -> None:
        self.effects.extend(name for name in names if name not in self.effects)

    def doubt(self, reason: str) -> None:
        if reason and reason not in self.unknown:
            self.unknown.append(reason)

    def read(self, *items: Field | str | None) -> None:
        self._paths(items, self.reads)

    def write(self, *items: Field | str | None) -> None:
        self._paths(items, self.writes)

    def _paths(self, items: tuple[Field | str | None, ...], out: list[str]) -> None:
        for item in items:
            value = item.value if isinstance(item, Field) else item
            if value is None:
                self.doubt((item.why if isinstance(item, Field) else "") or "a path is not known")
                continue
            for path in self.run.path(value):
                if path not in out:
                    out.append(path)

    def host(self, *names: str) -> None:
        self.hosts.extend(name for name in names if name and name not in self.hosts)

    def has(self, *flags: str) -> bool:
        return any(flag in self.flags for flag in flags)

    def value(self, *flags: str) -> str | None:
        """The last constant value of an option, None when it was not given or is not known."""
        for flag in flags:
            if self.values.get(flag):
                return self.values[flag][-1].value
        return None

    def texts(self) -> list[str]:
        """The operands that are known."""
        return [item.value for item in self.operands if item.value is not None]
