"""Virtual names, reserved words, aliases for Claude Code."""

import pytest

from gateway.config.names import LANES, VIRTUAL, VIRTUAL_ALIASES, claude_alias, reserved


def test_virtual_names_are_those_of_the_design():
    assert VIRTUAL == ("auto", "auto:local", "auto:mid", "auto:frontier", "auto:daemon")
    assert LANES == ("local", "mid", "frontier", "daemon")


def test_claude_code_sees_every_name():
    assert VIRTUAL_ALIASES["claude-auto-local"] == "auto:local"
    assert claude_alias("local/coder") == "claude-local-coder"
    assert claude_alias("anthropic/opus") == "anthropic/opus"
    assert all("claude" in alias for alias in VIRTUAL_ALIASES)


@pytest.mark.parametrize("name", ["auto", "AUTO", "auto:x", "claude-auto", "claude-auto-mid", "lane:mid"])
def test_reserved(name: str):
    assert reserved(name)


@pytest.mark.parametrize("name", ["automatic", "claude-opus-5-5", "local/coder", "lane"])
def test_free(name: str):
    assert reserved(name) is None
