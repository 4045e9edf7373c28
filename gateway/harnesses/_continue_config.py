"""Continue's config.yaml: one more entry at the head of `models` (the CLI uses the first that has the role chat)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.harnesses import _yaml_lines
from gateway.harnesses.contract import Connect, Wish, by_hand

FILE: Final = ".continue/config.yaml"
NAME: Final = "Interlock"
_MODELS: Final = re.compile(r"^models[ \t]*:[ \t]*(?:#[^\n]*)?\n", re.MULTILINE)
_EMPTY: Final = re.compile(r"^models[ \t]*:[ \t]*\[[ \t]*\][ \t]*\n?", re.MULTILINE)
_OURS: Final = re.compile(rf"^([ \t]*)- name: \"{NAME}\"[^\n]*\n(?:\1[ \t]+[^\n]*\n)*", re.MULTILINE)
_HEAD: Final = "name: My configuration\nversion: 1.0.0\nschema: v1\n"


def _entry(wish: Wish) -> dict[str, Any]:
    """For Messages the base must end in a slash; without the capability it offers no tools (clients.md 2.6)."""
    messages = wish.dialect == "messages"
    return {
        "name": NAME,
        "provider": "anthropic" if messages else "openai",
        "model": wish.model,
        "apiBase": wish.base_url + ("/v1/" if messages else "/v1"),
        "apiKey": wish.key,
        "roles": ["chat", "edit"],
        "capabilities": ["tool_use"],
    }


def edit(files: Mapping[str, str | None], wish: Wish) -> Mapping[str, str]:
    text = files[FILE] or _HEAD
    before = _yaml_lines.parsed(text, FILE)
    entry = _entry(wish)
    models = before.get("models") or []
    if isinstance(models, list) and models[:1] == [entry]:
        return {FILE: text}
    others = [m for m in models if not (isinstance(m, dict) and m.get("name") == NAME)]
    text = _EMPTY.sub("models:\n", _OURS.sub("", text))
    if "models" in before and _MODELS.search(text) is None:  # a second `models` would silently win over the first
        raise by_hand(FILE, f"this entry in models: {json.dumps(entry)}")
    text = _inserted(text, entry)
    if _yaml_lines.parsed(text, FILE) != {**before, "models": [entry, *others]}:
        raise by_hand(FILE, f"this entry in models: {json.dumps(entry)}")
    return {FILE: text}


def _inserted(text: str, entry: Mapping[str, Any]) -> str:
    if not text.endswith("\n"):
        text += "\n"
    found = _MODELS.search(text)
    if found is None:
        text += "models:\n"
        found = _MODELS.search(text)
        assert found is not None
    indent = re.match(r"([ \t]*)- ", text[found.end() :])
    step = indent[1] if indent else "  "
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
    block = f"{step}- " + f"\n{step}  ".join(lines) + "\n"
    return text[: found.end()] + block + text[found.end() :]


def points_at(files: Mapping[str, str | None]) -> str | None:
    models = _yaml_lines.parsed(files[FILE] or "", FILE).get("models")
    first = models[0] if isinstance(models, list) and models else None
    found = first.get("apiBase") if isinstance(first, dict) else None
    return found if isinstance(found, str) else None


CONNECT: Final = Connect(files=(FILE,), dialects=("chat", "messages"), edit=edit, points_at=points_at)
