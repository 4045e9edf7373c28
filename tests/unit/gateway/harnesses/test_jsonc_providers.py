"""OpenCode, Kilo, pi and qwen-code: one provider of ours among the user's own, in each dialect's form."""

from __future__ import annotations

import json
from typing import Literal

import pytest

from gateway.harnesses import _jsonc_providers, kilo, opencode, pi, qwen_code
from tests.unit.gateway.harnesses.connecting import BASE, edited, only, wish

Dialect = Literal["chat", "messages", "responses"]
DIALECTS: tuple[Dialect, ...] = ("chat", "messages", "responses")


@pytest.mark.parametrize("harness", [opencode.HARNESS, kilo.HARNESS])
@pytest.mark.parametrize(
    ("dialect", "package"),
    [("chat", "@ai-sdk/openai-compatible"), ("messages", "@ai-sdk/anthropic"), ("responses", "@ai-sdk/openai")],
)
def test_the_dialect_is_the_package(harness: object, dialect: Dialect, package: str) -> None:
    assert harness in (opencode.HARNESS, kilo.HARNESS)
    data = json.loads(only(edited(harness, dialect)))  # type: ignore[arg-type]
    provider = data["provider"]["interlock"]
    assert provider["npm"] == package
    assert provider["options"] == {"baseURL": BASE + "/v1", "apiKey": "sk-local"}
    assert data["model"] == data["small_model"] == "interlock/auto"


def test_the_users_own_providers_and_comments_stay() -> None:
    mine = '{\n  // mine\n  "provider": {"x": {"npm": "y"}},\n  "model": "x/z"\n}\n'
    after = only(edited(opencode.HARNESS, "chat", {opencode.HARNESS.connect.files[0]: mine}))  # type: ignore[union-attr]
    assert "// mine" in after
    assert '"x": {"npm": "y"}' in after
    assert '"model": "interlock/auto"' in after


def test_it_points_at_the_provider_of_its_model() -> None:
    text = json.dumps({"provider": {"x": {"options": {"baseURL": "https://x.test"}}}, "model": "x/z"})
    connect = opencode.HARNESS.connect
    assert connect is not None
    assert connect.points_at({"f": text}) == "https://x.test"
    assert connect.points_at({"f": "{}"}) is None


@pytest.mark.parametrize(
    ("dialect", "api", "url"),
    [
        ("chat", "openai-completions", BASE + "/v1"),
        ("messages", "anthropic-messages", BASE),
        ("responses", "openai-responses", BASE + "/v1"),
    ],
)
def test_pi(dialect: Dialect, api: str, url: str) -> None:
    files = edited(pi.HARNESS, dialect)
    models = json.loads(files[".pi/agent/models.json"])["providers"]["interlock"]
    assert (models["api"], models["baseUrl"], models["models"][0]["id"]) == (api, url, "auto")
    assert json.loads(files[".pi/agent/settings.json"]) == {"defaultProvider": "interlock", "defaultModel": "auto"}


@pytest.mark.parametrize(
    ("dialect", "kind", "url"),
    [
        ("chat", "openai", BASE + "/v1"),
        ("messages", "anthropic", BASE),
        ("responses", "openai-responses", BASE + "/v1"),
    ],
)
def test_qwen_code(dialect: Dialect, kind: str, url: str) -> None:
    data = json.loads(only(edited(qwen_code.HARNESS, dialect)))
    assert data["security"]["auth"] == {"selectedType": kind, "apiKey": "sk-local", "baseUrl": url}
    assert data["model"] == {"name": "auto"}
    # For Messages it insists on the variables (0.24.4 stops with "ANTHROPIC_BASE_URL … not found" without them).
    assert data.get("env", {}).get("ANTHROPIC_BASE_URL") == (url if dialect == "messages" else None)


def test_qwen_code_is_told_what_would_override_it() -> None:
    (note,) = _jsonc_providers.QWEN_CONNECT.notes(wish("messages"))
    assert "ANTHROPIC_BASE_URL" in note
