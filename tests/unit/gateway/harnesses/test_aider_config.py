"""Aider's YAML: litellm's prefix tells the dialect, the weak model is ours too."""

from __future__ import annotations

import yaml

from gateway.harnesses import _aider_config as config
from gateway.harnesses.aider import HARNESS
from tests.unit.gateway.harnesses.connecting import BASE, edited, only


def test_the_keys() -> None:
    after = only(edited(HARNESS, "chat", {config.FILE: "# mine\nauto-commits: false\nmodel: gpt-4o\n"}))
    assert after.startswith('# mine\nauto-commits: false\nmodel: "openai/auto"\n')
    data = yaml.safe_load(after)
    assert (data["model"], data["weak-model"]) == ("openai/auto", "openai/auto")
    assert data["openai-api-base"] == BASE + "/v1"
