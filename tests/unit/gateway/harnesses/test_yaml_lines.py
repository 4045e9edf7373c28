"""Editing top-level YAML keys as text: comments stay, and what cannot be edited safely is refused."""

from __future__ import annotations

import pytest
import yaml

from gateway.errors import ConfigError
from gateway.harnesses import _yaml_lines

FILE = "# mine\nmodel: gpt-4o  # my favourite\ndark-mode: true\nread: [a.md, b.md]\n"


def test_values_change_in_their_lines_and_comments_stay() -> None:
    after = _yaml_lines.put(FILE, {"model": "openai/auto", "weak-model": "x"}, "f")
    assert after == FILE.replace("gpt-4o", '"openai/auto"') + 'weak-model: "x"\n'


@pytest.mark.parametrize("text", ["", "a: 1", "# c\n", "model:\n", "---\na: 1\n"])
def test_small_files(text: str) -> None:
    after = _yaml_lines.put(text, {"model": "m: #1", "flag": False}, "f")
    assert yaml.safe_load(after) == {**(yaml.safe_load(text) or {}), "model": "m: #1", "flag": False}
    assert _yaml_lines.put(after, {"model": "m: #1", "flag": False}, "f") == after


@pytest.mark.parametrize(
    "text", ["model: |\n  two\n  lines\n", "{model: x}\n", '"model": x\n', "a: 1\n...\n---\nb: 2\n"]
)
def test_what_cannot_be_edited_safely_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        _yaml_lines.put(text, {"model": "m"}, "f")


@pytest.mark.parametrize("text", ["a: [", "- x\n", "just words"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="Nothing was changed"):
        _yaml_lines.put(text, {"model": "m"}, "f")
