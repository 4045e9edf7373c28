"""Runs all selected cases in the background, two at a time, while the tests wait for theirs; prints a table at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.testing.scripted import FAULTS
from scripts.harnesses import install
from scripts.harnesses.recipes import PAIRS
from tests.harness.judged import Benches, Play, Played
from tests.harness.stage import BASELINE, Case, Outcome, Stage

GRADES = pytest.StashKey[dict[Case, str]]()
PLAYED = pytest.StashKey[dict[Play, Played]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[GRADES] = {}
    config.stash[PLAYED] = {}


def _installed() -> None:
    if absent := install.missing():
        reason = f"harnesses not installed: {', '.join(absent)}; `make test-harnesses` installs them"
        pytest.fail(reason)  # to skip them would hide a missing install


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    _installed()
    cases = [case for item in request.session.items if (case := _case_of(item)) is not None]
    stage = Stage(tmp_path_factory.mktemp("stage"))
    try:
        stage.open(sorted({case.upstream for case in cases}))
        for case in cases:
            stage.submit(case)
        yield stage
    finally:
        stage.close()


def _case_of(item: pytest.Item) -> Case | None:
    spec = getattr(item, "callspec", None)
    case = spec.params.get("case") if spec is not None else None
    return case if isinstance(case, Case) else None


@pytest.fixture
def outcome(stage: Stage, case: Case, request: pytest.FixtureRequest) -> Outcome:
    """Waits for the run of this test's case, and notes its grade for the table."""
    found = stage.futures[case.id].result()
    usual = BASELINE["runs"][case.pair]["none"]["requests"]
    request.config.stash[GRADES][case] = found.result.grade(usual)
    return found


@pytest.fixture(scope="module")
def benches(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benches]:
    _installed()
    made = Benches(tmp_path_factory.mktemp("benches"))
    try:
        made.open()
        for item in request.session.items:
            spec = getattr(item, "callspec", None)
            if spec is not None and isinstance(play := spec.params.get("play"), Play):
                made.submit(play)
        yield made
    finally:
        made.close()


@pytest.fixture
def played(benches: Benches, play: Play, request: pytest.FixtureRequest) -> Played:
    """Waits for the run of this test's play, and notes it for the table."""
    found = benches.played(play)
    request.config.stash[PLAYED][play] = found
    return found


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    _told_grades(terminalreporter, config)
    if played := config.stash[PLAYED]:
        terminalreporter.section("harnesses and a policy")
        terminalreporter.write_line(
            "| run | turns | exit code | the user read the refusal | s |\n|---|---|---|---|---|"
        )
        for play, found in played.items():
            read = "yes" if found.told else "no"
            cells = (play.id, found.turns, found.result.exit_code, read, found.result.seconds)
            terminalreporter.write_line("| " + " | ".join(map(str, cells)) + " |")


def _told_grades(terminalreporter: Any, config: pytest.Config) -> None:
    grades = config.stash[GRADES]
    if not grades:
        return
    columns = sorted(
        {(f"{case.harness}/{case.dialect}", case.upstream) for case in grades}, key=lambda c: _order(c[0], c[1])
    )
    terminalreporter.section("harnesses through the gateway (grade, and without the gateway where that differs)")
    terminalreporter.write_line("| fault | " + " | ".join(f"{pair} to {upstream}" for pair, upstream in columns) + " |")
    terminalreporter.write_line("|---" * (len(columns) + 1) + "|")
    met = {case.fault for case in grades}
    for fault in (name for name in ("", *FAULTS) if name in met):
        cells = [_cell(grades, pair, upstream, fault) for pair, upstream in columns]
        terminalreporter.write_line(f"| {fault or 'none'} | " + " | ".join(cells) + " |")


def _order(pair: str, upstream: str) -> tuple[int, str]:
    return [f"{harness}/{dialect}" for harness, dialect in PAIRS].index(pair), upstream


def _cell(grades: dict[Case, str], pair: str, upstream: str, fault: str) -> str:
    harness, _, dialect = pair.partition("/")
    grade = grades.get(Case(harness, dialect, upstream, fault))
    if grade is None:
        return ""
    direct = BASELINE["runs"][pair].get(fault or "none", {}).get("grade")
    return grade if direct in (None, grade) else f"{grade} ({direct})"
