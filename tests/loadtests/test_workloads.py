"""The table of workloads: what the quick run holds, how cells are divided."""

from __future__ import annotations

import pytest

from loadtests import cli, workloads
from loadtests.workloads import Amount


def test_every_target_of_the_project_is_measured_in_the_quick_run() -> None:
    assert {w.name: w.target for w in workloads.WORKLOADS if w.target} == {
        "small_c16": 6,
        "medium_c16": 6,
        "large_c4": 7,
        "burst": 2.5,
        "stream_c8": 3,
        "tool_c8": 4,
        "session": 4,
    }
    assert all(w.quick for w in workloads.WORKLOADS if w.target)


def test_the_mock_knows_every_model() -> None:
    every = (*workloads.WORKLOADS, workloads.SLOW, workloads.SLOW_SHORT, workloads.SOAK)
    assert {w.model for w in every} == set(workloads.MODELS)


@pytest.mark.parametrize(
    ("name", "complete", "units"),
    [("small_c16", 700, 700), ("burst", 30, 6000), ("tool_c8", 32, 1600), ("session", 160, 4)],
)
def test_cpu_is_divided_by_requests_deltas_or_sessions(name: str, complete: int, units: float) -> None:
    assert workloads.by_name(name).units(complete, Amount(requests=4)) == units


def test_nothing_complete_has_no_units() -> None:
    assert all(w.units(0, w.full) == 0 for w in workloads.WORKLOADS)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no workload 'smal'.*small_c16"):
        cli.chosen("quick", "smal")


def test_the_quick_run_takes_the_short_amounts_and_the_full_run_everything() -> None:
    quick, full = cli.chosen("quick", ""), cli.chosen("full", "")
    assert [w.name for w, _ in full] == [w.name for w in workloads.WORKLOADS]
    assert all(amount == w.quick for w, amount in quick)
    assert [w.name for w, _ in cli.chosen("quick", "small_c64,burst")] == ["small_c64", "burst"]


def test_the_command_that_is_published_names_no_file_of_this_machine() -> None:
    words = ["full", "--json", "a/b.json", "--rounds", "2", "--gateway-root=../other", "--write"]
    assert cli.without_paths(words) == ["full", "--rounds", "2", "--write"]
