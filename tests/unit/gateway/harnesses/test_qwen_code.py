"""qwen-code borrows Claude Code's user agent on Messages; version, account and words give it away."""

from __future__ import annotations

import pytest

from gateway.harnesses import qwen_code
from gateway.harnesses.contract import NO, PROVEN, TOLD, Shape
from tests.unit.gateway.harnesses import shapes as s


@pytest.mark.parametrize(
    ("strength", "agent", "extra", "more", "names"),
    [
        (PROVEN, s.QWEN_AGENT, {}, {}, ()),
        (PROVEN, s.QWEN_CLAUDE, {"x-app": "cli"}, {}, ()),
        (TOLD, "x/1", {}, {}, s.QWEN_TOOLS),
        (NO, s.CLAUDE_AGENT, {}, {}, s.CLAUDE_TOOLS),
        (NO, s.QWEN_CLAUDE, {"x-claude-code-session-id": "5e55-0000"}, {}, ()),
        (NO, s.QWEN_CLAUDE, {}, {"metadata": {"user_id": "user_a_account__session_b"}}, ()),
    ],
)
def test_evidence(
    strength: int, agent: str, extra: dict[str, str], more: dict[str, object], names: tuple[str, ...]
) -> None:
    view = s.view("messages", s.body("messages", "Rules.", [s.ASK], names, **more))
    assert qwen_code.recognise(Shape(s.headers(agent, extra), view, "messages")) == strength
