"""A Messages request to the neutral form.

Order rules of the form: `system` becomes the first message; tool results leave the user message they travel in and become
one message of role tool before the text beside them; adjacent assistant messages become one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.dialects._messages_adapt import BILLING
from gateway.dialects._messages_blocks import mark, parts_of
from gateway.dialects._messages_json import FIELDS, NONE, first_byte, given, raws
from gateway.dialects._messages_read import KNOWN, known_members, role_of, top_level
from gateway.dialects._shared import check_utf8, parsed
from gateway.ir.request import (
    Message,
    OutputFormat,
    Part,
    ReasoningOptions,
    Request,
    Role,
    ServerTool,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
)
from gateway.wire.splice import Member

MCP: Final = "mcp_servers"
"""Kind under which the top-level list of MCP servers travels as one server tool: only Messages upstreams can run it."""

CONFIG_PREFIX: Final = "output_config."
_MODES: Final = ("enabled", "disabled", "adaptive")


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class _Format(msgspec.Struct):
    type: str
    schema: msgspec.Raw = NONE


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Fields(msgspec.Struct):
    """Top level; `object` where the value is looked into later."""

    model: str
    messages: list[msgspec.Raw]
    max_tokens: int | None = None
    system: msgspec.Raw = NONE
    tools: list[msgspec.Raw] | None = None
    tool_choice: _Choice | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    metadata: msgspec.Raw = NONE
    thinking: msgspec.Raw = NONE
    output_config: msgspec.Raw = NONE


class _Tool(msgspec.Struct):
    name: str | None = None
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = NONE
    strict: bool | None = None
    cache_control: msgspec.Raw = NONE


class _Message(msgspec.Struct):
    content: msgspec.Raw = NONE


_fields = msgspec.json.Decoder(_Fields)
_tool = msgspec.json.Decoder(_Tool)
_message = msgspec.json.Decoder(_Message)
_metadata = msgspec.json.Decoder(_Metadata)
_thinking = msgspec.json.Decoder(_Thinking)
_format = msgspec.json.Decoder(_Format)
_effort = msgspec.json.Decoder(str | None)

_TOOL_FIELDS: Final = frozenset({"name", "type", "description", "input_schema", "strict", "cache_control"})
_READ: Final = frozenset(
    {
        "model", "messages", "max_tokens", "system", "tools", "tool_choice", "temperature", "top_p", "top_k",
        "stop_sequences", "stream", "metadata", "thinking", "output_config", MCP,
    }
)  # fmt: skip
assert _READ <= KNOWN


def decode_request(body: bytes) -> Request:
    """Raises MalformedRequest that names the JSON path."""
    check_utf8(body)
    at = known_members(top_level(body))
    fields = parsed(_fields, body, "$")
    extra = {
        key: body[m.start : m.end] for key, m in at.items() if key not in _READ and body[m.start : m.end] != b"null"
    }
    reasoning, output_format = _options(fields, extra)
    metadata = mark(fields.metadata)
    choice = fields.tool_choice
    parallel = (
        None if choice is None or choice.disable_parallel_tool_use is None else not choice.disable_parallel_tool_use
    )
    return Request(
        origin="messages",
        model=fields.model,
        messages=tuple(_conversation(fields)),
        tools=(*_tools(fields.tools or (), extra), *_mcp(body, at)),
        tool_choice=_choice(choice),
        parallel_tool_calls=parallel,
        max_output_tokens=fields.max_tokens,
        temperature=fields.temperature,
        top_p=fields.top_p,
        top_k=fields.top_k,
        stop=tuple(fields.stop_sequences or ()),
        reasoning=reasoning,
        output_format=output_format,
        stream=bool(fields.stream),
        include_usage=True,
        user=parsed(_metadata, metadata, "$.metadata").user_id if metadata else None,
        metadata=metadata,
        extra=extra,
    )


# --- conversation ---------------------------------------------------------------------------------------------------


def _conversation(fields: _Fields) -> list[Message]:
    out = _system(fields.system)
    for index, raw in enumerate(fields.messages):
        path = f"$.messages[{index}]"
        role: Role = role_of(raw, path)  # type: ignore[assignment]
        parts = parts_of(parsed(_message, raw, path).content, f"{path}.content")
        if role == "user":
            out += _user(parts)
        elif role == "assistant" and out and out[-1].role == "assistant":
            out[-1] = Message("assistant", out[-1].parts + parts)
        else:
            out.append(Message(role, parts))
    return out


def _system(raw: msgspec.Raw) -> list[Message]:
    """Claude Code's attribution block is left out: its hash would empty the prefix cache of any translated upstream."""
    if not given(raw):
        return []
    parts = parts_of(raw, "$.system")
    if first_byte(raw) == 0x5B and parts and isinstance(parts[0], Text) and parts[0].text.startswith(BILLING):
        parts = parts[1:]
    return [Message("system", parts)] if parts else []


def _user(parts: tuple[Part, ...]) -> list[Message]:
    results = tuple([part for part in parts if isinstance(part, ToolResult)])
    others = tuple([part for part in parts if not isinstance(part, ToolResult)])
    out = [Message("tool", results)] if results else []
    return [*out, Message("user", others)] if others or not results else out


# --- tools ----------------------------------------------------------------------------------------------------------


def _tools(raws: Iterable[msgspec.Raw], extra: dict[str, bytes]) -> list[Tool | ServerTool]:
    """Options of function tools without a neutral word are noted as `tools[].option`: a loss anywhere they cannot go."""
    out: list[Tool | ServerTool] = []
    for index, raw in enumerate(raws):
        path = f"$.tools[{index}]"
        tool = parsed(_tool, raw, path)
        if tool.name is None or tool.type not in (None, "custom"):
            out.append(ServerTool("messages", tool.type or "unknown", bytes(raw)))
            continue
        schema = mark(tool.input_schema)
        cache = mark(tool.cache_control)
        out.append(Tool(tool.name, tool.description, schema, tool.strict, cache=cache))
        for key, value in parsed(FIELDS, raw, path).items():
            if key not in _TOOL_FIELDS and given(value):
                extra[f"tools[].{key}"] = b"true"
    return out


def _mcp(body: bytes, at: dict[str, Member]) -> list[ServerTool]:
    member = at.get(MCP)
    if member is None:
        return []
    raw = body[member.start : member.end]
    return [ServerTool("messages", MCP, raw)] if raw != b"null" and raws(raw, f"$.{MCP}") else []


def _choice(choice: _Choice | None) -> ToolChoice | None:
    match choice:
        case _Choice("auto"):
            return ToolChoice("auto")
        case _Choice("any"):
            return ToolChoice("required")
        case _Choice("none"):
            return ToolChoice("none")
        case _Choice("tool", str(name)):
            return ToolChoice("tool", (name,))
    return None


# --- options --------------------------------------------------------------------------------------------------------


def _options(fields: _Fields, extra: dict[str, bytes]) -> tuple[ReasoningOptions | None, OutputFormat | None]:
    thinking = _Thinking("") if not given(fields.thinking) else parsed(_thinking, fields.thinking, "$.thinking")
    if thinking.type and thinking.type not in _MODES:
        extra["thinking"] = bytes(fields.thinking)  # between_tools and whatever comes: only this dialect has the word
    mode = thinking.type if thinking.type in _MODES else None
    effort, output_format = _output_config(fields.output_config, extra)
    if mode is None and effort is None:
        return None, output_format
    options = ReasoningOptions(mode, effort, thinking.budget_tokens, display=thinking.display)  # type: ignore[arg-type]
    return options, output_format


def _output_config(raw: msgspec.Raw, extra: dict[str, bytes]) -> tuple[str | None, OutputFormat | None]:
    if not given(raw):
        return None, None
    effort: str | None = None
    output_format: OutputFormat | None = None
    for key, value in parsed(FIELDS, raw, "$.output_config").items():
        if not given(value):
            continue
        if key == "effort":
            effort = parsed(_effort, value, "$.output_config.effort")
        elif key == "format":
            found = parsed(_format, value, "$.output_config.format")
            if found.type == "json_schema":
                output_format = OutputFormat("json_schema", schema=mark(found.schema))
                continue
            extra[CONFIG_PREFIX + key] = bytes(value)
        else:
            extra[CONFIG_PREFIX + key] = bytes(value)
    return effort, output_format


__all__ = ["CONFIG_PREFIX", "MCP", "decode_request"]
