"""A session told as a list of what happens, and what the trail says of it."""

import json

import pytest

from classifiers.features.facts import facts_of
from classifiers.features.schema import COUNT_MAX, TRAJECTORY
from classifiers.features.trajectory import FILES_MAX, OPEN_MAX, RECENT, Trail
from classifiers.features.turns import Turn


def trail_of(*happened) -> Trail:
    """A string is the human's; ("agent", text); ("call", tool, arguments); ("result", text)."""
    trail, number = Trail(), 0
    for one in happened:
        if isinstance(one, str):
            turn = Turn("human", text=one)
        elif one[0] == "agent":
            turn = Turn("agent", text=one[1])
        elif one[0] == "call":
            number += 1
            turn = Turn("call", tool=one[1], arguments=json.dumps(one[2]), id=f"c{number}")
        else:
            turn = Turn("result", text=one[1], id=f"c{number}")
        trail.feed(facts_of(turn))
    return trail


def said(trail: Trail) -> dict[str, float]:
    vector = trail.vector()
    assert len(vector) == len(TRAJECTORY)
    return {name: value for name, value in zip(TRAJECTORY, vector, strict=True) if value}


READ = ("call", "read", {"filePath": "a.py"})
EDIT = ("call", "edit", {"filePath": "a.py"})
TEST = ("call", "bash", {"command": "pytest -q"})
RED, GREEN, FINE = ("result", "1 failed in 0.1s"), ("result", "3 passed"), ("result", "fine")


def test_a_first_turn_is_all_zero():
    assert said(trail_of("fix the bug")) == {}


def test_reading_and_editing():
    found = said(trail_of("fix it", READ, FINE, ("call", "read", {"filePath": "b.py"}), FINE, EDIT, FINE))
    assert found == {
        "steps": 3, "steps_since_ask": 3, "reads": 2, "edits": 1, "distinct_read": 2, "distinct_edited": 1,
        "since_test": 3, "last_ok": 1,
    }  # fmt: skip


def test_cycles_of_edit_and_test():
    trail = trail_of("fix it", EDIT, FINE, TEST, RED, EDIT, FINE, TEST, RED)
    found = said(trail)
    assert found["tests"] == found["tests_failed"] == found["test_streak"] == 2
    assert found["cycles"] == found["cycles_failed"] == found["cycle_streak"] == 2
    assert found["error_streak"] == 1  # the edit between went well
    assert trail.failed_cycles_in_a_row == 2
    trail.feed(facts_of(Turn("call", tool="edit", arguments='{"filePath": "a.py"}', id="e")))
    trail.feed(facts_of(Turn("call", tool="bash", arguments='{"command": "pytest"}', id="t")))
    trail.feed(facts_of(Turn("result", text="3 passed", id="t")))
    assert trail.failed_cycles_in_a_row == 0
    assert said(trail)["cycles"] == 3


def test_a_test_without_an_edit_is_no_cycle():
    assert "cycles" not in said(trail_of("why is it red?", TEST, RED))


def test_the_same_call_again_is_a_repetition_until_something_is_edited():
    looping = trail_of("fix it", READ, FINE, READ, FINE, READ, FINE)
    assert said(looping)["repeats"] == looping.repeat_streak == 2
    assert "repeats" not in said(trail_of("fix it", TEST, RED, EDIT, FINE, TEST, RED))
    far = [("call", "bash", {"command": f"echo {n}"}) for n in range(RECENT)]
    assert "repeats" not in said(trail_of("x", READ, *far, READ))


def test_errors_in_a_row():
    broken = ("result", "Error: no such file")
    trail = trail_of("fix it", READ, broken, READ, broken, READ, broken)
    assert trail.error_streak == 3
    assert said(trail)["errors"] == 3
    assert said(trail)["last_error"] == 1


def test_calls_made_together_are_one_step():
    assert said(trail_of("fix it", READ, ("call", "read", {"filePath": "b.py"}), FINE, FINE))["steps"] == 1


def test_complaints_keep_the_ask_and_count():
    trail = trail_of("add a cache to the client", EDIT, FINE, "still broken", EDIT, FINE, "same error")
    assert trail.ask is not None
    assert trail.ask.words == "add a cache to the client"
    assert trail.correction == "same error"
    assert trail.corrections == 2
    trail = trail_of("add a cache", "still broken", "now write docs for the parser")
    assert trail.corrections == 0
    assert trail.ask is not None
    assert trail.ask.words == "now write docs for the parser"
    assert trail.first_ask == "add a cache"


def test_a_first_complaint_is_the_ask():
    trail = trail_of("the login is still broken")
    assert trail.ask is not None
    assert trail.ask.words == "the login is still broken"
    assert trail.corrections == 0


def test_consent_reads_the_plan_before_it():
    trail = trail_of("how would you do it?", ("agent", "Migrate all services to gRPC, one by one."), "yes, go ahead")
    assert trail.confirmed
    assert trail.plan == "Migrate all services to gRPC, one by one."
    assert trail.ask is not None
    assert trail.ask.words == "how would you do it?"
    assert not trail_of("fix it", ("agent", "plan"), "yes", "now rename foo to bar").confirmed


def test_what_a_harness_says_in_the_humans_name_is_no_ask():
    trail = trail_of(
        "What did we do so far?", ("agent", "We migrated half."), "Continue if you have next steps, or stop and ask"
    )
    assert trail.ask is None
    assert trail.resumed == 2


def test_an_answer_to_another_call_is_not_mixed_up():
    trail = Trail()
    for turn in (
        Turn("call", tool="bash", arguments='{"command": "pytest"}', id="t"),
        Turn("call", tool="read", arguments='{"path": "a"}', id="r"),
        Turn("result", text="class Failure: pass  # 1 failed", id="r"),
        Turn("result", text="1 failed", id="t"),
    ):
        trail.feed(facts_of(turn))
    assert said(trail)["tests_failed"] == 1
    assert trail.last == "test_failure"


def test_memory_and_numbers_are_bounded():
    trail = Trail()
    for number in range(3 * FILES_MAX):
        trail.feed(facts_of(Turn("call", tool="read", arguments=json.dumps({"path": f"f{number}"}), id=f"c{number}")))
        trail.feed(facts_of(Turn("agent", text="next")))
    assert len(trail._read) <= FILES_MAX
    assert len(trail._open) <= OPEN_MAX
    assert max(trail.vector()) == COUNT_MAX


@pytest.mark.parametrize("tool", ["bash", "exec_command", "run_shell_command"])
def test_the_name_of_the_shell_does_not_matter(tool):
    key = "cmd" if tool == "exec_command" else "command"
    assert said(trail_of("fix", ("call", tool, {key: "pytest"}), RED)) == said(trail_of("fix", TEST, RED))
