"""Every module has its unit test: gateway/a/b.py -> tests/unit/gateway/a/test_b.py.

An `__init__.py` needs one only where it holds functions or classes of its own; its twin is
tests/unit/gateway/a/test_init.py or tests/unit/gateway/test_a.py. (After mitmproxy: test/filename_matching.py.)
"""

from __future__ import annotations

import ast
from pathlib import Path

from scripts.checks import tree

# Modules without a twin, each with the reason. Keep it short: a new line here is a decision.
EXEMPT: dict[str, str] = {
    "gateway/__main__.py": "one call of gateway.cli:main; tests of the command line go through it",
    "gateway/ports.py": "Protocols only: nothing runs; the fakes and adapters are tested against them",
}


def twins(module: Path) -> list[Path]:
    """The places where the unit test of a module may be."""
    folder = Path("tests/unit") / module.parent
    if module.name == "__init__.py":
        return [folder / "test_init.py", folder.parent / f"test_{module.parent.name}.py"]
    return [folder / f"test_{module.stem.lstrip('_')}.py"]


def holds_code(path: Path) -> bool:
    body = ast.parse(path.read_text("utf-8")).body
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in body)


def problems() -> list[str]:
    present = set(tree.files())
    found = []
    for module in tree.modules():
        if str(module) in EXEMPT or (module.name == "__init__.py" and not holds_code(tree.ROOT / module)):
            continue
        if present.isdisjoint(twins(module)):
            found.append(f"{module}: no unit test; write {twins(module)[0]}")
    return found
