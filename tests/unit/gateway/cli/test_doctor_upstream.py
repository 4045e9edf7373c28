"""What a server's answer to "which models have you" says about key, model, window and clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.cli import _doctor_upstream as d
from gateway.config.settings import Settings
from gateway.endpoints import Endpoint, build
from gateway.providers.registry import all_providers


def endpoint(provider: str = "vllm", key: bool = False, **more: Any) -> Endpoint:
    model: dict[str, Any] = {"provider": provider, "model": "m1", "lane": "local", **more}
    if key:
        model["api_key"] = "env:K"
    settings = Settings.model_validate({"models": {"local/a": model}})
    return build(settings, all_providers(), {"env:K": "sk-x"}, {})["local/a"]


LIST = {"object": "list", "data": [{"id": "m1", "max_model_len": 4096}, {"id": "m2"}]}


def only(found: list[Any]) -> Any:
    (finding,) = found
    return finding


def test_a_served_model() -> None:
    assert only(d.judge([endpoint()], d.Reply(200, body=LIST))).level == "ok"


def test_a_model_that_is_not_served_and_what_is() -> None:
    found = only(d.judge([endpoint(model="other")], d.Reply(200, body=LIST)))
    assert found.level == "problem"
    assert "m1, m2" in found.cure
    assert "models.local/a.model" in found.cure


def test_clouds_serve_names_they_do_not_list() -> None:
    assert only(d.judge([endpoint("openai", True)], d.Reply(200, body={"data": [{"id": "gpt"}]}))).level == "warning"


def test_geminis_list_has_a_prefix() -> None:
    reply = d.Reply(200, body={"data": [{"id": "models/m1"}]})
    assert only(d.judge([endpoint("gemini", True)], reply)).level == "ok"


@pytest.mark.parametrize(
    ("provider", "key", "status", "text", "cure"),
    [
        ("anthropic", True, 401, "refuses the key", "ANTHROPIC_API_KEY"),
        ("anthropic", False, 401, "refuses requests without a key", "set ANTHROPIC_API_KEY"),
        ("deepseek", True, 403, "refuses the key", "DEEPSEEK_API_KEY"),
        ("vllm", False, 503, "answers 503", "log"),
        ("vllm", False, 404, "shows no list of models", "base_url"),
    ],
)
def test_refusals(provider: str, key: bool, status: int, text: str, cure: str) -> None:
    found = only(d.judge([endpoint(provider, key)], d.Reply(status)))
    assert text in found.text
    assert cure in found.cure
    assert "sk-x" not in found.text + found.cure


@pytest.mark.parametrize(("provider", "cure"), [("vllm", "start the server"), ("openai", "network")])
def test_nobody_there(provider: str, cure: str) -> None:
    found = only(d.judge([endpoint(provider)], d.Reply(0, "Connection refused")))
    assert found.level == "problem"
    assert cure in found.cure


@pytest.mark.parametrize("body", [None, [], {"data": 5}, {"data": [5, {"id": 7}]}, "x"])
def test_any_body_is_survived(body: Any) -> None:
    assert only(d.judge([endpoint()], d.Reply(200, body=body))).level in ("warning", "problem")


@pytest.mark.parametrize(("skew_s", "word"), [(300.0, "300 s ahead of"), (-300.0, "300 s behind")])
def test_a_wrong_clock(skew_s: float, word: str) -> None:
    found = d.judge([endpoint()], d.Reply(200, body=LIST, skew_s=skew_s))
    assert word in found[0].text
    assert found[0].level == "problem"
    assert found[1].level == "ok"


def test_the_servers_date() -> None:
    assert d.skew("Sat, 21 Nov 2026 10:00:00 GMT", 1795255200.0) == 0
    assert d.skew(None, 0.0) is None
    assert d.skew("yesterday", 0.0) is None
    assert d.skew("Sat, 21 Nov 2026 10:00:00 +999999999999999999", 0.0) is None


@pytest.mark.parametrize(
    ("configured", "level"), [(4096, None), (8192, "problem"), (1024, "warning"), (None, None), (3000, None)]
)
async def test_windows(configured: int | None, level: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(addresses: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(d.discovery, "probe_addresses", nothing)
    found = await d.windows([endpoint(context_tokens=configured)], d.Reply(200, body=LIST))
    assert [f.level for f in found] == ([level] if level else [])
    assert all("4096" in f.cure for f in found)


def test_where_the_list_of_models_is() -> None:
    assert d.models_url(endpoint()) == "http://127.0.0.1:8000/v1/models"
    assert d.models_url(endpoint(base_url="http://h:1/prefix/v1")) == "http://h:1/prefix/v1/models"


async def arriving(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


async def test_a_list_that_comes_in_many_pieces_is_read_to_its_end() -> None:
    """OpenRouter's is a megabyte: what has arrived first is no JSON yet."""
    assert await d._body(arriving(b'{"data": ', b"[]", b"}")) == b'{"data": []}'


async def test_a_list_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(d, "BODY_BYTES_MAX", 10)
    assert await d._body(arriving(*[b"xxx"] * 1_000)) == b"xxx" * 4
