"""A request without the tools that its caller may not use, as bytes of the client's dialect.

What goes depends on names alone (policies.strip), so equal tools give equal bytes in every turn, and the provider's cached
prefix stays. A cache mark on a tool that goes moves to the tool before it. What is not addressed stays byte for byte. A
`tool_choice` that demands a tool that is gone is refused, never loosened. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.dialects._shared import RAW_NULL, parsed
from gateway.dialects.contract import View
from gateway.errors import PolicyDenied
from gateway.ir.request import DialectName
from gateway.wire import splice
from policies.strip import Stripped


class _Named(msgspec.Struct):
    name: str | None = None


class _Tool(msgspec.Struct):
    type: str | None = None
    name: str | None = None
    function: _Named | None = None
    custom: _Named | None = None
    tools: msgspec.Raw = RAW_NULL
    cache_control: msgspec.Raw = RAW_NULL

    @property
    def called(self) -> str:
        inner = self.function or self.custom
        return (inner.name if inner is not None else None) or self.name or self.type or ""


_tool: Final = msgspec.json.Decoder(_Tool)
_raws: Final = msgspec.json.Decoder(list[msgspec.Raw])
_any: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(Any)


def without(dialect: DialectName, body: bytes, view: View, gone: Stripped) -> bytes:
    """The body itself where nothing goes. PolicyDenied for a `tool_choice` that cannot be kept."""
    key = "functions" if dialect == "chat" and getattr(view, "functions", False) else "tools"
    if not view.tools:
        return body
    kept, names = _kept(view.tools, gone)
    if not names:
        return body
    found = splice.members(body)
    edits: dict[str, bytes | None] = {key: b"[" + b",".join(kept) + b"]" if kept else None}
    for choice in ("function_call",) if key == "functions" else ("tool_choice",):
        member = next((m for m in reversed(found) if m.key == choice), None)
        if member is not None:
            edits |= _chosen(choice, body[member.start : member.end], gone, any_left=bool(kept))
    if not kept and dialect == "chat":
        edits["parallel_tool_calls"] = None  # the API takes it only beside tools
    return splice.splice(body, edits, found)


def _kept(tools: Sequence[msgspec.Raw], gone: Stripped) -> tuple[list[bytes], list[str]]:
    """(the tools that stay, the names of those that go)."""
    kept: list[bytes] = []
    names: list[str] = []
    for index, raw in enumerate(tools):
        tool = parsed(_tool, raw, f"$.tools[{index}]")
        if tool.type == "namespace" and bytes(tool.tools) != b"null":
            inner, inside = _kept_inside(tool, gone)
            names += inside
            if not inside:
                kept.append(bytes(raw))
            elif inner:
                kept.append(splice.splice(bytes(raw), {"tools": b"[" + b",".join(inner) + b"]"}))
        elif gone(tool.called, ""):
            names.append(tool.called)
            _move_mark(kept, tool)
        else:
            kept.append(bytes(raw))
    return kept, names


def _kept_inside(space: _Tool, gone: Stripped) -> tuple[list[bytes], list[str]]:
    kept: list[bytes] = []
    names: list[str] = []
    for raw in parsed(_raws, space.tools, "$.tools[].tools"):
        called = parsed(_tool, raw, "$.tools[].tools[]").called
        if gone(called, space.name or ""):
            names.append(called)
        else:
            kept.append(bytes(raw))
    return kept, names


def _move_mark(kept: list[bytes], tool: _Tool) -> None:
    """The cache mark of a tool that goes, to the one before it."""
    mark = bytes(tool.cache_control)
    if mark != b"null" and kept and "cache_control" not in splice.fields(kept[-1]):
        kept[-1] = splice.splice(kept[-1], {"cache_control": mark})


_FORMS: Final = frozenset({"function", "custom", "tool", "auto", "any", "none", "allowed_tools", "mcp"})
"""Types of a `tool_choice` that are no tool's own name."""

# --- tool_choice -------------------------------------------------------------------------------------------------


def _chosen(key: str, raw: bytes, gone: Stripped, *, any_left: bool) -> dict[str, bytes | None]:
    """What becomes of the field."""
    value: Any = parsed(_any, raw, f"$.{key}")
    if value == "required" or (isinstance(value, dict) and value.get("type") == "any"):
        if not any_left:
            raise _refused(key, "demands a tool call, and no tool is left that this caller may use")
        return {}
    if isinstance(value, dict):
        _check_named(key, value, gone)
        if value.get("type") == "allowed_tools":
            return _fewer(key, value, gone)
    return {} if any_left else {key: None}


def _check_named(key: str, value: dict[str, Any], gone: Stripped) -> None:
    inner = next((value[name] for name in ("function", "custom") if isinstance(value.get(name), dict)), value)
    name = inner.get("name")
    if name is None and value.get("type") not in _FORMS:
        name = value.get("type")  # a vendor's own tool is chosen by its type
    space = value.get("namespace")
    if isinstance(name, str) and gone(name, space if isinstance(space, str) else ""):
        raise _refused(key, f"names {name[:80]!r}, a tool that the policy takes out of this caller's requests")


def _fewer(key: str, value: dict[str, Any], gone: Stripped) -> dict[str, bytes | None]:
    """An `allowed_tools` choice without those that are gone."""
    holder = value["allowed_tools"] if isinstance(value.get("allowed_tools"), dict) else value
    listed = holder.get("tools")
    if not isinstance(listed, list):
        return {}
    left = [tool for tool in listed if not (isinstance(tool, dict) and gone(_name_of(tool), ""))]
    if len(left) == len(listed):
        return {}
    if not left:
        raise _refused(key, "allows only tools that the policy takes out of this caller's requests")
    holder["tools"] = left
    return {key: msgspec.json.encode(value)}


def _name_of(tool: dict[str, Any]) -> str:
    inner = next((tool[name] for name in ("function", "custom") if isinstance(tool.get(name), dict)), tool)
    name = inner.get("name") or tool.get("type")
    return name if isinstance(name, str) else ""


def _refused(key: str, why: str) -> PolicyDenied:
    return PolicyDenied(f"{key} {why}", where=f"$.{key}", accepted="another tool, or no tool_choice")
