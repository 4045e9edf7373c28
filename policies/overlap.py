"""Whether a path that is itself a shell glob could be a path that a rule names: `cat .en*` and `**/.env`.

A wildcard at the start of a component does not count (`*.json` does not stand for `credentials.json`): whoever lists a
folder would otherwise meet every rule about a file name. For the same reason the two must share two characters in that
component, or the dot in front (`.e*` and `.env`, `key.p*` and `*.pem`; not `c*` and `credentials.json`, `test.*` and
`*.pem`). Bounds: paths and patterns of 1,000 characters, so 6 * 10^6 steps at most.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

_ANY, _INSIDE, _ONE = "**", "*", "?"
_CHARS_MAX = 1_000
_SHARED = 2
"""Characters of a component that a pattern and a rule must share for the pattern to count."""
_State = tuple[int, int, bool, int]


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
    """Whether some text fits both. Breadth first over pairs of positions and what held in the component so far: whether
    the shell's wildcard stood for characters of the rule, and how many characters stand in both."""
    seen: set[_State] = set()
    todo: list[_State] = [(0, 0, False, 0)]
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        i, j, used, shared = state
        if i == len(left) and j == len(right):
            if shared >= _SHARED or not used:
                return True
            continue
        first = i == 0 or left[i - 1] == "/"
        todo += _next(left[i] if i < len(left) else "", right[j] if j < len(right) else "", state, first)
    return False


def _next(a: str, b: str, state: _State, first: bool) -> list[_State]:
    """`first`: `a` begins a component."""
    i, j, used, shared = state
    many = (_ANY, _INSIDE)
    sure = shared >= _SHARED or not used
    out: list[_State] = []
    if a in many:
        out.append((i + 1, j, used, shared))
        if b and _fits(a, b):
            out.append((i, j + 1, used or b not in many, shared))
    if b in many:
        out.append((i, j + 1, used, shared))
        if a and _fits(b, a) and (a != "/" or sure):
            out.append((i + 1, j, False, 0) if a == "/" else (i + 1, j, used, shared))
    if a and b and a not in many and b not in many and (a == b or _one(a, b)):
        if a != "/":
            same = (_SHARED if first and a == "." else 1) if a == b else 0
            out.append((i + 1, j + 1, used or a == _ONE, min(_SHARED, shared + same)))
        elif sure:
            out.append((i + 1, j + 1, False, 0))
    return out


def _fits(wild: str, other: str) -> bool:
    return wild == _ANY or other != "/"


def _one(a: str, b: str) -> bool:
    return _ONE in (a, b) and "/" not in (a, b)
