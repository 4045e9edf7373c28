"""What a command prints, for the few whose output is constant: `echo`, `printf`, `cat` of a here-document, `base64 -d`,
`rev`, `xxd -r -p`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from policies.shell.mvdan import ansi_c
from policies.shell.syntax import Binary, Call, Stmt, Word
from policies.shell.words import Field

Peek = Callable[[Word], list[Field]]
TEXT_MAX = 20_000
"""Characters; longer output is not followed."""


def constant_output(stmt: Stmt, stdin: str | None, peek: Peek) -> str | None:
    """None when it is not constant. `stdin` "" is no input, None input that is not known."""
    if stmt.background or stmt.negated:
        return None
    cmd = stmt.cmd
    if isinstance(cmd, Binary):
        if cmd.op != "|":
            return None
        return constant_output(cmd.right, constant_output(cmd.left, stdin, peek), peek)
    if not isinstance(cmd, Call) or not cmd.args or cmd.declares or cmd.assigns:
        return None
    given = stdin
    for redirect in stmt.redirects:
        if redirect.fd == "2":
            continue
        if redirect.op in {"<<", "<<-"} and redirect.body is not None:
            given = _whole(peek(redirect.body))
        elif redirect.op == "<<<":
            given = _whole(peek(redirect.word))
        else:
            return None
    fields = [item for word in cmd.args for item in peek(word)]
    if any(item.value is None or item.glob for item in fields):
        return None
    words = [item.value or "" for item in fields]
    text = _print(words, given)
    return None if text is None or len(text) > TEXT_MAX else text


def _whole(fields: list[Field]) -> str | None:
    if any(item.value is None for item in fields):
        return None
    return " ".join(item.value or "" for item in fields)


def _print(words: list[str], stdin: str | None) -> str | None:
    name, rest = words[0].rpartition("/")[2], words[1:]
    if name == "echo":
        return _echo(rest)
    if name == "printf":
        return _printf(rest)
    if name == "cat" and all(word == "-" for word in rest):
        return stdin
    if name == "base64" and rest in (["-d"], ["--decode"], ["-D"], ["-di"]) and stdin is not None:
        try:
            return base64.b64decode(stdin, validate=False).decode("utf-8", "replace").replace("\0", "")
        except (binascii.Error, ValueError):
            return None
    if name == "rev" and not rest and stdin is not None:
        return "\n".join(line[::-1] for line in stdin.split("\n"))
    if name == "xxd" and rest in (["-r", "-p"], ["-p", "-r"], ["-rp"], ["-pr"]) and stdin is not None:
        try:
            return bytes.fromhex("".join(stdin.split())).decode("utf-8", "replace").replace("\0", "")
        except ValueError:
            return None
    return None


def _echo(words: list[str]) -> str:
    escapes, newline = False, True
    while words and len(words[0]) > 1 and words[0][0] == "-" and set(words[0][1:]) <= set("neE"):
        escapes = "e" in words[0] or escapes
        newline = newline and "n" not in words[0]
        words = words[1:]
    text = " ".join(words)
    return (ansi_c(text) if escapes else text) + ("\n" if newline else "")


def _printf(words: list[str]) -> str | None:
    """`%s` and `%b` alone; anything else is not constant here."""
    if words[:1] == ["--"]:
        words = words[1:]
    if not words or words[0].startswith("-"):
        return None
    form, values = ansi_c(words[0]), words[1:]
    if "%" not in form:
        return form
    pieces = form.replace("%%", "\ue000").replace("%b", "%s").split("%s")
    if any("%" in piece for piece in pieces):
        return None
    slots = len(pieces) - 1
    out: list[str] = []
    for start in range(0, max(len(values), 1), max(slots, 1)):
        batch = values[start : start + slots] + [""] * slots
        out.append("".join(piece + (batch[index] if index < slots else "") for index, piece in enumerate(pieces)))
    return "".join(out).replace("\ue000", "%")
