"""Options and operands of one command, by its program's table. Long names may be shortened as getopt_long allows; an option
that could be several counts as each of them."""

from __future__ import annotations

from dataclasses import dataclass

from policies.shell.model import Invocation, Option, Options, Program
from policies.shell.words import Field

_TEXT = Option("")


@dataclass(slots=True)
class _Cursor:
    fields: list[Field]
    index: int = 0

    def next(self) -> Field | None:
        if self.index >= len(self.fields):
            return None
        self.index += 1
        return self.fields[self.index - 1]


def parse(call: Invocation, program: Program, fields: list[Field]) -> None:
    """Fill flags, values and operands, and apply what the options mean."""
    cursor = _Cursor(fields)
    while (item := cursor.next()) is not None:
        value = item.value
        if program.style == "none" or value is None or len(value) < 2 or value[0] != "-":
            _operand(call, item)
            if program.stop:
                break
        elif value == "--":
            break
        elif value.startswith("--"):
            _long(call, program, value, item, cursor)
        elif program.style == "single":
            _single(call, program, value, item, cursor)
        elif program.style == "loose":
            _add(call, value.partition("=")[0], _TEXT, None)
        else:
            _cluster(call, program, value, item, cursor)
        if program.ends and not program.ends.isdisjoint(call.flags):
            break
    while (item := cursor.next()) is not None:
        _operand(call, item)


def _operand(call: Invocation, item: Field) -> None:
    call.operands.append(item)


def _long(call: Invocation, program: Program, text: str, item: Field, cursor: _Cursor) -> None:
    name, equals, attached = text.partition("=")
    found = _lookup(program.options, name)
    if not found:
        _unlisted(call, program, name, attached)
        return
    for full, option in found:
        if option.kind in {"", "?"}:
            _add(call, full, option, Field(attached) if equals else None)
        elif equals:
            _add(call, full, option, Field(attached))
        else:
            _add(call, full, option, cursor.next() if full == found[-1][0] else None)


def _lookup(table: Options, name: str) -> list[tuple[str, Option]]:
    option = table.get(name)
    if option is not None:
        return [(name, option)]
    if len(name) < 4:
        return []
    return [(full, option) for full, option in table.items() if full.startswith(name)]


def _unlisted(call: Invocation, program: Program, name: str, attached: str = "") -> None:
    if name not in {"--help", "--version"}:
        if program.strict:
            call.doubt(f"the option {name} of {call.program} is not known")
        if attached:
            looks_like_path(call, attached)
    if name not in call.flags:
        call.flags.append(name)


def looks_like_path(call: Invocation, value: str) -> None:
    """What nobody has described may still be a file that must not be read."""
    if value[:1] in {"/", "~", "\0"} or value.startswith(("./", "../", ".env")) or "/." in value:
        call.read(value)


def _single(call: Invocation, program: Program, text: str, item: Field, cursor: _Cursor) -> None:
    name, equals, attached = text.partition("=")
    option = program.options.get(name)
    if option is None:
        _cluster(call, program, text, item, cursor)
    elif option.kind in {"", "?"} or equals:
        _add(call, name, option, Field(attached) if equals else None)
    else:
        _add(call, name, option, cursor.next())


def _cluster(call: Invocation, program: Program, text: str, item: Field, cursor: _Cursor) -> None:
    """`-abc`: each letter an option until one takes the rest as its value."""
    whole = program.options.get(text)
    if whole is not None:
        _add(call, text, whole, cursor.next() if whole.kind not in {"", "?"} else None)
        return
    for index, letter in enumerate(text[1:], 1):
        name = "-" + letter
        option = program.options.get(name)
        rest = text[index + 1 :]
        if option is None:
            if letter.isdigit():
                _add(call, name, _TEXT, None)
                continue
            _unlisted(call, program, name)
        elif option.kind == "":
            _add(call, name, option, None)
        elif option.kind == "?":
            _add(call, name, option, Field(rest, item.glob) if rest else None)
            return
        else:
            _add(call, name, option, Field(rest, item.glob) if rest else cursor.next())
            return


def _add(call: Invocation, name: str, option: Option, value: Field | None) -> None:
    if name not in call.flags:
        call.flags.append(name)
    if value is not None:
        call.values.setdefault(name, []).append(value)
    call.effect(*option.effects)
    call.doubt(option.doubt)
    kind = option.kind[1:] if option.kind[:1] == "=" else ""
    if option.kind[:1] != "=":
        return
    if value is None:
        return  # the option stands last, without its value: the program will refuse
    if value.value is None:
        call.doubt(value.why or f"the value of {name} is not known")
    _mean(call, kind, value)


def _mean(call: Invocation, kind: str, value: Field) -> None:
    text = value.value
    if kind == "r" or kind == "d":
        if text != "-":  # standard input
            call.read(value)
    elif kind == "w":
        call.write(value)
    elif kind == "x":
        call.effect("exec_data")
        call.run.text(call, text, call.program)
    elif kind == "p":
        call.effect("exec_data")
        if text is not None:
            call.run.words(call, [Field(text)], call.program)
    elif kind == "h" and text is not None:
        call.host(text)
    elif kind == "u" and text is not None:
        call.host(host_of(text))
    elif kind == "@" and text is not None:
        at = text.find("@")
        if at >= 0 and (at == 0 or "=" in text[: at + 1] or text[:at].replace("_", "").isalnum()):
            path = text[at + 1 :]
            if path and path != "-":
                call.read(path)


def host_of(url: str) -> str:
    """The host (and port) of a URL or of `host/path`; a name before `@` is left out."""
    rest = url.split("://", 1)[-1]
    for mark in "/?#":
        rest = rest.split(mark, 1)[0]
    return rest.rpartition("@")[2].lower()


def apply_operands(call: Invocation, roles: str, effects_of: bool = True) -> None:
    """Give each operand its role."""
    if not roles:
        return
    names = roles.split()
    last = ""
    if names[-1].startswith("+"):
        last = names.pop()[1:]
    items = call.operands
    for index, item in enumerate(items):
        if last and index == len(items) - 1 and (index > 0 or not names):
            apply(call, last, item)
        elif index < len(names):
            apply(call, names[index].rstrip("*"), item)
        elif names and names[-1].endswith("*"):
            apply(call, names[-1].rstrip("*"), item)


def apply(call: Invocation, role: str, item: Field) -> None:
    text = item.value
    if text is None:
        call.doubt(item.why or "a word is not known")
    elif role in {"read", "dir"}:
        if text != "-":
            call.read(item)
    elif role in {"write", "delete"}:
        call.write(item)
    elif role == "host":
        call.host(text.rpartition("@")[2])
    elif role == "url":
        call.host(host_of(text))
    elif role == "remote":
        remote(call, text)
    elif role == "run":
        call.run.text(call, text, call.program)


def remote(call: Invocation, text: str) -> bool:
    """`host:path`, `user@host:path` or a URL; a plain path is read. Whether it is another machine."""
    if "://" in text:
        call.host(host_of(text))
        return True
    head, colon, _ = text.partition(":")
    if colon and "/" not in head:
        call.host(head.rpartition("@")[2])
        return True
    return False
