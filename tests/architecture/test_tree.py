"""Rules about the tree that `make check` also runs, and proofs that each of them can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import locks
from scripts.checks import addresses, changelog, tree, twins


def test_every_module_has_its_unit_test() -> None:
    assert twins.problems() == []


def test_no_registry_host_and_no_machine_path() -> None:
    assert addresses.problems() == []


def test_the_changelog_fits_the_version() -> None:
    assert changelog.problems() == []


def test_the_locks_fit_the_project() -> None:
    assert locks.problems() == []


def test_no_base_http_middleware() -> None:
    """It doubles CPU per event and hides disconnects (DESIGN decision 3); the linter's ban cannot see a re-export."""
    word = b"BaseHTTP" + b"Middleware"
    guilty = [str(path) for path in tree.modules() if word in (tree.ROOT / path).read_bytes()]
    assert guilty == []


def test_every_exempt_module_exists_or_is_to_come() -> None:
    for module, reason in twins.EXEMPT.items():
        assert reason
        assert not (tree.ROOT / "tests/unit" / module).with_name(f"test_{Path(module).stem}.py").exists(), module


@pytest.mark.parametrize(
    ("text", "running"),
    [
        ("def f(): return 1", True),
        ("class A:\n    def f(self):\n        return 1", True),
        ("class P:\n    def f(self) -> int:\n        '''Says what.'''", False),
        ("class P:\n    async def f(self) -> int: ...", False),
        ("LIMIT = 3", False),
    ],
)
def test_only_modules_that_run_something_need_a_twin(tmp_path: Path, text: str, running: bool) -> None:
    path = tmp_path / "m.py"
    path.write_text(text)
    assert twins.runs(path) is running


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# Changelog\n", "the first section"),
        ("## [Unreleased]\n", "says nothing"),
        ("## [Unreleased]\n- x\n## [0.2.0] - 2026-01-01\n", "newest release is 0.2.0"),
        ("## [Unreleased]\n## [0.1.0]\n", "a release has a date"),
        ("## [Unreleased]\n### Stuff\n- x\n", "a section is one of"),
        ("## [Unreleased]\n## [0.0.1] - 2026-01-01\n## [0.1.0] - 2026-01-02\n", "falling order"),
        ("## [Unreleased]\n- x\n## v1\n", "write '## [Unreleased]'"),
    ],
)
def test_a_wrong_changelog_is_named(text: str, problem: str) -> None:
    assert any(problem in line for line in changelog.problems("# C\n\n" + text, "0.1.0")), text


@pytest.mark.parametrize("line", [f"https://{addresses.HOSTS[0]}/simple", "/root/" + ".cache/x", "/work/" + "main/x"])
def test_an_address_is_found(line: str) -> None:
    assert addresses.PATTERN.search(line.encode())


def test_the_check_program_names_its_checks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.check", "nonsense"],
        cwd=tree.ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "mypy" in done.stderr
