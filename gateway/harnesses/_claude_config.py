"""Claude Code's user settings: environment variables under `env` (code.claude.com, llm-gateway pages, 2026-08-22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.config.names import claude_alias
from gateway.harnesses import _jsonc
from gateway.harnesses.contract import Connect, Wish

FILE: Final = ".claude/settings.json"


def edit(files: Mapping[str, str | None], wish: Wish) -> Mapping[str, str]:
    """The base URL has no /v1. Discovery lets it show our models, of which it lists only names with `claude` in them, hence
    the `claude-` alias of virtual names. ENABLE_TOOL_SEARCH is left alone: the gateway does not forward tool references."""
    alias = claude_alias(wish.model)
    text = files[FILE]
    for name, value in (
        ("ANTHROPIC_BASE_URL", wish.base_url),
        ("ANTHROPIC_AUTH_TOKEN", wish.key),
        ("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1"),
        ("ANTHROPIC_MODEL", alias),
        ("ANTHROPIC_SMALL_FAST_MODEL", alias),
    ):
        text = _jsonc.put(text, ("env", name), value, FILE)
    return {FILE: text or ""}


def points_at(files: Mapping[str, str | None]) -> str | None:
    found = _jsonc.get(files[FILE], ("env", "ANTHROPIC_BASE_URL"), FILE)
    return found if isinstance(found, str) else None


def notes(wish: Wish) -> tuple[str, ...]:
    return (
        "A Claude subscription login is not used while ANTHROPIC_AUTH_TOKEN is set; `interlock disconnect` brings it back.",
    )


CONNECT: Final = Connect(files=(FILE,), dialects=("messages",), edit=edit, notes=notes, points_at=points_at)
