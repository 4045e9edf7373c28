"""Continue's models keep their order behind ours; both dialects have the address form they need."""

from __future__ import annotations

import pytest
import yaml

from gateway.errors import ConfigError
from gateway.harnesses import _continue_config as config
from gateway.harnesses.continue_cli import HARNESS
from tests.unit.gateway.harnesses.connecting import edited, only, wish

FILE = """name: mine
version: 1.0.0
schema: v1
models: # all of them
  # the first
  - name: Old
    provider: openai
    model: gpt-4o
rules:
  - be brief
"""


def test_ours_comes_first_and_the_rest_stays() -> None:
    after = only(edited(HARNESS, "chat", {config.FILE: FILE}))
    data = yaml.safe_load(after)
    assert [m["name"] for m in data["models"]] == ["Interlock", "Old"]
    assert data["models"][0]["capabilities"] == ["tool_use"]
    assert all(line in after for line in FILE.splitlines())


def test_messages_needs_the_slash() -> None:
    data = yaml.safe_load(only(edited(HARNESS, "messages")))
    assert data["models"][0] | {"provider": "anthropic", "apiBase": "http://127.0.0.1:4242/v1/"} == data["models"][0]
    assert (data["version"], data["schema"]) == ("1.0.0", "v1")


def test_another_dialect_replaces_our_entry() -> None:
    first = only(edited(HARNESS, "chat", {config.FILE: FILE}))
    second = yaml.safe_load(only(edited(HARNESS, "messages", {config.FILE: first})))
    assert [(m["name"], m["provider"]) for m in second["models"]] == [("Interlock", "anthropic"), ("Old", "openai")]


@pytest.mark.parametrize(
    "text",
    [
        "name: x\n",
        "name: x\nmodels: []\n",
        "name: x\nmodels: [] # none\n",
        "models:\n- name: Old\n  model: x\nname: x\n",
        "name: x",
    ],
)
def test_shapes_of_files(text: str) -> None:
    after = only(edited(HARNESS, "chat", {config.FILE: text}))
    assert yaml.safe_load(after)["name"] == "x"


@pytest.mark.parametrize("text", ["models: [{name: a}]\n", "models: {}\n", '"models": []\n', "x: [\n"])
def test_what_cannot_be_edited_safely_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        config.edit({config.FILE: text}, wish("chat"))
