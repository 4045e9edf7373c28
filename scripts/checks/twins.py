"""Every module has its unit test: gateway/a/b.py -> tests/unit/gateway/a/test_b.py, _b.py -> test_b.py or test__b.py.

A module in which nothing runs (constants, dataclasses, Protocols, a provider that is data alone) needs none. The twin of
an `__init__.py` is tests/unit/gateway/a/test_init.py or tests/unit/gateway/test_a.py. (After mitmproxy:
test/filename_matching.py.)
"""

from __future__ import annotations

import ast
from pathlib import Path

from scripts.checks import tree

# Modules without a twin, each with the reason. Keep it short: a new line here is a decision.
EXEMPT: dict[str, str] = {
    "gateway/__main__.py": "one call of gateway.cli:main; tests of the command line go through it",
}


def twins(module: Path) -> list[Path]:
    """The places where the unit test of a module may be."""
    folder = Path("tests/unit") / module.parent
    if module.name == "__init__.py":
        return [folder / "test_init.py", folder.parent / f"test_{module.parent.name}.py"]
    return [folder / f"test_{name}.py" for name in dict.fromkeys((module.stem.lstrip("_"), module.stem))]


def runs(path: Path) -> bool:
    """Whether a module holds a function or method that does something: declarations and data need no test."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return any(
        isinstance(node, functions) and not all(map(_says_nothing, node.body))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    )


def _says_nothing(statement: ast.stmt) -> bool:
    """A docstring or `...`: the body of a Protocol's method."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def problems() -> list[str]:
    present = set(tree.files())
    return [
        f"{module}: no unit test; write {twins(module)[0]}"
        for module in tree.modules()
        if str(module) not in EXEMPT and runs(tree.ROOT / module) and present.isdisjoint(twins(module))
    ]
