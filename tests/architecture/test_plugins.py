"""One new thing, one new file: each plug-in file declares exactly its one name and lets the type checker confirm it."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from scripts.checks import tree
from scripts.import_contracts import is_plugin

# package -> the name that each of its files declares
KINDS = {
    "gateway/providers": "PROVIDER",
    "gateway/dialects": "DIALECT",
    "gateway/harnesses": "HARNESS",
    "gateway/routing/strategies": "STRATEGY",
    "gateway/compaction/steps": "STEP",
    "policies/checks": "CHECK",
}


def modules(package: str) -> list[str]:
    """Dotted names of the plug-ins of a package: its files, and folders with an __init__.py."""
    children = {path.relative_to(package).parts[0] for path in tree.modules() if path.is_relative_to(package)}
    names = {child.removesuffix(".py") for child in children} - {"__init__"}
    return sorted(name for name in (f"{package.replace('/', '.')}.{name}" for name in names) if is_plugin(name))


PLUGINS = [(module, kind) for package, kind in KINDS.items() for module in modules(package)]


def source(module: str) -> ast.Module:
    base = tree.ROOT / module.replace(".", "/")
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    return ast.parse(path.read_text("utf-8"))


def declared(body: ast.Module) -> set[str]:
    """Public constants assigned at module level."""
    found: set[str] = set()
    for node in body.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in found if name.isupper() and not name.startswith("_")}


@pytest.mark.parametrize(("module", "kind"), PLUGINS)
def test_a_plugin_declares_its_one_name(module: str, kind: str) -> None:
    assert declared(source(module)) & set(KINDS.values()) == {kind}
    assert getattr(importlib.import_module(module), kind).name


@pytest.mark.parametrize(("module", "kind"), PLUGINS)
def test_a_plugin_ends_with_the_interface_guard(module: str, kind: str) -> None:
    last = source(module).body[-1]
    assert isinstance(last, ast.AnnAssign), f"{module} must end with `_: <Contract> = {kind}`"
    assert isinstance(last.target, ast.Name)
    assert last.target.id == "_"
    assert isinstance(last.value, ast.Name)
    assert last.value.id == kind


def test_there_are_plugins_to_look_at() -> None:
    """Guards this file against a moved package, which would leave nothing to check."""
    present = {package for package in KINDS if (tree.ROOT / package).is_dir()}
    assert {"gateway/providers", "gateway/dialects"} <= present
    for package in present:
        assert Path(tree.ROOT / package / "__init__.py").exists()
