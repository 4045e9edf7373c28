"""Codex's config.toml, edited line by line so that comments and order stay; what comes out is proven by parsing it.

Keys: clients.md 2.3 (run with 0.169.0). Codex ignores OPENAI_BASE_URL (gateways.md, harness facts) and needs a provider of
its own; the key travels in `experimental_bearer_token`, so that nothing has to be exported.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from gateway.harnesses.contract import Connect, Wish, by_hand, unreadable

FILE: Final = ".codex/config.toml"
NAME: Final = "interlock"
_TABLE: Final = re.compile(r"^[ \t]*\[", re.MULTILINE)
_OURS: Final = re.compile(
    rf"^[ \t]*\[model_providers\.(?:{NAME}|\"{NAME}\")\][^\n]*\n"
    r"(?:(?![ \t]*\[)[^\n]*\n|(?![ \t]*\[)[^\n]+\Z)*",
    re.MULTILINE,
)


def edit(files: Mapping[str, str | None], wish: Wish) -> Mapping[str, str]:
    text = files[FILE] or ""
    before = _parsed(text)
    provider = {
        "name": "Interlock",
        "base_url": wish.base_url + "/v1",
        "wire_api": "responses",
        "experimental_bearer_token": wish.key,
    }
    top = {"model": wish.model, "model_provider": NAME}
    wanted = {**before, **top, "model_providers": {**before.get("model_providers", {}), NAME: provider}}
    if before == wanted:
        return {FILE: text}
    for key, value in top.items():
        text = _with_key(text, key, value)
    text = _with_table(text, provider)
    if _parsed(text) != wanted:
        raise by_hand(FILE, f'model = "{wish.model}", model_provider = "{NAME}" and a table [model_providers.{NAME}]')
    return {FILE: text}


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise unreadable(FILE, "TOML", str(error)) from None


def quoted(value: str) -> str:
    """A TOML basic string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _with_key(text: str, key: str, value: str) -> str:
    """A key of the top level, which ends at the first table."""
    first = _TABLE.search(text)
    end = first.start() if first else len(text)
    top, rest = text[:end], text[end:]
    line = re.compile(rf"^([ \t]*{key}[ \t]*=[ \t]*)(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*')", re.MULTILINE)
    new, count = line.subn(lambda found: found[1] + quoted(value), top, count=1)
    if count:
        return new + rest
    kept = top.rstrip("\n")
    return f"{kept}{chr(10) if kept else ''}{key} = {quoted(value)}\n{top[len(kept) :][1:] if kept else ''}" + (
        f"{chr(10) if rest and not top.endswith(chr(10) * 2) else ''}{rest}"
    )


def _with_table(text: str, provider: Mapping[str, str]) -> str:
    table = f"[model_providers.{NAME}]\n" + "".join(f"{key} = {quoted(value)}\n" for key, value in provider.items())
    found = _OURS.search(text)
    if found is not None:
        gap = "\n" if found[0].endswith("\n\n") else ""
        return text[: found.start()] + table + gap + text[found.end() :]
    return text.rstrip("\n") + "\n\n" + table


def points_at(files: Mapping[str, str | None]) -> str | None:
    config = _parsed(files[FILE] or "")
    provider = config.get("model_providers", {}).get(config.get("model_provider"), {})
    found = provider.get("base_url") if isinstance(provider, dict) else None
    return found if isinstance(found, str) else None


CONNECT: Final = Connect(files=(FILE,), dialects=("responses",), edit=edit, points_at=points_at)
