"""smolagents is told by its words; the task it repeats is the human's."""

from __future__ import annotations

from gateway.harnesses import smolagents
from gateway.harnesses.contract import LIKELY, NO, Shape
from tests.unit.gateway.harnesses import shapes as s


def test_the_task_is_the_ask() -> None:
    assert smolagents.HARNESS.human(f"New task:\n{s.ASK}") == s.ASK


def test_evidence() -> None:
    for names, strength in ((("final_answer", "x"), LIKELY), (("x",), NO)):
        view = s.view("chat", s.body("chat", "Rules.", [s.ASK], names))
        assert smolagents.recognise(Shape(s.headers(s.PYTHON), view, "chat")) == strength
