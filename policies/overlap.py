"""Whether a path that is itself a shell glob could be a path that a rule names: `cat .en*` and `**/.env`.

A wildcard at the start of a component does not count (`*.json` does not stand for `credentials.json`): whoever lists a
folder would otherwise meet every rule about a file name. Bounds: paths and patterns of 1,000 characters, so 10^6 steps
at most.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

_ANY, _INSIDE, _ONE = "**", "*", "?"
_CHARS_MAX = 1_000


def may_be(path: str, globs: Iterable[str], bases: Iterable[tuple[str, str]] = ()) -> bool:
    """`bases` are (written head, real head) pairs such as ("./", "/repo/"): a pattern that begins with the first also
    stands for the second."""
    if len(path) > _CHARS_MAX:
        return True
    left = _shell_tokens(path)
    for glob in globs:
        for form in _forms(glob, tuple(bases)):
            if _meet(left, _rule_tokens(form)):
                return True
    return False


def _forms(glob: str, bases: tuple[tuple[str, str], ...]) -> list[str]:
    return [glob, *(real + glob[len(head) :] for head, real in bases if glob.startswith(head))]


def _shell_tokens(path: str) -> tuple[str, ...]:
    tokens: list[str] = []
    for component in path.split("/"):
        if tokens or path.startswith("/"):
            tokens.append("/")
        if component[:1] == "*":
            tokens += [*component.replace("*", "\0")]  # a character that no pattern names
        else:
            tokens += _classes(component)
    return tuple(tokens[1:] if path.startswith("/") and tokens[:2] == ["/", "/"] else tokens)


@functools.lru_cache(maxsize=2048)
def _rule_tokens(glob: str) -> tuple[str, ...]:
    tokens: list[str] = []
    index = 0
    while index < len(glob):
        if glob.startswith("**/", index):
            tokens.append(_ANY)
            index += 3
        elif glob.startswith("**", index):
            tokens.append(_ANY)
            index += 2
        else:
            tokens.append(glob[index])
            index += 1
    return tuple(_join_classes(tokens))


def _classes(component: str) -> list[str]:
    return _join_classes(list(component))


def _join_classes(chars: list[str]) -> list[str]:
    """`[abc]` and `{a,b}` are read as "some characters": wider than they are, which is the safe side for a deny."""
    out: list[str] = []
    closing = ""
    for char in chars:
        if closing:
            if char == closing:
                closing = ""
        elif char in "[{" and len(char) == 1:
            closing = "]" if char == "[" else "}"
            out.append(_ONE if char == "[" else _INSIDE)
        else:
            out.append(char)
    return out


def _meet(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Whether some text fits both. Breadth first over pairs of positions."""
    seen: set[tuple[int, int]] = set()
    todo = [(0, 0)]
    while todo:
        pair = todo.pop()
        if pair in seen:
            continue
        seen.add(pair)
        i, j = pair
        if i == len(left) and j == len(right):
            return True
        todo += _next(left[i] if i < len(left) else "", right[j] if j < len(right) else "", i, j)
    return False


def _next(a: str, b: str, i: int, j: int) -> list[tuple[int, int]]:
    many = (_ANY, _INSIDE)
    out = []
    if a in many:
        out.append((i + 1, j))
        if b and _fits(a, b):
            out.append((i, j + 1))
    if b in many:
        out.append((i, j + 1))
        if a and _fits(b, a):
            out.append((i + 1, j))
    if a and b and a not in many and b not in many and (a == b or _one(a, b)):
        out.append((i + 1, j + 1))
    return out


def _fits(wild: str, other: str) -> bool:
    return wild == _ANY or other != "/"


def _one(a: str, b: str) -> bool:
    return _ONE in (a, b) and "/" not in (a, b)
