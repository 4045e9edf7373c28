"""The regression gate trips on what it should, and on nothing else."""

from __future__ import annotations

import math

from loadtests import gate, workloads

LIMITS = {"cpu": {"small_c16": 6.0}, "memory": {"idle_mib": 150.0}}


def found(cpu: float, idle: float = 100.0, errors: int = 0) -> gate.Figures:
    return gate.Figures({"small_c16": cpu, "ungated": 99.0}, {"idle_mib": idle}, {"small_c16": errors})


def test_within_the_limits_nothing_is_said() -> None:
    assert gate.exceeded(found(6.0), LIMITS) == []


def test_each_limit_that_is_exceeded_is_named() -> None:
    assert gate.exceeded(found(6.01, 151), LIMITS) == [
        "small_c16: 6.01, the gate is 6",
        "idle_mib: 151.00, the gate is 150",
    ]


def test_a_failed_request_trips_the_gate_whatever_the_figures() -> None:
    assert gate.exceeded(found(1.0, errors=1), LIMITS) == ["small_c16: 1 requests failed"]


def test_a_figure_that_could_not_be_told_trips_the_gate() -> None:
    assert gate.exceeded(found(math.nan), LIMITS) == ["small_c16: nan, the gate is 6"]


def test_what_was_not_measured_is_not_gated() -> None:
    assert gate.exceeded(gate.Figures({}, {}, {}), LIMITS) == []


def test_the_file_gates_every_workload_of_the_quick_run() -> None:
    allowed = gate.limits()
    assert set(allowed["cpu"]) == {w.name for w in workloads.WORKLOADS if w.quick}
    assert set(allowed["memory"]) == {"slow_stream_kib", "idle_mib", "start_s"}
    assert all(limit > 0 for part in allowed.values() for limit in part.values())
