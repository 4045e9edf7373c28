"""Words to the fields a program would see: braces, tilde, constant variables, quotes, splitting. What is not constant comes
out as a field without a value and with the reason. Order of expansions: bash manual, section 3.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policies.shell.state import HOME, State
from policies.shell.syntax import Param, Part, Subst, Text, Word, substitutions

NUMBER = "$((…))"
"""Stands for a number that is not worked out."""
FIELDS_MAX = 64
"""Made by one brace expression; more is not known."""
_NUMBERS = {
    "#",
    "?",
    "$",
    "!",
    "PPID",
    "UID",
    "EUID",
    "RANDOM",
    "SECONDS",
    "LINENO",
    "BASHPID",
    "EPOCHSECONDS",
    "SHLVL",
}
"""Parameters that only ever hold a number."""


@dataclass(frozen=True, slots=True)
class Field:
    """`value` None: not known, and `why` says what. `glob`: it has active `*`, `?` or `[`. `names`: the variables read.
    `rough`: the text with `$name` where a part is not known."""

    value: str | None
    glob: bool = False
    why: str = ""
    bare: bool = True
    """No part of it was quoted: keywords and aliases count."""
    names: tuple[str, ...] = ()
    rough: str = ""
    loose: bool = False
    """A name of a file that may begin with a dash."""
    grave: bool = False
    """Making its value runs text or changes variables, so that it matters even where the value does not."""


Printed = str | tuple[Field, ...] | None
"""What a command prints: a constant, names of files, or something that is not known."""
Run = Callable[[Subst], Printed]
"""Reads a substitution's commands and says what it prints."""


def expand(word: Word, state: State, run: Run) -> list[Field]:
    """All fields of a word. Substitutions are run once each, whatever braces make of the word."""
    if len(word) == 1 and isinstance(word[0], Text):
        part = word[0]
        if part.quoted:
            return [Field(part.value, bare=False)]
        if "{" not in part.value and not part.value.startswith("~"):
            return [Field(part.value, _active(part.value))]
    printed = {id(subst): run(subst) for subst in substitutions(word)}
    out: list[Field] = []
    for parts in _braces(word):
        if parts is None:
            return [Field(None, why="too many words from braces")]
        out.extend(_fields(parts, state, printed))
    return out


def single(word: Word, state: State, run: Run) -> Field:
    """The word where nothing is split and no braces are expanded: assignments, redirections, `case`, here-documents."""
    printed = {id(subst): run(subst) for subst in substitutions(word)}
    fields = _fields(word, state, printed, split=False)
    return fields[0] if fields else Field("")


def _active(text: str) -> bool:
    """Whether it is a pattern. A bracket that is not closed is an ordinary character (and the name of a command)."""
    return "*" in text or "?" in text or ("[" in text and "]" in text)


class _Builder:
    def __init__(self, split: bool) -> None:
        self.split = split
        self.fields: list[Field] = []
        self.text: list[str] = []
        self.names: list[str] = []
        self.why = ""
        self.known = True
        self.grave = False
        self.glob = False
        self.open = False
        self.bare = True

    def add(self, value: str, *, glob: bool = False, quoted: bool = False) -> None:
        self.text.append(value)
        self.open = True
        self.glob = self.glob or glob
        self.bare = self.bare and not quoted

    def lose(self, why: str, rough: str = "$_", grave: bool = False) -> None:
        self.known, self.open = False, True
        self.grave = self.grave or grave
        self.why = self.why or why
        self.text.append(rough)

    def close(self) -> None:
        if self.open:
            text = "".join(self.text)
            value = text if self.known else None
            self.fields.append(Field(value, self.glob, self.why, self.bare, tuple(self.names), text, grave=self.grave))
        self.text, self.glob, self.open, self.known, self.why, self.bare = [], False, False, True, "", True
        self.names, self.grave = [], False

    def unquoted(self, value: str) -> None:
        """Split at blanks, as an unquoted expansion is."""
        if not self.split:
            self.add(value)
            return
        if value[:1].isspace():
            self.close()
        words = value.split()
        for index, word in enumerate(words):
            if index:
                self.close()
            self.add(word, glob=_active(word))
        if words and value[-1:].isspace():
            self.close()


def _fields(word: Word, state: State, printed: dict[int, Printed], split: bool = True) -> list[Field]:
    builder = _Builder(split)
    for index, part in enumerate(word):
        if isinstance(part, Text):
            value = part.value
            if index == 0 and not part.quoted and value.startswith("~"):
                value = _tilde(value, alone=len(word) == 1 or "/" in value)
            builder.add(value, glob=not part.quoted and _active(value), quoted=part.quoted)
        elif isinstance(part, Param):
            _param(part, state, printed, builder)
        elif isinstance(part, Subst):
            _subst(part, printed[id(part)], builder)
        elif part.why or not all(_numeric(name, state) for name in part.names):
            builder.lose(part.why or "arithmetic on text", grave=True)
        else:
            builder.add(NUMBER)
    builder.close()
    return builder.fields


def _numeric(name: str, state: State) -> bool:
    """Whether a variable holds no text that arithmetic would evaluate. The environment's own are taken to be sound."""
    if name in _NUMBERS:
        return True
    value = value_of(name, state)
    if value is None:
        return name not in state.values and not (name.isdigit() and state.args is not None)
    return value == "" or value == NUMBER or value.removeprefix("-").isdecimal()


def _tilde(value: str, alone: bool) -> str:
    head = value.split("/", 1)[0]
    if head == "~" and alone:
        return HOME + value[1:]
    if head in {"~+", "~-"} or not alone:
        return value
    return HOME + value[1:]


def _subst(part: Subst, value: Printed, builder: _Builder) -> None:
    if part.kind != "$":
        builder.add("/dev/fd/63")  # the name bash passes; what runs behind it is read as commands of its own
        return
    if isinstance(value, tuple) and not part.quoted and builder.split and not builder.open:
        builder.fields.extend(value)
    elif value is None or isinstance(value, tuple):
        builder.lose("the output of a command is not known")
    elif part.quoted:
        builder.add(value.rstrip("\n"), quoted=True)
    else:
        builder.unquoted(value.rstrip("\n"))


def _param(part: Param, state: State, printed: dict[int, Printed], builder: _Builder) -> None:
    if part.name in {"@", "*"} and not part.op:
        _arguments(part, state, builder)
        return
    if part.op == "Length" or (part.name in _NUMBERS and not part.op and part.name not in state.values):
        builder.add(NUMBER)
        return
    value = value_of(part.name, state)
    if part.op in {":-", "-"} and value is None and part.name not in state.values and part.word:
        # Unset in most environments, but a variable of that name may be there.
        builder.why = builder.why or f"the value of ${part.name} is not known"
        default = _fields(part.word, state, printed, split=False)
        value = default[0].value if default else ""
    elif (part.op in {":-", "-"} and value == "") or (part.op in {":+", "+"} and value):
        default = _fields(part.word or (), state, printed, split=False)
        value = default[0].value if default else ""
    elif part.op and part.op not in {":-", "-"}:
        builder.lose(_why(part), grave=part.op.startswith("Excl") or part.op in {"@", ":=", "=", "zsh"})
        return
    builder.names.append(part.name)
    if value is None:
        builder.lose(f"the value of ${part.name} is not known", f"${{{part.name}}}")
    elif part.quoted:
        builder.add(value, quoted=True)
    elif "IFS" in state.values:
        builder.lose("words are split at unusual characters (IFS)")
    elif part.name in state.globs:
        builder.add(value, glob=True)
    else:
        builder.unquoted(value)


def _why(part: Param) -> str:
    if part.op == "Excl" or part.op.startswith("Excl"):
        return f"${{!{part.name}}} stands for another variable"
    if part.op == "@":
        return f"${{{part.name}@…}} may run text"
    if part.op in {":=", "="}:
        return f"${{{part.name}:=…}} sets a variable"
    return f"the value of ${{{part.name}…}} is not known"


def _arguments(part: Param, state: State, builder: _Builder) -> None:
    if state.args is None:
        builder.lose("the arguments of the script are not known")
        return
    for index, value in enumerate(state.args):
        if index:
            builder.close()
        if value is None:
            builder.lose(f"the value of ${index + 1} is not known")
        elif part.quoted:
            builder.add(value, quoted=True)
        else:
            builder.unquoted(value)


def value_of(name: str, state: State) -> str | None:
    """The constant value of a variable; the home and temporary directory are what they are everywhere."""
    if name.isdigit():
        index = int(name) - 1
        if state.args is not None and index >= 0:
            return state.args[index] if index < len(state.args) else ""
        return None
    if name in state.values:
        return state.values[name]
    if name == "HOME":
        return HOME
    if name == "PWD":
        one = state.dirs[0] if len(state.dirs) == 1 else ""
        return one if one.startswith("/") or (one.startswith(HOME) and one != "\0?") else None
    return {"TMPDIR": "/tmp", "IFS": " \t\n"}.get(name)


# --- braces ------------------------------------------------------------------------------------------------------------

_Atom = str | Part


def _braces(word: Word) -> list[Word | None]:
    if not any(isinstance(part, Text) and not part.quoted and "{" in part.value for part in word):
        return [word]
    atoms: list[_Atom] = []
    for part in word:
        if isinstance(part, Text) and not part.quoted:
            atoms.extend(part.value)
        else:
            atoms.append(part)
    made = _expand_atoms(atoms)
    if len(made) > FIELDS_MAX:
        return [None]
    return [_joined(item) for item in made]


def _joined(atoms: list[_Atom]) -> Word:
    out: list[Part] = []
    chars: list[str] = []
    for atom in atoms:
        if isinstance(atom, str):
            chars.append(atom)
            continue
        if chars:
            out.append(Text("".join(chars)))
            chars = []
        out.append(atom)
    if chars:
        out.append(Text("".join(chars)))
    return tuple(out)


def _expand_atoms(atoms: list[_Atom], depth: int = 0) -> list[list[_Atom]]:
    start = 0
    while depth < 8:
        try:
            start = atoms.index("{", start)
        except ValueError:
            break
        pieces, end = _alternatives(atoms, start)
        if pieces is None:
            start += 1
            continue
        heads = atoms[:start]
        tails = _expand_atoms(atoms[end + 1 :], depth + 1)
        out: list[list[_Atom]] = []
        for piece in pieces:
            for middle in _expand_atoms(piece, depth + 1):
                for tail in tails:
                    out.append([*heads, *middle, *tail])
                    if len(out) > FIELDS_MAX:
                        return out
        return out
    return [atoms]


def _alternatives(atoms: list[_Atom], start: int) -> tuple[list[list[_Atom]] | None, int]:
    """The alternatives of the brace at `start` and where it closes; None when it is an ordinary character."""
    depth, pieces, current = 0, [], list[_Atom]()
    for index in range(start, len(atoms)):
        atom = atoms[index]
        if atom == "{":
            depth += 1
            if depth == 1:
                continue
        elif atom == "}":
            depth -= 1
            if depth == 0:
                pieces.append(current)
                if len(pieces) > 1:
                    return pieces, index
                return _sequence(current), index
        elif atom == "," and depth == 1:
            pieces.append(current)
            current = []
            continue
        current.append(atom)
    return None, start


def _sequence(atoms: list[_Atom]) -> list[list[_Atom]] | None:
    if not all(isinstance(atom, str) for atom in atoms):
        return None
    ends = "".join(str(atom) for atom in atoms).split("..")
    if len(ends) not in {2, 3}:
        return None
    if all(_whole(end) for end in ends[:2]):
        low, high = int(ends[0]), int(ends[1])
        width = max(len(end) for end in ends[:2]) if any(end.lstrip("-").startswith("0") for end in ends[:2]) else 0
        values = [str(number).zfill(width) for number in _range(low, high, ends)]
    elif all(len(end) == 1 and end.isascii() for end in ends[:2]):
        values = [chr(code) for code in _range(ord(ends[0]), ord(ends[1]), ends)]
    else:
        return None
    return [list(value) for value in values]


def _whole(text: str) -> bool:
    return text.lstrip("-").isdecimal() and len(text) < 8


def _range(low: int, high: int, ends: list[str]) -> list[int]:
    step = abs(int(ends[2])) if len(ends) == 3 and _whole(ends[2]) else 1
    step = step or 1
    found = range(low, high + 1, step) if low <= high else range(low, high - 1, -step)
    return list(found[: FIELDS_MAX + 1])
