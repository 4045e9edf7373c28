"""Continue sends its HTTP library's user agent; others use the same library."""

from __future__ import annotations

import pytest

from gateway.harnesses import continue_cli
from gateway.harnesses.contract import LIKELY, NO, PROVEN, TOLD, Shape
from tests.unit.gateway.harnesses import shapes as s


@pytest.mark.parametrize(
    ("strength", "agent", "system", "names"),
    [
        (PROVEN, "node-fetch", s.CONTINUE_HEAD, ()),
        (TOLD, "node-fetch", "Own rules.", s.CONTINUE_TOOLS),
        (LIKELY, "ls/JS 5.23.2", "Own rules.", ("Bash",)),
        (NO, "node-fetch", "Own rules.", ("Bash",)),
        (NO, "ls/JS 5.23.2", "Own rules.", ()),
    ],
)
def test_evidence(strength: int, agent: str, system: str, names: tuple[str, ...]) -> None:
    view = s.view("chat", s.body("chat", system, [s.ASK], names))
    assert continue_cli.recognise(Shape(s.headers(agent), view, "chat")) == strength
