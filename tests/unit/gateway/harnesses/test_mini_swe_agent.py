"""mini-swe-agent wraps the issue in instructions; the issue alone is the human's."""

from __future__ import annotations

from gateway.harnesses import mini_swe_agent
from gateway.harnesses.contract import LIKELY, NO, Shape
from tests.unit.gateway.harnesses import shapes as s


def test_the_issue_is_the_ask() -> None:
    text = f"Please solve this issue: {s.ASK}\n\nYou can execute bash commands and so on.\n1. First do this."
    assert mini_swe_agent.human(text) == s.ASK
    assert mini_swe_agent.human(s.ASK) == s.ASK


def test_one_bash_tool_alone_is_no_evidence() -> None:
    def strength(system: str) -> int:
        view = s.view("chat", s.body("chat", system, [s.ASK], ("bash",)))
        return mini_swe_agent.recognise(Shape(s.headers(s.PYTHON), view, "chat"))

    assert strength("You are an agent.") == NO
    assert strength("You are an assistant that can interact with a computer.") == LIKELY
