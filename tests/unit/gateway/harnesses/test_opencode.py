"""OpenCode is told by user agent or words; its tools alone are shared with its relatives."""

from __future__ import annotations

import pytest

from gateway.harnesses import opencode
from gateway.harnesses.contract import LIKELY, NO, PROVEN, Shape
from tests.unit.gateway.harnesses import shapes as s


@pytest.mark.parametrize(
    ("strength", "agent", "extra", "system"),
    [
        (PROVEN, s.OPENCODE_AGENT, {}, "Rules."),
        (PROVEN, "x/1", {}, s.OPENCODE_HEAD),
        (LIKELY, "x/1", s.OPENCODE_SESSION, "Rules."),
        (NO, "x/1", {}, "Rules."),
    ],
)
def test_evidence(strength: int, agent: str, extra: dict[str, str], system: str) -> None:
    view = s.view("chat", s.body("chat", system, [s.ASK], s.OPENCODE_TOOLS))
    assert opencode.recognise(Shape(s.headers(agent, extra), view, "chat")) == strength
