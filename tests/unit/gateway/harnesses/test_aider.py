"""Aider is told by its words alone, and only where it can be."""

from __future__ import annotations

import pytest

from gateway.harnesses import aider
from gateway.harnesses.contract import LIKELY, NO, PROVEN, Shape
from tests.unit.gateway.harnesses import shapes as s


def shape(agent: str, system: str, names: tuple[str, ...] = (), dialect: str = "chat") -> Shape:
    body = s.body(dialect, system, [s.ASK + s.AIDER_RULES], names)
    return Shape(s.headers(agent), s.view(dialect, body), s.seen_dialect(dialect))


@pytest.mark.parametrize(
    ("strength", "seen"),
    [
        (PROVEN, shape(s.PYTHON, s.AIDER_HEAD)),
        (LIKELY, shape("curl/8", s.AIDER_HEAD)),
        (PROVEN, shape("aider/0.90", "x")),
        (PROVEN, shape("curl/8", "Write concise, one-line Git commit messages based on the provided diffs.")),
        (NO, shape(s.PYTHON, s.AIDER_HEAD, ("bash",))),
        (NO, shape(s.PYTHON, s.AIDER_HEAD, (), "messages")),
        (NO, shape(s.PYTHON, "You are an agent.")),
    ],
)
def test_evidence(strength: int, seen: Shape) -> None:
    assert aider.recognise(seen) == strength


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (s.ASK, s.ASK + s.AIDER_RULES),
        (s.ASK, s.ASK + "\n\nTo suggest changes to a file you MUST return all of it."),
        (s.ASK, s.ASK + "\n\nReply in English.\n"),
        ("", "I have *added these files to the chat* so you see them."),
        ("", "Change get_factorial() to use math.factorial"),
        ("Reply in English. Also rename x", "Reply in English. Also rename x"),
    ],
)
def test_the_humans_words(ask: str, text: str) -> None:
    assert aider.human(text) == ask
