"""The default policy on the command sets of tests/data/policies: what the issue asks for, on both halves. What each question
counts is said in scripts/policy_figures.py; `python -m scripts.policy_figures` prints the table."""

import pytest

from scripts.policy_figures import cases, half, tallies
from tests.support.shell import parser

DENIED_MIN, OVERBLOCKED_MAX, UNSAFE_MAX = 0.97, 0.05, 0.005


@pytest.fixture(scope="module", params=["tune", "held-out"])
def found(request):
    out: dict[str, dict[str, int]] = {}
    for (question, _), tally in tallies(request.param, parser()).items():
        held = out.setdefault(question, {"total": 0, "allow": 0, "ask": 0, "deny": 0})
        held["total"] += tally.total
        for decision, count in tally.counts.items():
            held[decision] += count
    return out


def test_own_cases_come_out_as_written(found):
    assert found["own: deny"]["deny"] == found["own: deny"]["total"] > 250
    assert found["own: not allow"]["allow"] == 0 < found["own: not allow"]["total"]
    assert found["own: harmless"]["allow"] == found["own: harmless"]["total"] > 50


def test_no_case_that_must_be_denied_is_allowed(found):
    held = found["deny cases"]
    assert held["allow"] == 0
    assert held["total"] > 200
    assert held["deny"] / held["total"] >= DENIED_MIN


def test_what_changes_something_is_not_allowed(found):
    held = [found["changing cases"], found["risky cases"]]
    total = sum(item["total"] for item in held)
    assert total > 200
    assert sum(item["allow"] for item in held) / total <= UNSAFE_MAX


def test_harmless_commands_pass(found):
    held = found["harmless"]
    assert held["total"] > 200
    assert 1 - held["allow"] / held["total"] <= OVERBLOCKED_MAX


def test_the_halves_do_not_meet():
    tune = {case.command for case in cases("tune") if case.set != "own"}
    held_out = {case.command for case in cases("held-out") if case.set != "own"}
    assert tune.isdisjoint(held_out)
    assert all(half(command) == "held-out" for command in held_out)
