"""What both parsers are turned into: the parts of a bash text that decide what runs. Positions are kept for the names of
commands only, because the two parsers are compared by them. Formatting, comments and arithmetic details are not kept.
"""

from __future__ import annotations

from dataclasses import dataclass

# --- words ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """Characters. `quoted` text is neither split nor a glob; in unquoted text a backslash has been taken off already and
    the character behind it made a quoted Text."""

    value: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Param:
    """`$name`, `${name<op>word}`. `op` "" is the plain value; anything else than `:-`, `-`, `:+`, `+` is not followed."""

    name: str
    op: str = ""
    word: Word | None = None
    quoted: bool = False
    inner: tuple[Subst, ...] = ()
    """Substitutions in subscripts and replacement patterns: they run."""


@dataclass(frozen=True, slots=True)
class Subst:
    """`$(…)` and backticks (kind "$"), `<(…)` ("<"), `>(…)` (">")."""

    kind: str
    body: tuple[Stmt, ...]
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """A part whose value is never known: arithmetic, extended patterns. `why` names it; "" needs no remark. `names` are the
    variables that arithmetic evaluates: a text in one of them is evaluated too, and may run commands in a subscript."""

    why: str
    quoted: bool = False
    inner: tuple[Subst, ...] = ()
    names: tuple[str, ...] = ()


Part = Text | Param | Subst | Unread
Word = tuple[Part, ...]

# --- commands ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assign:
    """`name=value`. `value` None is a bare name or an array; `more` are the words of an array or a subscript."""

    name: str
    value: Word | None
    more: tuple[Word, ...] = ()
    append: bool = False


@dataclass(frozen=True, slots=True)
class Redirect:
    """`op` as written (`>`, `>>`, `>|`, `&>`, `&>>`, `<`, `<>`, `<&`, `>&`, `<<`, `<<-`, `<<<`). `fd` "" when not given."""

    op: str
    word: Word
    fd: str = ""
    body: Word | None = None
    """Of a here-document."""


@dataclass(frozen=True, slots=True)
class Call:
    assigns: tuple[Assign, ...]
    args: tuple[Word, ...]
    declares: str = ""
    """export, declare, local, readonly, typeset, nameref: then the assigns are its arguments."""


@dataclass(frozen=True, slots=True)
class Binary:
    op: str
    left: Stmt
    right: Stmt


@dataclass(frozen=True, slots=True)
class Group:
    """`{ …; }`, or `( … )` with `sub`; the body of `time` and `coproc`."""

    body: tuple[Stmt, ...]
    sub: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """if, elif, else and case: what is always evaluated first (tests and the words of a case), then one body of several."""

    tests: tuple[Stmt, ...]
    words: tuple[Word, ...]
    bodies: tuple[tuple[Stmt, ...], ...]
    complete: bool = False
    """One of the bodies always runs."""


@dataclass(frozen=True, slots=True)
class Loop:
    """`name` and `items` of a for over words; `items` None is "$@"; while and until have neither."""

    tests: tuple[Stmt, ...]
    body: tuple[Stmt, ...]
    name: str = ""
    items: tuple[Word, ...] | None = ()
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    body: Stmt


@dataclass(frozen=True, slots=True)
class Test:
    """`[[ … ]]`, `(( … ))`, `let`: words are evaluated, nothing is run but the substitutions in them."""

    words: tuple[Word, ...]
    arithmetic: bool = False
    assigns: tuple[str, ...] = ()


Cmd = Call | Binary | Group | Branch | Loop | Function | Test


@dataclass(frozen=True, slots=True)
class Stmt:
    cmd: Cmd | None
    redirects: tuple[Redirect, ...] = ()
    background: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """`names` are the byte offsets of the first word of every simple command, in all substitutions too; `soft` are offsets
    at which the two parsers differ by design (`time`, `coproc`, `let`)."""

    body: tuple[Stmt, ...]
    names: frozenset[int] = frozenset()
    soft: frozenset[int] = frozenset()


class NotRead(Exception):
    """This text, or this form of a tree, is not read; the message says why."""


def text(value: str, quoted: bool = False) -> Word:
    return (Text(value, quoted),)


def substitutions(word: Word) -> list[Subst]:
    """All substitutions of a word, at any depth of `${…}`."""
    out: list[Subst] = []
    for part in word:
        if isinstance(part, Subst):
            out.append(part)
        elif isinstance(part, Param):
            out.extend(part.inner)
            out.extend(substitutions(part.word or ()))
        elif isinstance(part, Unread):
            out.extend(part.inner)
    return out
