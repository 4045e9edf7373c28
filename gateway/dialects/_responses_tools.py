"""Tools of a neutral request, and which of them must be called, as a Responses request offers them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec

from gateway.dialects._responses_names import Directory, Known
from gateway.dialects._shared import custom_as_function, encode, short_name
from gateway.ir.profile import Profile
from gateway.ir.request import Request, ServerTool, Tool, ToolChoice

EMPTY_SCHEMA: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
_array: Final = msgspec.json.Decoder(list[msgspec.Raw])
_map: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def put_tools(out: dict[str, Any], request: Request, profile: Profile, directory: Directory, losses: list[str]) -> None:
    """Writes `tools`, `tool_choice` and `parallel_tool_calls` into the body `out`."""
    entries = tool_entries(request, profile, losses)
    if entries:
        out["tools"] = entries
    if request.tool_choice is not None and "tool_choice" not in (
        request.extra if request.origin == "responses" else {}
    ):
        choice = _choice(request.tool_choice, profile, directory, losses)
        if choice is not None and (entries or choice == "none"):
            out["tool_choice"] = choice
    if request.parallel_tool_calls is not None and (entries or request.origin == "responses"):
        if profile.parallel_field:
            out["parallel_tool_calls"] = request.parallel_tool_calls
        else:
            losses.append("parallel_tool_calls")


def tool_entries(request: Request, profile: Profile | None, losses: list[str]) -> list[Any]:
    """Tools as the dialect offers them. Without a profile: as the client offered them. A server tool of another vendor
    is left out and reported: an offer is not content, and Codex offers `web_search` in every request."""
    entries: list[Any] = []
    groups: dict[str, list[Any]] = {}
    for tool in request.tools:
        if isinstance(tool, ServerTool):
            if tool.dialect == "responses":
                entries.append(msgspec.Raw(tool.raw))
            else:
                losses.append(f"tools.{tool.kind}")
            continue
        if tool.cache is not None:
            losses.append("cache_control")
        entry = _tool(tool, request.origin == "responses", profile, losses)
        if tool.namespace is None:
            entries.append(entry)
        elif tool.namespace in groups:
            groups[tool.namespace].append(entry)
        else:
            groups[tool.namespace] = [entry]
            entries.append(
                {
                    "type": "namespace",
                    "name": tool.namespace,
                    "description": _word(request, f"namespace.{tool.namespace}"),
                    "tools": groups[tool.namespace],
                }
            )
    if request.origin == "responses":
        for key, raw in request.extra.items():
            if key.startswith("tools."):
                entries += map(msgspec.Raw, _array.decode(raw))
    return entries


def _word(request: Request, key: str) -> str:
    """A text that the decoder keeps in `extra`."""
    raw = request.extra.get(key)
    return msgspec.json.decode(raw, type=str) if raw is not None else ""


def _tool(tool: Tool, own: bool, profile: Profile | None, losses: list[str]) -> dict[str, Any]:
    name = short_name(tool.inner or tool.name)
    if tool.kind == "custom" and (profile is None or profile.custom_tools):
        entry: dict[str, Any] = {"type": "custom", "name": name}
        if tool.description is not None:
            entry["description"] = tool.description
        if tool.format is not None:
            entry["format"] = msgspec.Raw(_flat_grammar(tool.format))
        return entry
    if tool.kind == "custom":
        tool = replace(custom_as_function(tool), strict=False)
    entry = {"type": "function", "name": name}
    if tool.description is not None:
        entry["description"] = tool.description
    entry["parameters"] = msgspec.Raw(tool.parameters) if tool.parameters is not None else EMPTY_SCHEMA
    strict = tool.strict
    if strict is None and not own:
        strict = False  # left out it means "if possible" here, "no" in the other dialects
    if strict is not None and (profile is None or profile.strict_tools):
        entry["strict"] = strict
    elif strict:
        losses.append("tools.strict")
    return entry


def _flat_grammar(raw: bytes) -> bytes:
    """Chat nests the grammar (`{"type":"grammar","grammar":{…}}`), this dialect does not."""
    try:
        value = _map.decode(raw)
    except msgspec.DecodeError:
        return raw
    inner = value.get("grammar")
    if inner is None:
        return raw
    try:
        return encode({"type": "grammar", **_map.decode(inner)})
    except msgspec.DecodeError:
        return raw


def _choice(choice: ToolChoice, profile: Profile, directory: Directory, losses: list[str]) -> Any:
    if choice.mode in ("required", "tool") and not profile.forced_tool_choice:
        losses.append("tool_choice")
        return "auto"
    match choice.mode:
        case "auto" | "none" | "required":
            return choice.mode
        case "tool" if choice.names:
            return _named(directory.find(choice.names[0]), profile)
        case "allowed":
            tools = [_named(directory.find(name), profile) for name in choice.names]
            must = choice.must and profile.forced_tool_choice
            return {"type": "allowed_tools", "mode": "required" if must else "auto", "tools": tools}
        case _:
            return "required"


def _named(known: Known, profile: Profile) -> dict[str, str]:
    kind = "custom" if known.kind == "custom" and profile.custom_tools else "function"
    return {"type": kind, "name": short_name(known.name)}
