"""docs/reference/conformance.md lists the marked tests and no others; its program can see each way to be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import conformance
from scripts.conformance import Marked

SOURCE = '''
import pytest
pytestmark = pytest.mark.case("3C.44")

@pytest.mark.case("3A.2")
@pytest.mark.case("3A.1")
async def test_first() -> None:
    """Arguments arrive whole,
    whatever their size | number.

    litellm#29491."""

class TestMore:
    @pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.case("3B.38"))])
    def test_second(self, n: int) -> None: ...

def helper() -> None: ...
'''


@pytest.fixture
def pairs(tmp_path: Path) -> list[Marked]:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text(SOURCE)
    return conformance.marked(tmp_path)


def test_the_page_lists_the_marked_tests_and_all_hold() -> None:
    assert conformance.problems() == []


def test_marks_are_read_without_running(pairs: list[Marked]) -> None:
    assert [(p.case, p.test) for p in pairs] == [
        ("3A.1", "tests/test_a.py::test_first"),
        ("3A.2", "tests/test_a.py::test_first"),
        ("3B.38", "tests/test_a.py::TestMore::test_second"),
        ("3C.44", "tests/test_a.py::TestMore::test_second"),
        ("3C.44", "tests/test_a.py::test_first"),
    ]
    assert pairs[0].claim == "Arguments arrive whole, whatever their size | number."
    assert pairs[2].claim == "second"


def test_a_right_page_has_no_problem(pairs: list[Marked]) -> None:
    page = conformance.render(pairs, {p.test: "holds" for p in pairs})
    assert conformance.problems(page, pairs) == []
    assert "4 of 55 cases hold" in page


def test_each_wrong_page_is_named(pairs: list[Marked]) -> None:
    held = {p.test: "holds" for p in pairs}
    page = conformance.render(pairs, held)
    assert any("lacks case 3C.44" in p for p in conformance.problems(conformance.render(pairs[:-1], held), pairs))
    assert any("which is gone" in p for p in conformance.problems(page, pairs[:-1]))
    failing = conformance.render(pairs, held | {pairs[0].test: "fails"})
    assert any("case 3A.1 'fails'" in p for p in conformance.problems(failing, pairs))
    assert conformance.problems(page.replace("second", "third"), pairs)


PLUGGED = """
import pytest

@pytest.mark.case("3A.1")
def test_holds() -> None: ...

@pytest.mark.case("3A.2")
@pytest.mark.parametrize("n", [0, 1])
def test_breaks(n: int) -> None:
    assert n == 0

@pytest.mark.case("3A.3")
def test_is_skipped() -> None:
    pytest.skip("why")

def test_unmarked() -> None:
    raise AssertionError("is not to be run for the page")
"""


def test_results_become_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plug-in in a pytest of its own: passed, failed in one of two parameters, skipped, not marked."""
    import subprocess
    import sys

    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text(PLUGGED)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = case(id): a case\n")
    wanted = "import scripts.conformance as c, pathlib, pytest, sys; c.marked.__defaults__ = (pathlib.Path.cwd(),);"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            wanted + "sys.exit(pytest.main(['-p', 'scripts.conformance', '--conformance-page', 'p.md']))",
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(conformance.ROOT), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed" not in done.stdout
    assert conformance.listed((tmp_path / "p.md").read_text()) == {
        ("3A.1", "tests/test_a.py::test_holds"): "holds",
        ("3A.2", "tests/test_a.py::test_breaks"): "fails",
        ("3A.3", "tests/test_a.py::test_is_skipped"): "fails",
    }
