"""Pointing the harnesses with JSON settings at the gateway: OpenCode, Kilo, pi, qwen-code. Formats: clients.md 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.harnesses import _jsonc
from gateway.harnesses.contract import Connect, Wish
from gateway.ir.request import DialectName

NAME: Final = "interlock"
"""Our provider's name in the files of those that have named providers."""

_PACKAGES: Final[dict[DialectName, str]] = {
    "chat": "@ai-sdk/openai-compatible",
    "messages": "@ai-sdk/anthropic",
    "responses": "@ai-sdk/openai",
}


def one(files: Mapping[str, str | None]) -> tuple[str, str | None]:
    """The only file there is."""
    ((path, text),) = files.items()
    return path, text


def opencode_style(alternatives: tuple[tuple[str, ...], ...], schema: str | None) -> Connect:
    """OpenCode and Kilo: the dialect is the provider package; the base URL ends in /v1 for all three. Titles are asked from
    `small_model`, which is the same virtual model: the gateway tells titles by itself."""

    def edit(files: Mapping[str, str | None], wish: Wish) -> Mapping[str, str]:
        path, text = one(files)
        if schema and not (text or "").strip():
            text = _jsonc.put(text, ("$schema",), schema, path)
        limit = {"context": wish.context_tokens, "output": wish.output_tokens}
        provider = {
            "npm": _PACKAGES[wish.dialect],
            "name": "Interlock",
            "options": {"baseURL": wish.base_url + "/v1", "apiKey": wish.key},
            "models": {wish.model: {"name": f"Interlock {wish.model}", "tool_call": True, "limit": limit}},
        }
        text = _jsonc.put(text, ("provider", NAME), provider, path)
        for key in ("model", "small_model"):
            text = _jsonc.put(text, (key,), f"{NAME}/{wish.model}", path)
        return {path: text}

    def points_at(files: Mapping[str, str | None]) -> str | None:
        path, text = one(files)
        model = _jsonc.get(text, ("model",), path)
        name = str(model).partition("/")[0] if model else ""
        return _word(_jsonc.get(text, ("provider", name, "options", "baseURL"), path))

    return Connect(
        files=tuple(names[0] for names in alternatives),
        dialects=("chat", "messages", "responses"),
        edit=edit,
        alternatives=alternatives,
        points_at=points_at,
    )


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


# --- pi ----------------------------------------------------------------------------------------------------------

_PI_MODELS: Final = ".pi/agent/models.json"
_PI_SETTINGS: Final = ".pi/agent/settings.json"
_PI_APIS: Final[dict[DialectName, str]] = {
    "chat": "openai-completions",
    "messages": "anthropic-messages",
    "responses": "openai-responses",
}


def _pi_edit(files: Mapping[str, str | None], wish: Wish) -> Mapping[str, str]:
    model = {
        "id": wish.model,
        "name": f"Interlock {wish.model}",
        "reasoning": False,
        "input": ["text"],
        "contextWindow": wish.context_tokens,
        "maxTokens": wish.output_tokens,
        "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
    }
    provider = {
        "baseUrl": wish.base_url if wish.dialect == "messages" else wish.base_url + "/v1",
        "api": _PI_APIS[wish.dialect],
        "apiKey": wish.key,
        "models": [model],
    }
    settings = _jsonc.put(files[_PI_SETTINGS], ("defaultProvider",), NAME, _PI_SETTINGS)
    return {
        _PI_MODELS: _jsonc.put(files[_PI_MODELS], ("providers", NAME), provider, _PI_MODELS),
        _PI_SETTINGS: _jsonc.put(settings, ("defaultModel",), wish.model, _PI_SETTINGS),
    }


def _pi_points_at(files: Mapping[str, str | None]) -> str | None:
    name = _jsonc.get(files[_PI_SETTINGS], ("defaultProvider",), _PI_SETTINGS)
    return _word(_jsonc.get(files[_PI_MODELS], ("providers", str(name), "baseUrl"), _PI_MODELS))


PI_CONNECT: Final = Connect(
    files=(_PI_MODELS, _PI_SETTINGS),
    dialects=("chat", "messages", "responses"),
    edit=_pi_edit,
    points_at=_pi_points_at,
)

# --- qwen-code ---------------------------------------------------------------------------------------------------

_QWEN: Final = ".qwen/settings.json"
_QWEN_TYPES: Final[dict[DialectName, str]] = {
    "chat": "openai",
    "messages": "anthropic",
    "responses": "openai-responses",
}


def _qwen_edit(files: Mapping[str, str | None], wish: Wish) -> Mapping[str, str]:
    """Its settings name type, key, address and model; environment variables of the same purpose override them. For Messages
    it insists on those variables, so they are set in its own `env`, which the shell's override too."""
    base = wish.base_url if wish.dialect == "messages" else wish.base_url + "/v1"
    text = files[_QWEN]
    for path, value in (
        (("security", "auth", "selectedType"), _QWEN_TYPES[wish.dialect]),
        (("security", "auth", "apiKey"), wish.key),
        (("security", "auth", "baseUrl"), base),
        (("model", "name"), wish.model),
    ):
        text = _jsonc.put(text, path, value, _QWEN)
    if wish.dialect == "messages":
        for name, word in (("BASE_URL", base), ("API_KEY", wish.key), ("MODEL", wish.model)):
            text = _jsonc.put(text, ("env", f"ANTHROPIC_{name}"), word, _QWEN)
    return {_QWEN: text or ""}


def _qwen_notes(wish: Wish) -> tuple[str, ...]:
    brand = "ANTHROPIC" if wish.dialect == "messages" else "OPENAI"
    return (f"{brand}_BASE_URL, {brand}_API_KEY and {brand}_MODEL in your shell would override this: unset them.",)


QWEN_CONNECT: Final = Connect(
    files=(_QWEN,),
    dialects=("chat", "messages", "responses"),
    edit=_qwen_edit,
    notes=_qwen_notes,
    points_at=lambda files: _word(_jsonc.get(files[_QWEN], ("security", "auth", "baseUrl"), _QWEN)),
)
