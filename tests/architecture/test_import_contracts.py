"""The import contracts hold, and their lists are complete."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts import import_contracts
from scripts.checks import tree

CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((tree.ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
}
# Heights whose modules may touch the world: they do I/O or put it together.
IMPURE = {"cli", "app", "http", "jobs", "pipeline", "adapters", "testing"}


def heights() -> set[str]:
    return {name.strip(" ()") for layer in CONTRACTS["heights"]["layers"] for name in layer.split("|")}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def test_all_contracts_are_kept() -> None:
    done = lint(tree.ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_pure_height_is_in_the_pure_contract() -> None:
    named = {name.removeprefix("gateway.") for name in CONTRACTS["pure"]["source_modules"]}
    assert named == (heights() - IMPURE) | {"policies"}


def test_every_scanned_package_has_a_contract_of_its_own() -> None:
    scanned = {
        str(path.parent).replace("/", ".")
        for path in tree.modules()
        if path.name == "registry.py" and "scan(" in (tree.ROOT / path).read_text("utf-8")
    }
    guarded = {module for c in CONTRACTS.values() if c["type"] == "unaware_plugins" for module in c["modules"]}
    assert scanned <= guarded


@pytest.mark.parametrize(
    ("file", "text", "broken"),
    [
        ("gateway/providers/aa.py", "from gateway.providers import bb", "One provider, one file"),
        ("gateway/errors.py", "import time", "there is no I/O"),
        ("gateway/wire/aa.py", "import gateway.adapters.x", "named by the composition root only"),
        ("gateway/ir/aa.py", "import gateway.routing", "Imports in gateway point down only"),
        ("gateway/attic/__init__.py", "", "Imports in gateway point down only"),
        ("policies/aa.py", "import gateway.errors", "never import gateway"),
        ("policies/bb.py", "import classifiers", "unaware of each other"),
        ("gateway/aa/__init__.py", "import sklearn", "no training code"),
    ],
)
def test_a_wrong_import_breaks_the_contract(tmp_path: Path, file: str, text: str, broken: str) -> None:
    """A contract that cannot break proves nothing: each is broken once, in a toy house with our pyproject.toml."""
    (tmp_path / "pyproject.toml").write_bytes((tree.ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "scripts").symlink_to(tree.ROOT / "scripts")
    for module in (
        *("gateway", "policies", "classifiers", "gateway/providers", "gateway/wire", "gateway/ir", "gateway/adapters"),
        "gateway/routing",
    ):
        (tmp_path / module).mkdir(parents=True, exist_ok=True)
        (tmp_path / module / "__init__.py").touch()
    for module in ("gateway/providers/bb.py", "gateway/adapters/x.py", "gateway/errors.py"):
        (tmp_path / module).touch()
    assert lint(tmp_path).returncode == 0
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text + "\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(broken in line and line.endswith("BROKEN") for line in done.stdout.splitlines()), done.stdout


@pytest.mark.parametrize(
    ("module", "plugin"),
    [("gateway.providers.vllm", True), ("gateway.providers.contract", False), ("gateway.providers._shared", False)],
)
def test_helpers_of_a_plugin_package_are_told_apart(module: str, plugin: bool) -> None:
    assert import_contracts.is_plugin(module) is plugin
