"""What a module's source says about its own names: docstrings and comments that are gone at run time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable


def described(body: list[ast.stmt], lines: list[str]) -> Iterable[tuple[str, str]]:
    """(name, meaning) of each assignment in a module's or class's body, in order.

    The meaning is the docstring after it, else the comment at the end of its line, else the comment lines above it."""
    for node, after in zip(body, [*body[1:], None], strict=True):
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if isinstance(target, ast.Name):
            yield target.id, _docstring(after) or _comment(lines, node.lineno, node.end_lineno or node.lineno)


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return re.sub(r"\s+", " ", node.value.value).strip()
    return ""


def _comment(lines: list[str], first: int, last: int) -> str:
    """`first` and `last` count from one. A comment of dashes is a divider, not a meaning."""
    at_end = re.search(r"\s#:?\s+([^\"']*)$", lines[last - 1])
    if at_end:
        return at_end.group(1).strip()
    above: list[str] = []
    for line in reversed(lines[: first - 1]):
        match = re.match(r"\s*#:?\s?(.*)$", line)
        if not match or "---" in line:
            break
        above.insert(0, match.group(1).strip())
    return " ".join(above)
