"""A chat request to the neutral form.

Tolerant where clients differ in form (text as a string or as parts, an image URL as a string, names of 2023), strict where
meaning is at stake: a value of the wrong type is MalformedRequest with its JSON path, an unknown kind of content becomes
Opaque, an unknown top-level field goes into `extra`. Reference: openai 3.52 `types/chat/*_param.py`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._chat_messages import FunctionShape, decode_messages
from gateway.dialects._chat_words import KNOWN_FIELDS
from gateway.dialects._shared import RAW_NULL, Count, Integer, bytes_of, opened, parsed, refuse
from gateway.ir.request import (
    OutputFormat,
    ReasoningOptions,
    Request,
    ServerTool,
    Tool,
    ToolChoice,
)


class _Tool(msgspec.Struct):
    type: str = "function"
    function: FunctionShape | None = None
    custom: FunctionShape | None = None
    cache_control: msgspec.Raw = RAW_NULL


class _JsonSchema(msgspec.Struct):
    name: str | None = None
    schema: msgspec.Raw = RAW_NULL
    strict: bool | None = None
    description: str | None = None


class _Format(msgspec.Struct):
    type: str
    json_schema: _JsonSchema | None = None


class _Thinking(msgspec.Struct):
    """`thinking` of DeepSeek and GLM, and `reasoning` of OpenRouter, which say the same in different words."""

    type: str | None = None
    budget_tokens: Count | None = None
    effort: str | None = None
    max_tokens: Count | None = None
    enabled: bool | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Allowed(msgspec.Struct):
    mode: str = "auto"
    tools: list[_Tool] = []


class _Choice(msgspec.Struct):
    type: str = "function"
    name: str | None = None
    function: FunctionShape | None = None
    custom: FunctionShape | None = None
    allowed_tools: _Allowed | None = None


class _Body(msgspec.Struct):
    model: str
    messages: list[msgspec.Raw]
    tools: list[msgspec.Raw] | None = None
    functions: list[FunctionShape] | None = None
    tool_choice: _Choice | str | None = None
    function_call: _Choice | str | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: Count | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: Integer | None = None
    n: Count | None = None
    logprobs: bool | None = None
    top_logprobs: Count | None = None
    reasoning_effort: str | None = None
    thinking: _Thinking | None = None
    reasoning: _Thinking | None = None
    response_format: _Format | None = None
    verbosity: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, Any] | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    store: bool | None = None


_body: Final = msgspec.json.Decoder(_Body)
_tool: Final = msgspec.json.Decoder(_Tool)

_DECODED: Final = frozenset(_Body.__struct_fields__)

# --- the request -------------------------------------------------------------------------------------------------


def decode_request(body: bytes) -> Request:
    """See Dialect.decode_request."""
    found, members = opened(_body, body, KNOWN_FIELDS)
    if not found.messages:
        refuse("there are no messages", "$.messages", "at least one message")
    limit = found.max_completion_tokens if found.max_completion_tokens is not None else found.max_tokens
    spans = {member.key: body[member.start : member.end] for member in members}
    return Request(
        origin="chat",
        model=found.model,
        messages=decode_messages(found.messages),
        tools=_tools(found),
        tool_choice=_choice(found),
        parallel_tool_calls=found.parallel_tool_calls,
        max_output_tokens=limit if limit != -1 else None,
        temperature=found.temperature,
        top_p=found.top_p,
        top_k=found.top_k,
        stop=(found.stop,) if isinstance(found.stop, str) else tuple(found.stop or ()),
        presence_penalty=found.presence_penalty,
        frequency_penalty=found.frequency_penalty,
        seed=found.seed,
        n=found.n,
        logprobs=found.logprobs,
        top_logprobs=found.top_logprobs,
        reasoning=_reasoning_options(found),
        output_format=_output_format(found.response_format),
        verbosity=found.verbosity,
        stream=bool(found.stream),
        include_usage=bool(found.stream_options and found.stream_options.include_usage),
        user=found.safety_identifier or found.user,
        metadata=spans.get("metadata") if found.metadata is not None else None,
        cache_key=found.prompt_cache_key,
        service_tier=found.service_tier,
        store=found.store,
        extra={key: value for key, value in spans.items() if key not in _DECODED and value != b"null"},
    )


def _tools(found: _Body) -> tuple[Tool | ServerTool, ...]:
    tools: list[Tool | ServerTool] = []
    for index, raw in enumerate(found.tools or ()):
        where = f"$.tools[{index}]"
        tools.append(_one_tool(parsed(_tool, raw, where), raw, where))
    if not tools:
        tools += [_function_tool(function, f"$.functions[{n}]") for n, function in enumerate(found.functions or ())]
    return tuple(tools)


def _one_tool(tool: _Tool, raw: msgspec.Raw, where: str) -> Tool | ServerTool:
    cache = bytes_of(tool.cache_control)
    if tool.type == "custom":
        custom = tool.custom or FunctionShape()
        if not custom.name:
            refuse("a tool needs a name", f"{where}.custom.name")
        return Tool(custom.name, custom.description, kind="custom", format=bytes_of(custom.format), cache=cache)
    if tool.type == "function":
        return _function_tool(tool.function or FunctionShape(), f"{where}.function", cache)
    return ServerTool("chat", tool.type, bytes(raw))


def _function_tool(function: FunctionShape, where: str, cache: bytes | None = None) -> Tool:
    if not function.name:
        refuse("a tool needs a name", f"{where}.name", "1 to 64 letters, digits, _ or -")
    parameters = bytes_of(function.parameters)
    if parameters is not None and not parameters.startswith(b"{"):
        refuse("a tool's parameters must be a JSON schema object", f"{where}.parameters")
    return Tool(function.name, function.description, parameters, function.strict, cache=cache)


def _choice(found: _Body) -> ToolChoice | None:
    choice = found.tool_choice if found.tool_choice is not None else found.function_call
    where = "$.tool_choice" if found.tool_choice is not None else "$.function_call"
    match choice:
        case None:
            return None
        case "none" | "auto" | "required":
            return ToolChoice(choice)
        case str():
            refuse(f"unknown tool choice {choice!r}", where, "none, auto, required, or an object")
        case _Choice(allowed_tools=_Allowed() as allowed):
            names = tuple(name for tool in allowed.tools if (name := _inner_name(tool)))
            return ToolChoice("allowed", names, must=allowed.mode == "required")
        case _Choice():
            inner = choice.function or choice.custom
            name = (inner.name if inner else None) or choice.name
            if not name:
                refuse("a tool choice needs the tool's name", where, '{"type":"function","function":{"name":…}}')
            return ToolChoice("tool", (name,))


def _inner_name(tool: _Tool) -> str | None:
    inner = tool.function or tool.custom
    return inner.name if inner else None


def _reasoning_options(found: _Body) -> ReasoningOptions | None:
    effort = found.reasoning_effort
    told = found.thinking or found.reasoning
    if told is None:
        return ReasoningOptions(effort=effort) if effort else None
    mode: Any = told.type if told.type in ("enabled", "disabled", "adaptive") else None
    if told.enabled is not None:
        mode = "enabled" if told.enabled else "disabled"
    budget = told.budget_tokens if told.budget_tokens is not None else told.max_tokens
    return ReasoningOptions(mode=mode, effort=effort or told.effort, budget_tokens=budget)


def _output_format(found: _Format | None) -> OutputFormat | None:
    match found:
        case None:
            return None
        case _Format(type="text"):
            return OutputFormat("text")
        case _Format(type="json_object"):
            return OutputFormat("json_object")
        case _Format(type="json_schema", json_schema=_JsonSchema() as schema):
            return OutputFormat(
                "json_schema", schema.name, bytes_of(schema.schema) or b"{}", schema.strict, schema.description
            )
    where = "$.response_format"
    refuse("unknown response format", where, "text, json_object, or json_schema with a json_schema object")
