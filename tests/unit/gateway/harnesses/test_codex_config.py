"""Codex's config.toml keeps its comments, its order and its other providers."""

from __future__ import annotations

import tomllib

import pytest

from gateway.errors import ConfigError
from gateway.harnesses import _codex_config as codex
from gateway.harnesses.codex import HARNESS
from tests.unit.gateway.harnesses.connecting import edited, only, wish

FILE = """# my codex
model = "gpt-6.1" # the big one
approval_policy = "never"

[model_providers.mine]
name = "mine"
base_url = "https://example.test/v1"

[projects."/w"]
trust_level = "trusted"
"""


def test_comments_order_and_other_tables_stay() -> None:
    after = only(edited(HARNESS, "responses", {codex.FILE: FILE}))
    assert after.startswith(
        '# my codex\nmodel = "auto" # the big one\napproval_policy = "never"\nmodel_provider = "interlock"\n'
    )
    assert '[model_providers.mine]\nname = "mine"\nbase_url = "https://example.test/v1"\n' in after
    assert '[projects."/w"]\ntrust_level = "trusted"\n' in after
    assert tomllib.loads(after)["model_providers"]["interlock"]["wire_api"] == "responses"


def test_another_address_replaces_our_table_only() -> None:
    first = only(edited(HARNESS, "responses", {codex.FILE: FILE}))
    second = only(edited(HARNESS, "responses", {codex.FILE: first}, base_url="https://gw.example.test"))
    assert second == first.replace("http://127.0.0.1:4242/v1", "https://gw.example.test/v1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[a]\nb = 1\n",
        "[a]\nb = 1",
        "x = 1",
        "model = 'single'\n",
        "\n\n[a]\n",
    ],
)
def test_shapes_of_files(text: str) -> None:
    after = only(edited(HARNESS, "responses", {codex.FILE: text}))
    assert tomllib.loads(after)["model"] == "auto"


@pytest.mark.parametrize("value", ['a"b', "back\\slash", "tab\t", "ünï", "\x7f", "\U000e0001"])
def test_strings_are_quoted_as_toml(value: str) -> None:
    assert tomllib.loads("x = " + codex.quoted(value)) == {"x": value}


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "x = '''\nmodel = \"no\"\n[t]\n'''\n",
        'model_providers = {interlock = {name = "x"}}\n',
        'model = """\nx"""\n',
    ],
)
def test_what_cannot_be_edited_safely_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        codex.edit({codex.FILE: text}, wish("responses"))


def test_it_points_at_the_provider_in_use() -> None:
    assert codex.points_at({codex.FILE: FILE}) is None
    assert codex.points_at({codex.FILE: 'model_provider = "mine"\n' + FILE}) == "https://example.test/v1"
