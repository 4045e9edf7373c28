"""Claude Code's settings: the address without /v1, the models under names it lists."""

from __future__ import annotations

import json

from gateway.harnesses import _claude_config as config
from gateway.harnesses.claude_code import HARNESS
from tests.unit.gateway.harnesses.connecting import BASE, edited, only, wish


def test_the_variables() -> None:
    env = json.loads(only(edited(HARNESS, "messages", {config.FILE: '{"permissions": {"allow": ["Read"]}}'})))["env"]
    assert env["ANTHROPIC_BASE_URL"] == BASE
    assert env["ANTHROPIC_AUTH_TOKEN"] == "sk-local"
    assert env["ANTHROPIC_MODEL"] == "claude-auto"
    assert env["CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY"] == "1"
    assert "ENABLE_TOOL_SEARCH" not in env


def test_a_claude_name_stays_and_a_lane_gets_its_alias() -> None:
    for model, alias in (("claude-opus-5-5", "claude-opus-5-5"), ("auto:local", "claude-auto-local")):
        assert json.loads(only(edited(HARNESS, "messages", model=model)))["env"]["ANTHROPIC_MODEL"] == alias


def test_the_user_is_told_about_the_login() -> None:
    assert "login" in config.notes(wish("messages"))[0]
