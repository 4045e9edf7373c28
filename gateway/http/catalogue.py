"""`GET /v1/models`: one answer that OpenAI clients, Anthropic clients and Claude Code's model discovery all read.

Built from the runtime alone, so it takes microseconds whatever upstreams do. Each entry carries both vendors' fields; names
without "claude" get a second entry under a `claude-` alias, because Claude Code lists only those (protocols.md 1.6).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.config.names import VIRTUAL, claude_alias
from gateway.endpoints import Endpoint
from gateway.pipeline.runtime import Runtime
from gateway.ports import Caller

CREATED_S = 1_767_225_600
"""2026-01-01: clients want a date, the gateway's own models have none."""


def entries(runtime: Runtime, caller: Caller) -> list[dict[str, Any]]:
    """Virtual names first, then the configured models the key may use, then their `claude-` aliases."""
    usable = [e for e in runtime.endpoints.values() if _allowed(e, caller)]
    plain = [_virtual(name, usable) for name in VIRTUAL]
    listed = [entry for entry in plain if entry is not None] + [_entry(e.name, e.name, [e]) for e in usable]
    aliased = [
        e | {"id": claude_alias(e["id"]), "alias_of": e["id"]} for e in listed if claude_alias(e["id"]) != e["id"]
    ]
    return listed + aliased


def _allowed(endpoint: Endpoint, caller: Caller) -> bool:
    return (not caller.models or endpoint.name in caller.models) and (not caller.lanes or endpoint.lane in caller.lanes)


def _virtual(name: str, usable: list[Endpoint]) -> dict[str, Any] | None:
    lane = name.partition(":")[2]
    among = [e for e in usable if not lane or e.lane == lane]
    return _entry(name, f"Interlock {name}", among) if among else None


def _entry(name: str, title: str, among: list[Endpoint]) -> dict[str, Any]:
    """`auto` holds as much as the largest model behind it: a request that outgrows one is routed to a larger one."""
    window = max(e.context_tokens for e in among)
    output = max((e.max_output_tokens or 0 for e in among), default=0)
    entry: dict[str, Any] = {
        "id": name,
        "object": "model",
        "type": "model",
        "display_name": title,
        "created": CREATED_S,
        "created_at": datetime.fromtimestamp(CREATED_S, UTC).isoformat().replace("+00:00", "Z"),
        "owned_by": among[0].provider if len(among) == 1 else "interlock",
        "lane": among[0].lane if len({e.lane for e in among}) == 1 else None,
        "capabilities": {"images": any(e.images for e in among), "tools": any(e.tools for e in among)},
    }
    if window:
        # The same number under every name in use: Cline, OpenCode, vLLM's clients and Anthropic's each read another one.
        entry |= {
            "context_window": window,
            "context_length": window,
            "max_model_len": window,
            "max_input_tokens": window,
        }
    if output:
        entry |= {"max_output_tokens": output, "max_tokens": output}
    if any(e.simulated for e in among):
        entry["simulated"] = True
    return entry


def page(listed: list[dict[str, Any]], *, after_id: str | None, limit: int) -> dict[str, Any]:
    """Anthropic's pagination over OpenAI's list object."""
    start = next((i + 1 for i, e in enumerate(listed) if e["id"] == after_id), 0) if after_id else 0
    shown = listed[start : start + limit]
    return {
        "object": "list",
        "data": shown,
        "has_more": start + limit < len(listed),
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }
