"""pi sends its SDK's user agent; its words tell it, its four tools hint at it."""

from __future__ import annotations

import pytest

from gateway.harnesses import pi
from gateway.harnesses.contract import LIKELY, NO, PROVEN, TOLD, Shape
from tests.unit.gateway.harnesses import shapes as s


@pytest.mark.parametrize(
    ("strength", "agent", "system", "names"),
    [
        (PROVEN, "OpenAI/JS 6.26.0", s.PI_HEAD, ()),
        (TOLD, "pi-coding-agent", "Rules.", ()),
        (LIKELY, "OpenAI/JS 6.26.0", "Rules.", s.PI_TOOLS),
        (NO, "OpenAI/JS 6.26.0", "Rules.", (*s.PI_TOOLS, "grep")),
    ],
)
def test_evidence(strength: int, agent: str, system: str, names: tuple[str, ...]) -> None:
    view = s.view("chat", s.body("chat", system, [s.ASK], names))
    assert pi.recognise(Shape(s.headers(agent), view, "chat")) == strength


def test_a_branch_summary_is_not_a_compaction() -> None:
    system = "You are a context summarization assistant. Your task is to read a conversation between a user and an AI."
    view = s.view(
        "chat", s.body("chat", system, ["Create a structured summary of this conversation branch for later."])
    )
    assert pi.HARNESS.call(Shape(s.headers("x/1"), view, "chat")) == ("summary", "asks for a branch summary")
