"""One simple command: which program it is, and what the tables say of it."""

from __future__ import annotations

import re
from dataclasses import replace

from policies.shell import options
from policies.shell.environment import changes_programs, is_secret
from policies.shell.model import Invocation, Program
from policies.shell.state import HOME, State
from policies.shell.table import programs
from policies.shell.verbs import verbs
from policies.shell.words import Field

_SYSTEM = re.compile(
    r"/(?:usr/(?:local/)?)?s?bin|/opt/homebrew/s?bin|/home/linuxbrew/\.linuxbrew/bin|/snap/bin|/run/current-system/sw/bin|"
    r"/opt/[\w.-]+/bin|/nix/store/[\w.+-]+/bin|/usr/libexec(?:/[\w.-]+)*|/usr/lib/[\w./-]+"
)
"""Folders of installed programs: a path in one of them is that program."""
_WRAPPED_MAX = 6
"""Words among which the command of an unknown wrapper is looked for."""


def interpret(call: Invocation, state: State) -> None:
    """Fill the invocation from its words."""
    _environment(call, state)
    if not call.argv:
        return
    first = call.argv[0]
    if first.value is None or first.glob:
        call.effect("exec_data")
        call.doubt(f"which program runs is not known ({first.why or 'a pattern'})")
        _unread(call, call.argv[1:])
        return
    _name(call, first.value)
    found = programs().get(call.program)
    if found is None and call.program.lower() in programs():
        # Filing systems that ignore case (macOS) run `GIT`.
        call.program = call.program.lower()
        found = programs()[call.program]
        call.doubt("the program's name is written in capitals")
    if call.program.startswith("="):
        call.doubt("zsh replaces =name")
    if found is None:
        _stranger(call)
    else:
        _known(call, found)
    _words(call, found)


def _environment(call: Invocation, state: State) -> None:
    for name, value in call.assigns:
        if changes_programs(name, value):
            call.effect("exec_data")  # rules see `assigns`: an allow names the variables it accepts
    for name in state.values:
        if changes_programs(name, state.values[name]) and name not in {"IFS", "HOME", "TMPDIR", "CDPATH"}:
            call.doubt(f"{name} was changed before")
    for item in call.argv:
        for name in item.names:
            if name not in state.values and is_secret(name):
                call.effect("secrets")


def assignment(name: str, value: str | None) -> bool:
    """Whether setting a variable for the rest of the script must be mentioned."""
    return changes_programs(name, value)


def _name(call: Invocation, value: str) -> None:
    folder, slash, name = value.rpartition("/")
    call.program = name
    if not slash:
        return
    if _SYSTEM.fullmatch(folder.replace("//", "/").rstrip("/")) and "/../" not in value:
        return
    if not name:
        call.doubt("a folder is no program")
        return
    if folder.startswith("/") or folder.startswith(HOME):
        call.effect("exec_data")
    else:
        call.effect("project_code")
    call.read(value)


def _known(call: Invocation, entry: Program) -> None:
    fields = call.argv[1:]
    while True:
        call.effect(*entry.effects)
        call.doubt(entry.doubt)
        if not entry.subs:
            break
        head, rest = _split(call, entry, fields)
        options.parse(call, entry, head)
        if not rest or rest[0].value is None:
            if rest:
                call.doubt(f"what {call.program} is told to do is not known")
            entry = entry.subs.get("", Program("", special=entry.special))
            fields = rest
            break
        name = rest[0].value
        call.subcommand = f"{call.subcommand} {name}".strip()
        chosen = entry.subs.get(name) or entry.subs.get("*")
        if chosen is None:
            call.doubt(f"{call.program} {call.subcommand} is not known")
            verbs(call, rest)
            entry, fields = Program("", style="loose"), rest[1:]
            break
        if not chosen.options and entry.options:
            chosen = _inherit(chosen, entry)
        entry, fields = chosen, rest[1:]
    options.parse(call, entry, fields)
    if "--help" in call.flags and not entry.stop:
        call.reads, call.writes, call.effects = [], [], [name for name in call.effects if name == "privilege"]
        call.operands = []
        return
    options.apply_operands(call, entry.operands)
    if entry.special is not None:
        entry.special(call)


def _inherit(entry: Program, outer: Program) -> Program:
    return replace(entry, options=outer.options)


def _split(call: Invocation, entry: Program, fields: list[Field]) -> tuple[list[Field], list[Field]]:
    """The options in front of the subcommand, and the rest."""
    index = 0
    while index < len(fields):
        value = fields[index].value
        if value is None or not value.startswith("-") or value == "-":
            break
        index += 1
        if value == "--":
            break
        option = entry.options.get(value)
        if option is not None and option.kind[:1] == "=":
            index += 1
    return fields[:index], fields[index:]


def _stranger(call: Invocation) -> None:
    """A program nobody has described: its words may be paths, and its verbs may say that it destroys."""
    call.known = False
    options.parse(call, Program("", style="loose"), call.argv[1:])
    _unread(call, call.argv[1:])
    if call.operands and call.operands[0].value:
        word = call.operands[0].value
        call.subcommand = word if re.fullmatch(r"[a-z][\w:.-]*", word) and call.argv[1:2] == [call.operands[0]] else ""
    verbs(call, [Field(call.program), *call.argv[1:]])
    _wrapped(call)


def _wrapped(call: Invocation) -> None:
    """A program nobody has described may run its words, as `sudo` does."""
    for index in range(1, min(len(call.argv), _WRAPPED_MAX)):
        value = call.argv[index].value
        if value is not None and value in programs() and call.run.destroys(call, call.argv[index:]):
            call.effect("destructive")
            return


def _unread(call: Invocation, fields: list[Field]) -> None:
    for item in fields:
        if item.value is not None:
            options.looks_like_path(call, item.value.partition("=")[2] if item.value.startswith("-") else item.value)


def _words(call: Invocation, entry: Program | None) -> None:
    """A word that is not known may be an option or a path, unless the program only prints its words."""
    if call.quiet or call.dropped or (entry is not None and entry.spoken):
        return
    for item in call.argv[1:]:
        if item.value is None or item.why:
            call.doubt(item.why or "a word is not known")
        elif item.loose and (entry is None or entry.strict) and not any(word.value == "--" for word in call.argv):
            call.doubt("a file's name may be taken for an option")
