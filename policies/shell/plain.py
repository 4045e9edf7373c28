"""tree-sitter-bash: the only parser of word-only text, and the witness for everything else.

Word-only text (no character of `SPECIAL`, no keyword) is turned into commands here, in about 0.1 ms. For other text
only `names` is used: where the commands stand, to be compared with mvdan/sh's tree. Known gaps of this grammar (measured,
reference of November 2026: backticks in here-documents, `<<-`, `${x^^$(…)}`, `time -p`) all lie in text that is not
word-only, and come out as a disagreement.
"""

from __future__ import annotations

import functools
import importlib
import re
from typing import TYPE_CHECKING, Any

from policies.shell.syntax import Assign, Binary, Call, NotRead, Part, Redirect, Script, Stmt, Text, Word

SPECIAL = re.compile(r"[$`<>(){}*?\[\]\\!]")
"""One of these, and mvdan/sh must parse the text too."""
_KEYWORDS = frozenset(
    [
        "if",
        "then",
        "else",
        "elif",
        "fi",
        "for",
        "while",
        "until",
        "do",
        "done",
        "case",
        "esac",
        "select",
        "function",
        "time",
        "coproc",
        "in",
        "let",
        "export",
        "declare",
        "typeset",
        "local",
        "readonly",
        "nameref",
    ]
)
NODES_MAX = 200_000

if TYPE_CHECKING:
    from tree_sitter import Node


@functools.cache
def _grammar() -> tuple[Any, Any]:
    """Loaded with the first command: 40 ms of imports that the start of a server need not wait for."""
    library = importlib.import_module("tree_sitter")
    return library.Parser, library.Language(importlib.import_module("tree_sitter_bash").language())


def _root(source: bytes) -> Node:
    """A parser for each text (5 µs): one must not be shared by threads."""
    parser, language = _grammar()
    root: Node = parser(language).parse(source).root_node
    return root


def plain(text: str) -> Script | None:
    """The script of word-only text; None when it is not word-only or this parser is in doubt."""
    if SPECIAL.search(text):
        return None
    source = text.encode("utf-8", "surrogatepass")
    root = _root(source)
    if root.has_error:
        return None
    try:
        return Script(_statements(root, source))
    except NotRead:
        return None


def names(text: str) -> tuple[frozenset[int], bool]:
    """Byte offsets of the names of all commands, and whether the parser met an error."""
    root = _root(text.encode("utf-8", "surrogatepass"))
    found: list[int] = []
    todo = [root]
    seen = 0
    while todo and seen < NODES_MAX:
        node = todo.pop()
        seen += 1
        kind = node.type
        if kind == "command":
            name = node.child_by_field_name("name")
            if name is not None:
                found.append(name.start_byte)
        elif (
            kind == "declaration_command"
            or kind == "unset_command"
            or (kind == "test_command" and node.child_count and node.children[0].type == "[")
        ):
            found.append(node.start_byte)
        if node.named_child_count:
            todo.extend(node.named_children)
    return frozenset(found), root.has_error or bool(todo)


def _statements(node: Node, source: bytes) -> tuple[Stmt, ...]:
    out: list[Stmt] = []
    for child in node.children:
        kind = child.type
        if kind == "comment" or kind in {";", "\n"}:
            continue
        if kind == "&":
            last = out.pop()
            out.append(Stmt(last.cmd, last.redirects, background=True))
            continue
        out.append(_statement(child, source))
    return tuple(out)


def _statement(node: Node, source: bytes) -> Stmt:
    kind = node.type
    if kind == "command":
        return Stmt(_command(node, source))
    if kind == "variable_assignment":
        return Stmt(Call((_assign(node, source),), ()))
    if kind == "variable_assignments":
        return Stmt(Call(tuple(_assign(child, source) for child in node.named_children), ()))
    if kind == "list":
        return _chain(node, source, {"&&", "||"})
    if kind == "pipeline":
        return _chain(node, source, {"|", "|&"})
    raise NotRead(kind)


def _chain(node: Node, source: bytes, operators: set[str]) -> Stmt:
    result: Stmt | None = None
    op = ""
    for child in node.children:
        if child.type in operators:
            op = child.type
        elif child.type != "comment":
            stmt = _statement(child, source)
            result = stmt if result is None else Stmt(Binary(op, result, stmt))
    if result is None:
        raise NotRead("an empty list")
    return result


def _command(node: Node, source: bytes) -> Call:
    assigns: list[Assign] = []
    args: list[Word] = []
    redirects: list[Redirect] = []
    for child in node.children:
        kind = child.type
        if kind == "variable_assignment" and not args:
            assigns.append(_assign(child, source))
        elif kind == "command_name":
            word = _word(child.children[0], source)
            if source[child.start_byte : child.end_byte].decode("utf-8", "replace") in _KEYWORDS:
                raise NotRead("a keyword")
            args.append(word)
        else:
            args.append(_word(child, source))
    if redirects:
        raise NotRead("a redirection")
    return Call(tuple(assigns), tuple(args))


def _assign(node: Node, source: bytes) -> Assign:
    name = node.child_by_field_name("name")
    value = node.child_by_field_name("value")
    if name is None or name.type != "variable_name":
        raise NotRead("an assignment")
    joint = _slice(node, source)[len(_slice(name, source)) :]
    if not joint.startswith("="):
        raise NotRead("an assignment")
    return Assign(_slice(name, source), () if value is None else _word(value, source))


def _word(node: Node, source: bytes) -> Word:
    kind = node.type
    if kind in {"word", "number"}:
        return (Text(_slice(node, source)),)
    if kind == "raw_string":
        return (Text(_slice(node, source)[1:-1], quoted=True),)
    if kind == "string":
        return (Text(_slice(node, source)[1:-1], quoted=True),)
    if kind == "concatenation":
        parts: list[Part] = []
        for child in node.children:
            parts.extend(_word(child, source))
        return tuple(parts)
    raise NotRead(kind)


def _slice(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")
