"""Commands that print names of files below a known place: `find`, `git ls-files`, `ls`, `rg -l`, and filters behind
them. What they print is then known well enough to read it: a glob. `loose` names may begin with a dash and be taken for an
option."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from policies.shell.syntax import Binary, Call, Stmt, Word
from policies.shell.words import Field

Peek = Callable[[Word], list[Field]]
Names = tuple[Field, ...]
_FILTERS = frozenset({"sort", "head", "tail", "uniq", "grep", "egrep", "rg", "shuf", "tac", "cat"})
"""Lines in, some of the same lines out, as long as no file is named."""
_PRINTS = frozenset({"-print", "-print0"})
_ACTS = ("-exec", "-ok", "-delete", "-fprint", "-fls", "-printf", "-ls", "-quit")


def listing(stmt: Stmt, peek: Peek) -> Names | None:
    """The names a statement prints, as globs; None when that cannot be said."""
    cmd = stmt.cmd
    if stmt.background or stmt.negated or any(item.fd != "2" for item in stmt.redirects):
        return None
    if isinstance(cmd, Binary):
        if cmd.op != "|" or not _filters(cmd.right, peek):
            return None
        return listing(cmd.left, peek)
    if not isinstance(cmd, Call) or cmd.assigns or cmd.declares or not cmd.args:
        return None
    fields = [item for word in cmd.args for item in peek(word)]
    if any(item.value is None for item in fields):
        return None
    words = [item.value or "" for item in fields]
    if words[0] == "find":
        return _find(words[1:])
    if words[:2] == ["git", "ls-files"] or (words[:2] == ["git", "diff"] and "--name-only" in words):
        return _loose(".") if not any(word.startswith("--output") for word in words) else None
    if words[0] in {"rg", "grep", "ls", "fd", "ag"}:
        return _search(words)
    return None


def _find(words: list[str]) -> Names | None:
    if any(word.startswith(_ACTS) for word in words):
        return None
    starts: list[str] = []
    for word in words:
        if word.startswith("-") or word in {"(", "!"}:
            break
        starts.append(word)
    tails = [after for word, after in itertools.pairwise(words) if word in {"-name", "-iname"}]
    # With `!` or `-o` a name does not narrow what is found.
    tail = tails[0] if len(tails) == 1 and not {"!", "-not", "-o", "-or"} & set(words) else "*"
    return tuple(Field((start.rstrip("/") or "/") + "/**/" + tail, True) for start in starts or ["."])


def _search(words: list[str]) -> Names | None:
    """`rg -l x src`, `grep -rl x src`, `ls src`: names below the last words, which may be none."""
    flags = [word for word in words[1:] if word.startswith("-")]
    places = [word for word in words[1:] if not word.startswith("-")]
    if words[0] == "ls":
        return _loose(places[0] if len(places) == 1 else ".") if len(places) < 2 and not _long(flags) else None
    if words[0] == "fd":
        return _loose(".") if not flags and len(places) < 2 else None
    only = any(flag in {"--files-with-matches", "--files"} or (flag[1:2] != "-" and "l" in flag) for flag in flags)
    if not only:
        return None
    below = places[1:] if "--files" not in flags else places
    return tuple(Field(place.rstrip("/") + "/**", True) for place in below) if below else _loose(".")


def _long(flags: list[str]) -> bool:
    return any(flag[1:2] != "-" and set(flag[1:]) & set("lgnosi") for flag in flags)


def _loose(place: str) -> Names:
    return (Field(place.rstrip("/") + "/**" if place != "." else "./**", True, loose=True),)


def _filters(stmt: Stmt, peek: Peek) -> bool:
    cmd = stmt.cmd
    if not isinstance(cmd, Call) or cmd.assigns or cmd.declares or any(item.fd != "2" for item in stmt.redirects):
        return False
    fields = [item for word in cmd.args for item in peek(word)]
    words = [item.value for item in fields]
    if not words or words[0] not in _FILTERS or None in words:
        return False
    places = [word for word in words[1:] if not (word or "-").startswith("-")]
    if words[0] in {"grep", "egrep", "rg"}:
        flags = "".join(word or "" for word in words[1:] if (word or "").startswith("-"))
        return len(places) == 1 and not set("onclbHrRf") & set(flags)
    return all((place or "").isdigit() for place in places)
