"""Cline's provider settings, as `cline auth` writes them (CLI 3.0.65, run in a home of its own)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.harnesses import _jsonc
from gateway.harnesses.contract import Connect, Wish

FILE: Final = ".cline/data/settings/providers.json"
PROVIDER: Final = "openai-compatible"


def edit(files: Mapping[str, str | None], wish: Wish) -> Mapping[str, str]:
    text = files[FILE]
    if _jsonc.get(text, ("version",), FILE) is None:
        text = _jsonc.put(text, ("version",), 1, FILE)
    settings = {"provider": PROVIDER, "apiKey": wish.key, "model": wish.model, "baseUrl": wish.base_url + "/v1"}
    text = _jsonc.put(text, ("lastUsedProvider",), PROVIDER, FILE)
    if _jsonc.get(text, ("providers", PROVIDER, "settings"), FILE) != settings:
        # The date is required and only shown; a fixed one keeps a second run from changing the file.
        entry = {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
        text = _jsonc.put(text, ("providers", PROVIDER), entry, FILE)
    return {FILE: text}


def points_at(files: Mapping[str, str | None]) -> str | None:
    name = _jsonc.get(files[FILE], ("lastUsedProvider",), FILE)
    found = _jsonc.get(files[FILE], ("providers", str(name), "settings", "baseUrl"), FILE)
    return found if isinstance(found, str) else None


def notes(wish: Wish) -> tuple[str, ...]:
    return (
        "This is the Cline CLI. In the VS Code extension choose API Provider “OpenAI Compatible” and enter "
        f"{wish.base_url}/v1 and model {wish.model} by hand: it keeps its settings inside VS Code.",
    )


CONNECT: Final = Connect(files=(FILE,), dialects=("chat",), edit=edit, notes=notes, points_at=points_at)
