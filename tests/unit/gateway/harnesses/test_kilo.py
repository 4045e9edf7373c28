"""Kilo resembles OpenCode; its own marks decide."""

from __future__ import annotations

import pytest

from gateway.harnesses import kilo
from gateway.harnesses.contract import LIKELY, NO, PROVEN, Shape
from tests.unit.gateway.harnesses import shapes as s


@pytest.mark.parametrize(
    ("strength", "agent", "extra", "names"),
    [
        (PROVEN, s.KILO_AGENT, {}, ()),
        (PROVEN, "x/1", {"x-title": "Kilo Code"}, ()),
        (LIKELY, "x/1", {}, ("kilo_local_recall",)),
        (NO, s.OPENCODE_AGENT, {}, s.OPENCODE_TOOLS),
    ],
)
def test_evidence(strength: int, agent: str, extra: dict[str, str], names: tuple[str, ...]) -> None:
    view = s.view("chat", s.body("chat", "Rules.", [s.ASK], names))
    assert kilo.recognise(Shape(s.headers(agent, extra), view, "chat")) == strength


def test_its_title_call_has_a_prefixed_session() -> None:
    assert kilo.HARNESS.session_prefixes == ("title-",)
