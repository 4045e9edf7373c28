"""What was found, for people: the table at start, and the file that `interlock init` writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gateway.config.discover import Found, is_simulated
from gateway.config.models import ModelConfig
from gateway.config.routes import RouteConfig
from gateway.config.settings import Settings

_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_./-]|:(?=[A-Za-z0-9_/]))*\Z")
"""Text that is plain text in YAML 1.1 and 1.2 alike, but for `_WORDS`."""
_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that JSON text may hold and YAML text may not, or reads as line breaks."""
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_REACHABLE = {True: "yes", False: "NO", None: "not tried"}


def table(found: Sequence[Found]) -> str:
    """model, lane, where it was found, reachable; one line each, and a warning under simulated ones."""
    rows = [("MODEL", "LANE", "FOUND", "REACHABLE"), *(_row(entry) for entry in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    text = "".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )
    if is_simulated(found):
        text += (
            "\nNo key in the environment and no local server found: the built-in SIMULATED upstream answers.\n"
            "Set ANTHROPIC_API_KEY, DEEPSEEK_API_KEY or OPENAI_API_KEY, or start vLLM, Ollama, LM Studio or llama.cpp.\n"
        )
    return text


def _row(entry: Found) -> tuple[str, str, str, str]:
    where = f"{entry.where} ({entry.note})" if entry.note and not entry.note.startswith("SIM") else entry.where
    return entry.name, entry.lane, where, _REACHABLE[entry.reachable]


def render_yaml(settings: Settings, found: Sequence[Found], routes: Sequence[RouteConfig]) -> str:
    """An `interlock.yaml`, commented, that loads to these models and `routes`. Holds env: references, never a secret. Values
    are JSON, which every YAML reader takes; only plain words go without quotes."""
    origin = {entry.name: entry for entry in found}
    lines = [
        "# Interlock. All settings: docs/reference/settings.md; check with: interlock config check",
        "# Secrets are named, never written: env:NAME or file:/path",
        "version: 1",
        "",
        "# Names that clients may ask for. `auto` chooses among them by the routes below.",
        "# lane: local (own box), mid (cheap API), frontier (strongest), daemon (always on, nobody waits)",
    ]
    if is_simulated(found):
        lines += ["# Nothing was found on this machine, so these are the built-in SIMULATED models: replace them."]
    lines += ["models:" if settings.models else "models: {}"]
    for name, model in settings.models.items():
        lines += [f"  # {_comment(origin[name])}"] if name in origin else []
        lines += [f"  {_json(name)}: {_flow(_said(model))}"]
    lines += [
        "",
        "# First match wins. `to` lists what is tried in order; lane:<lane> means every model of it.",
        "routes:",
    ]
    lines += [f"  - {_flow(_route(route))}" for route in routes]
    lines += [
        "",
        "# A session stays on its model; at most this share of its cost may be lost to cold caches by moving it.",
        f"session: {_flow(settings.session.model_dump(include={'sticky', 'ttl_s', 'switch_budget_pct'}))}",
        "",
        "# server: {host: 127.0.0.1, port: 4242}   # any other host than loopback needs keys: interlock key create NAME",
        "# state: {kind: sqlite}                   # sessions survive a restart; redis for several replicas",
        "# prices: {my-model: {input_usd_per_mtok: 0.5, output_usd_per_mtok: 2}}",
    ]
    return "\n".join(lines) + "\n"


def _comment(entry: Found) -> str:
    window = f", {entry.context_tokens:,} tokens" if entry.context_tokens else ""
    return " ".join(f"{entry.where}{window}{f'; {entry.note}' if entry.note else ''}".split())


def _said(model: ModelConfig) -> dict[str, Any]:
    """Only what differs from the defaults of a model, in the order of the fields."""
    said = model.model_dump(mode="json", exclude_defaults=True, exclude={"profile", "timeouts"})
    profile = model.profile.model_dump(mode="json", exclude_unset=True)
    timeouts = model.timeouts.model_dump(mode="json", exclude_defaults=True)
    return {**said, **({"profile": profile} if profile else {}), **({"timeouts": timeouts} if timeouts else {})}


def _route(route: RouteConfig) -> dict[str, Any]:
    said = route.model_dump(mode="json", exclude_defaults=True)
    return {key: said[key] for key in ("id", "when", "to", "retry", "sticky") if key in said}


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_json(key)}: {_flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _json(value)


def _json(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _UNSEEN.sub(lambda m: f"\\u{ord(m[0]):04x}", msgspec.json.encode(value).decode())
