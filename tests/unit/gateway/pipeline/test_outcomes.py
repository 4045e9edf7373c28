"""What later requests tell of an earlier decision."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.ir.exchange import Decision, Exchange, Hop, Identity, Labels, Move, Plan
from gateway.pipeline import outcomes
from gateway.sessions.state import Decided
from tests.unit.gateway.pipeline.made import exchange

BEFORE = Decided("req_1", "box", tests=1, tests_failed=1)
AUTO = Plan((Hop("box", "local", ""),), "default", True, "", (), Decision())
NAMED = Plan((Hop("opus", "frontier", ""),), "named", False, "")


def asked(call: Any = "main", messages: list[dict[str, Any]] | None = None, **signals: int) -> Exchange:
    body = {"messages": messages or [{"role": "user", "content": "hi"}]}
    return exchange(body, labels=Labels(call=call, signals=signals), identity=Identity("key"))


def kinds(made: Exchange, plan: Plan = AUTO, before: Decided | None = BEFORE) -> list[tuple[str, float]]:
    return [(s.kind, s.value) for s in outcomes.seen(made, plan, before)]


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ({"tests": 1, "tests_failed": 1}, []),
        ({"tests": 2, "tests_failed": 1}, [("tests_pass", 1.0)]),
        ({"tests": 2, "tests_failed": 2, "failed_cycles": 1}, [("tests_fail", -1.0)]),
        ({"tests": 3, "tests_failed": 1, "failed_cycles": 1}, [("tests_fail", -1.0)]),
    ],
)
def test_checks(signals: dict[str, int], expected: list[tuple[str, float]]) -> None:
    assert kinds(asked("tool_result", **signals)) == expected


def test_a_complaint_counts_while_it_is_near() -> None:
    counts = {"tests": 1, "tests_failed": 1, "corrections": 1}
    assert kinds(asked(**counts)) == [("re_ask", -1.0)]
    far = Decided("req_1", "box", asks=outcomes.ASKS_MAX, tests=1, tests_failed=1)
    assert kinds(asked(**counts), before=far) == []
    assert kinds(asked("tool_result", **counts)) == [], "nobody spoke"


def test_another_model_by_name_is_a_sign_the_same_one_is_none() -> None:
    quiet = asked(tests=1, tests_failed=1)
    assert kinds(quiet, NAMED) == [("model_switch", -1.0)]
    assert kinds(quiet, Plan((Hop("box", "local", ""),), "named", False, "")) == []


@pytest.mark.parametrize(
    ("command", "undone"),
    [
        ("git checkout -- a.py", True),
        ("git checkout HEAD~1 a.py", True),
        ("git checkout .", True),
        ("GIT RESTORE a.py", True),
        ("git revert abc", True),
        ("git reset --hard HEAD~1", True),
        ("git stash", True),
        ("/Rewind", True),
        ("undo_edit", True),
        ("git checkout -b new", False),
        ("git status", False),
        ("ls", False),
    ],
)
def test_work_taken_back(command: str, undone: bool) -> None:
    function = {"name": "bash", "arguments": f'{{"command": "{command}"}}'}
    call = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}
    assert (
        outcomes.undone(asked("tool_result", [call, {"role": "tool", "tool_call_id": "c", "content": "x"}])) is undone
    )
    told = [{"role": "user", "content": f"what does {command} do?"}]
    assert not outcomes.undone(asked("main", told))


def test_without_a_decision_nothing_is_seen() -> None:
    assert kinds(asked(tests=9), before=None) == []


def test_what_names_the_request_and_the_key() -> None:
    (found,) = outcomes.seen(asked(tests=2, tests_failed=1), AUTO, BEFORE)
    assert (found.request_id, found.by, found.key_id) == ("req_1", "req_abc", "key")


def test_an_ask_is_a_new_decision_a_complaint_is_not() -> None:
    new = outcomes.decided(asked(tests=4), AUTO, "box", BEFORE)
    assert new == Decided("req_abc", "box", tests=4)
    complaint = outcomes.decided(asked(corrections=1, tests=4), AUTO, "box", BEFORE)
    assert complaint == Decided("req_1", "box", asks=1, tests=4, corrections=1)
    assert outcomes.decided(asked("title"), AUTO, "box", BEFORE) is None
    assert outcomes.decided(asked("tool_result"), NAMED, "opus", None) is None


def test_a_turn_that_tells_nothing_new_leaves_what_is_remembered() -> None:
    quiet = asked("tool_result", tests=1, tests_failed=1)
    assert outcomes.decided(quiet, AUTO, "box", BEFORE) is None
    assert outcomes.decided(asked("tool_result", tests=2, tests_failed=1), AUTO, "box", BEFORE) == Decided(
        "req_1", "box", tests=2, tests_failed=1
    )


def test_a_move_is_a_decision_too() -> None:
    move = Move("box", "flash", "evidence", True, "")
    plan = Plan(AUTO.hops, "default", False, "", (), Decision(move=move))
    found = outcomes.decided(asked("tool_result", corrections=1), plan, "flash", BEFORE)
    assert found == Decided("req_abc", "flash", corrections=1)
