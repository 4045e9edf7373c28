"""Aider's YAML in the home folder: model, address and key; litellm's map of prices stays at home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.harnesses import _yaml_lines
from gateway.harnesses.contract import Connect, Wish

FILE: Final = ".aider.conf.yml"


def edit(files: Mapping[str, str | None], wish: Wish) -> Mapping[str, str]:
    """`openai/` tells litellm which dialect to speak. The weak model writes commit messages and summaries: the same virtual
    model, since the gateway tells such calls by itself. Warnings about unknown models would stop it with a question."""
    values: dict[str, str | bool] = {
        "model": f"openai/{wish.model}",
        "weak-model": f"openai/{wish.model}",
        "openai-api-base": wish.base_url + "/v1",
        "openai-api-key": wish.key,
        "show-model-warnings": False,
    }
    return {FILE: _yaml_lines.put(files[FILE] or "", values, FILE)}


def points_at(files: Mapping[str, str | None]) -> str | None:
    found = _yaml_lines.parsed(files[FILE] or "", FILE).get("openai-api-base")
    return found if isinstance(found, str) else None


def notes(wish: Wish) -> tuple[str, ...]:
    return ("Aider fetches a list of prices at its start; LITELLM_LOCAL_MODEL_COST_MAP=True in your shell stops that.",)


CONNECT: Final = Connect(files=(FILE,), dialects=("chat",), edit=edit, notes=notes, points_at=points_at)
