"""Cline sends its SDK's user agent: its words or its tools tell it, also as a sub-agent with other words."""

from __future__ import annotations

import pytest

from gateway.harnesses import cline
from gateway.harnesses.contract import LIKELY, NO, PROVEN, Shape
from tests.unit.gateway.harnesses import shapes as s


@pytest.mark.parametrize(
    ("strength", "system", "names"),
    [
        (PROVEN, s.CLINE_HEAD, ()),
        (LIKELY, "You review code.", s.CLINE_TOOLS),
        (LIKELY, "You review code.", ("team_mission_log",)),
        (NO, "You review code.", ("read_files", "bash")),
    ],
)
def test_evidence(strength: int, system: str, names: tuple[str, ...]) -> None:
    view = s.view("chat", s.body("chat", system, [s.ASK], names))
    assert cline.recognise(Shape(s.headers(s.CLINE_AGENT), view, "chat")) == strength
