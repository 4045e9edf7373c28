"""Set a value inside JSON with comments, as text: what is not addressed stays byte for byte, comments and order included.

Knows JSONC as editors write it: `//` and `/* */` comments, trailing commas. Any other file is refused with its place.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import ConfigError
from gateway.harnesses.contract import unreadable

_SKIP: Final = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_SCALAR: Final = re.compile(r"-?\d[\d.eE+-]*|true|false|null")
DEPTH_MAX: Final = 64


@dataclass(slots=True)
class Node:
    """A value and where it stands. `members`: of an object, key to its value; `items`: of an array."""

    start: int
    end: int
    value: Any
    members: dict[str, Node] | None = None
    trailing_comma: bool = False
    last_end: int = -1
    """End of the last member, before any comma."""


def parse(text: str, where: str) -> Node:
    """The document; an empty one is an empty object. ConfigError with line and column otherwise."""
    reader = _Reader(text, where)
    start = reader.skip(0)
    if start == len(text):
        return Node(start, start, {}, {})
    node = reader.value(start, 0)
    if reader.skip(node.end) != len(text):
        raise reader.error(node.end, "something follows the document")
    return node


class _Reader:
    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where

    def error(self, at: int, why: str) -> ConfigError:
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        return unreadable(self.where, "JSON with comments", f"{why} at line {line}, column {column}")

    def skip(self, at: int) -> int:
        found = _SKIP.match(self.text, at)
        return found.end() if found else at

    def value(self, at: int, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise self.error(at, "nested too deeply")
        sign = self.text[at : at + 1]
        if sign == "{":
            return self._object(at, depth)
        if sign == "[":
            return self._array(at, depth)
        found = (_STRING if sign == '"' else _SCALAR).match(self.text, at)
        if found is None:
            raise self.error(at, "expected a value")
        try:
            return Node(at, found.end(), json.loads(found[0]))
        except ValueError:
            raise self.error(at, "expected a value") from None

    def _object(self, at: int, depth: int) -> Node:
        node = Node(at, at, {}, {}, last_end=at + 1)
        assert node.members is not None
        place = self.skip(at + 1)
        while self.text[place : place + 1] != "}":
            key = _STRING.match(self.text, place)
            if key is None:
                raise self.error(place, "expected a key in double quotes")
            colon = self.skip(key.end())
            if self.text[colon : colon + 1] != ":":
                raise self.error(colon, "expected a colon")
            member = self.value(self.skip(colon + 1), depth + 1)
            name = json.loads(key[0])
            node.members[name], node.value[name] = member, member.value
            place = self._next(node, member.end, "}")
        node.end = place + 1
        return node

    def _array(self, at: int, depth: int) -> Node:
        node = Node(at, at, [], last_end=at + 1)
        place = self.skip(at + 1)
        while self.text[place : place + 1] != "]":
            item = self.value(place, depth + 1)
            node.value.append(item.value)
            place = self._next(node, item.end, "]")
        node.end = place + 1
        return node

    def _next(self, node: Node, end: int, closing: str) -> int:
        """Over the comma after a member, if any."""
        node.last_end, node.trailing_comma = end, False
        place = self.skip(end)
        sign = self.text[place : place + 1]
        if sign == ",":
            node.last_end, node.trailing_comma = place + 1, True
            return self.skip(place + 1)
        if sign != closing:
            raise self.error(place, f"expected a comma or {closing}")
        return place


def get(text: str | None, path: tuple[str, ...], where: str = "file") -> Any:
    """The value at `path`; None if it is not there."""
    value: Any = parse(text or "", where).value
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value


def put(text: str | None, path: tuple[str, ...], value: Any, where: str = "file") -> str:
    """The text with `value` at `path`; objects on the way are made. Unchanged if it says so already. ConfigError when
    something on the way is no object."""
    text = text or ""
    root = parse(text, where)
    if root.start == root.end:
        return text + json.dumps(_nested(path, value), indent=2, ensure_ascii=False) + "\n"
    node, depth = root, 0
    while True:
        if node.members is None:
            raise unreadable(where, "a settings file", f"{'.'.join(path[:depth]) or 'the document'} is no object")
        member = node.members.get(path[depth])
        if member is None:
            return _inserted(text, node, path[depth], _nested(path[depth + 1 :], value), depth)
        depth += 1
        if depth == len(path):
            return text if member.value == value else _spliced(text, member.start, member.end, value, depth)
        node = member


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _indent(text: str) -> str:
    """One step of indentation as the file has it; two spaces when it cannot be told."""
    found = re.search(r"\{[^\n]*\n([ \t]+)\S", text)
    return found[1] if found else "  "


def _render(text: str, value: Any, depth: int) -> str:
    step = _indent(text)
    lines = json.dumps(value, indent=step, ensure_ascii=False).split("\n")
    return ("\n" + step * depth).join(lines)


def _spliced(text: str, start: int, end: int, value: Any, depth: int) -> str:
    return text[:start] + _render(text, value, depth) + text[end:]


def _inserted(text: str, node: Node, key: str, value: Any, depth: int) -> str:
    """After the last member; a comment on its line stays with it."""
    member = f"{json.dumps(key, ensure_ascii=False)}: {_render(text, value, depth + 1)}"
    step = _indent(text)
    if not node.members:
        return f"{text[: node.start]}{{\n{step * (depth + 1)}{member}\n{step * depth}}}{text[node.end :]}"
    comma = "" if node.trailing_comma else ","
    rest = re.match(r"[ \t]*(?://[^\n]*|/\*[^\n]*?\*/[ \t]*)?(?=\n)", text[node.last_end : node.end])
    after = node.last_end + (rest.end() if rest else 0)
    head = text[: node.last_end] + comma + text[node.last_end : after]
    tail = text[after:]
    if "\n" not in text[node.start : node.end]:
        return f"{head} {member}{',' if node.trailing_comma else ''}{tail}"
    return f"{head}\n{step * (depth + 1)}{member}{',' if node.trailing_comma else ''}{tail}"
