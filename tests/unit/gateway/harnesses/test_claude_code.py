"""Claude Code is told from its headers; a client that only borrows its user agent is not it."""

from __future__ import annotations

import pytest

from gateway.harnesses import claude_code
from gateway.harnesses.contract import LIKELY, NO, PROVEN, TOLD, Shape
from tests.unit.gateway.harnesses import shapes as s


def shape(agent: str, system: str = "", extra: dict[str, str] | None = None, **more: object) -> Shape:
    return Shape(s.headers(agent, extra), s.view("messages", s.body("messages", system, ["quota"], **more)), "messages")


USER = {"user_id": "user_aa_account_bb_session_cc"}


@pytest.mark.parametrize(
    ("strength", "seen"),
    [
        (PROVEN, shape("x", extra={"x-claude-code-session-id": "s-1"})),
        (PROVEN, shape("x", s.CLAUDE_HEAD)),
        (TOLD, shape(s.CLAUDE_AGENT)),
        (TOLD, shape("x", extra={"anthropic-beta": "claude-code-20250219,x"})),
        (LIKELY, shape("x", metadata=USER)),
        (NO, shape(s.QWEN_CLAUDE)),
        (NO, shape("x")),
    ],
)
def test_evidence(strength: int, seen: Shape) -> None:
    assert claude_code.recognise(seen) == strength


def test_one_token_with_other_words_or_with_tools_is_not_its_probe() -> None:
    assert claude_code.call(shape(s.CLAUDE_AGENT, max_tokens=1)) is not None
    assert claude_code.call(shape(s.CLAUDE_AGENT, max_tokens=2)) is None
    assert claude_code.call(shape(s.CLAUDE_AGENT, max_tokens=1, tools=s.tools("messages", "Bash"))) is None
