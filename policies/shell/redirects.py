"""What redirections read, write and feed."""

from __future__ import annotations

from collections.abc import Callable

from policies.shell.model import Invocation
from policies.shell.syntax import Redirect, Word
from policies.shell.words import Field

_WRITES = frozenset({">", ">>", ">|", "&>", "&>>", ">!", "&>|", ">>|", "&>>|"})
_SOCKETS = ("/dev/tcp/", "/dev/udp/")


def apply(
    call: Invocation,
    items: tuple[Redirect, ...],
    word: Callable[[Word], Field],
) -> None:
    """Adds to the call, and replaces its `stdin` when that is redirected."""
    for item in items:
        if item.op in {"<<", "<<-"}:
            found = Field("") if item.body is None else word(item.body)
            if item.fd in {"", "0"}:
                _feed(call, found, item.op == "<<-")
        elif item.op == "<<<":
            found = word(item.word)
            if item.fd in {"", "0"}:
                _feed(call, found, False)
        elif item.op in {">&", "<&"}:
            _duplicate(call, item, word(item.word))
        else:
            target = word(item.word)
            _open(call, item.op, target)
            if item.op in {"<", "<>"} and item.fd in {"", "0"}:
                call.stdin, call.rough, call.names = None, "", None


def _feed(call: Invocation, found: Field, tabs: bool) -> None:
    value, rough = found.value, found.rough
    if tabs:
        value = None if value is None else _untabbed(value)
        rough = _untabbed(rough)
    call.stdin, call.rough = value, rough


def _untabbed(text: str) -> str:
    return "\n".join(line.lstrip("\t") for line in text.split("\n"))


def _duplicate(call: Invocation, item: Redirect, target: Field) -> None:
    value = target.value
    if value is None:
        call.doubt("where a redirection goes is not known")
    elif not (value.rstrip("-").isdigit() or value == "-"):
        _open(call, ">" if item.op == ">&" else "<", target)


def _open(call: Invocation, op: str, target: Field) -> None:
    value = target.value
    if value is None:
        call.doubt(target.why or "where a redirection goes is not known")
        return
    if value.startswith(_SOCKETS):
        host, _, port = value.split("/", 3)[3].partition("/")
        call.host(f"{host}:{port}" if port else host)
        call.effect("network")
        return
    if op in _WRITES:
        call.write(target)
    elif op == "<>":
        call.read(target)
        call.write(target)
    elif op == "<":
        call.read(target)
    else:
        call.doubt(f"a redirection that is not read ({op})")
