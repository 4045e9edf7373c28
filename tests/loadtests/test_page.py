"""The page and the table say what was measured, and as plainly what was not reached."""

from __future__ import annotations

import json

import pytest

from loadtests import page, report
from loadtests.report import Run
from loadtests.runner import Cell, added_ms, cpu_ratios


def cell(workload: str, target: str, number: int, cpu_ms: float, **more: object) -> Cell:
    """A cell of 100 requests (or deltas) that cost `cpu_ms` each."""
    values: dict[str, object] = {
        "complete": 100, "errors": 0, "trouble": "", "rps": 50.0, "p50": 1.0, "p99": 2.0, "ttft": 0.5, "gap_p99": 6.0,
        "events_per_answer": 204.0, "cpu_s": cpu_ms / 10, "units": 100, "rss_before": 100.0, "rss_peak": 120.0,
        "rss_after": 101.0, "seconds": 2.0,
    }  # fmt: skip
    return Cell(workload=workload, target=target, round=number, **(values | more))  # type: ignore[arg-type]


@pytest.fixture
def run() -> Run:
    """Round 1 on a machine twice as slow as in round 2: small at 5x, large at 8x, one slow stream lost."""
    made = Run("full", (), 1_790_000_000.0, (0.1, 0.2, 0.3), command="python -m loadtests full")
    made.versions = {"nginx": "1.22.1", "interlock": "abc123"}
    made.first_answer_s = {"nginx": 0.02, "interlock": 1.5}
    made.idle_mib = {"nginx": 10.0, "interlock": 160.0}
    cells = []
    for number, slow in enumerate((2.0, 1.0)):
        cells += [
            cell("small_c16", "direct", number, 0.0, p50=0.25 * slow),
            cell("small_c16", "nginx", number, 0.02 * slow),
            cell("small_c16", "interlock", number, 0.1 * slow, p50=3.25 * slow),
            cell("large_c4", "nginx", number, 0.1 * slow),
            cell("large_c4", "interlock", number, 0.8 * slow),
            cell("session", "nginx", number, 5.0),
            cell("session", "interlock", number, 15.0, turns_us=[900.0, *[300.0] * 34, *[450.0] * 5]),
        ]
    cells.append(
        cell(
            "slow_1000",
            "interlock",
            0,
            0.1,
            errors=1,
            trouble="1 closed; status -: ''",
            rss_peak=115.0,
            concurrency=1000,
        )
    )
    made.ended(cells, 2)
    return made


def test_ratios_are_those_inside_the_rounds(run: Run) -> None:
    assert cpu_ratios(run.cells, "small_c16")["interlock"] == pytest.approx(5.0)
    assert cpu_ratios(run.cells, "large_c4")["interlock"] == pytest.approx(8.0)


def test_added_latency_is_over_the_direct_run(run: Run) -> None:
    assert added_ms(run.cells, "small_c16", lambda c: c.p50)["interlock"] == pytest.approx(4.5)


def test_what_is_not_reached_is_said(run: Run) -> None:
    rows = {row[0]: row[-1] for row in report.target_rows(run)}
    assert rows == {
        "small_c16": "reached",
        "large_c4": "NOT reached",
        "session": "reached",
        "slow_1000": "NOT reached",  # 15 KiB are few enough, but a stream was lost
        "idle RSS": "NOT reached",
        "start to first answer": "reached",
    }


def test_the_gate_sees_the_same_figures(run: Run) -> None:
    figures = run.figures()
    assert figures.cpu == {"small_c16": pytest.approx(5), "large_c4": pytest.approx(8), "session": pytest.approx(3)}
    assert figures.memory == {"idle_mib": 160.0, "start_s": 1.5, "slow_stream_kib": pytest.approx(15 * 1.024)}
    assert figures.errors["slow_1000"] == 1


def test_the_page_names_date_machine_command_versions_and_misses(run: Run) -> None:
    text = page.render(run)
    assert "2026-09-21" in text
    assert "`python -m loadtests full`" in text
    assert "nginx 1.22.1, Interlock abc123" in text
    assert report.cpu_model() in text
    assert "| large_c4 | 8.00x | 8.00-8.00 | ≤ 7x | NOT reached |" in text
    assert "Interlock, `slow_1000`: 1 failed (1 closed)" in text
    assert "not measured in this run: medium_c16, burst, stream_c8, tool_c8" in text
    assert "turns 2-6 take 300 µs of CPU each, turns 36-40 450 µs" in text


def test_the_terminal_shows_ratios_and_absolute_figures(run: Run) -> None:
    text = report.terminal(run)
    assert "large_c4" in text
    assert "NOT reached" in text
    assert "errors: interlock slow_1000: 1" in text


def test_direct_has_no_cpu_of_its_own(run: Run) -> None:
    text = page.absolute(run)
    assert "| `small_c16` | 0.030 ms | 0.150 ms |" in text
    assert "direct" not in text


def test_all_that_was_measured_can_be_written_as_json(run: Run) -> None:
    kept = json.loads(run.as_json())
    assert len(kept["cells"]) == len(run.cells)
    assert kept["machine"] == report.machine()
