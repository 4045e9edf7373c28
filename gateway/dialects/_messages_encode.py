"""A neutral request as a Messages request for one upstream.

Content that cannot be said is refused with UnsupportedFeature; knobs that cannot are left out and named in `losses`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._messages_decode import CONFIG_PREFIX, MCP
from gateway.dialects._messages_thinking import Plan, paused, plan, wanted_budget
from gateway.dialects._messages_turns import Block, TurnWriter, wire_name
from gateway.dialects._shared import custom_as_function
from gateway.dialects.contract import Encoded, Target
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import Message, Request, ServerTool, Tool, ToolCall, ToolChoice
from gateway.wire.splice import NotAnObject, insert_first, members

_JSON_ONLY: Final = "Answer with one JSON object and nothing else."
_NO_SCHEMA: Final = b'{"type":"object","properties":{}}'
_PAST_TOOL: Final = "Was called earlier in this conversation; it cannot be called any more."
_FORCING: Final = ("any", "tool")
_OWN_FIELDS: Final = ("cache_control",)
_MIN_TOP_P: Final = 0.95
"""With thinking on, Anthropic takes temperature 1 only, top_p from 0.95, and no top_k."""


def encode_request(request: Request, target: Target) -> Encoded:
    profile = target.profile
    _refuse_output(request, profile)
    writer = TurnWriter(request.origin, profile)
    system, rest = _split_system(request.messages)
    turns = writer.write(rest)
    if profile.prefill is False and turns[-1]["role"] == "assistant":
        raise UnsupportedFeature(
            "this model does not continue a trailing assistant message",
            where=f"messages[{len(request.messages) - 1}]",
            accepted="a last message of role user",
        )
    losses = writer.losses
    tools, past_only = _tools(request, profile)
    choice = _tool_choice(request, profile, bool(tools), past_only, losses)
    max_tokens = _max_tokens(request, target)
    own = request.origin == "messages"
    thinking = plan(request.reasoning, profile, max_tokens, choice is not None and choice["type"] in _FORCING, own)
    if profile.verifies_signatures and thinking.by_budget and _unthinking_tail(turns):
        thinking = paused(thinking, profile)
    losses.update(dict.fromkeys(thinking.losses))
    body: dict[str, Any] = {"model": target.model, "max_tokens": max_tokens}
    blocks = [block for part in system if (block := writer.system_block(part)) is not None]
    if request.output_format is not None and request.output_format.kind == "json_object":
        blocks.append({"type": "text", "text": _JSON_ONLY})
        losses["response_format json_object: asked for in words"] = None
    body.update(_present("system", _plain(blocks)))
    body["messages"] = [{**turn, "content": _plain(turn["content"])} for turn in turns]
    body.update(_present("tools", tools))
    body.update(_present("tool_choice", choice))
    _write_options(body, request, profile, thinking, losses)
    _write_extra(body, request, profile, losses)
    if request.stream:
        body["stream"] = True
    return Encoded(msgspec.json.encode(body), tuple(losses))


def _unthinking_tail(turns: list[Any]) -> bool:
    """The request answers tools that were called by a turn without thinking (another vendor's, or a lost one)."""
    if len(turns) < 2 or "tool_result" not in map(_type_of, turns[-1]["content"]):
        return False
    called = turns[-2]["content"]
    return not called or _type_of(called[0]) not in ("thinking", "redacted_thinking")


def _type_of(block: Any) -> str:
    """A vendor's own block travels as raw JSON: none of the types that matter here."""
    return str(block.get("type")) if isinstance(block, dict) else ""


def _present(key: str, value: Any) -> dict[str, Any]:
    return {key: value} if value else {}


def _plain(blocks: list[Block]) -> str | list[Block]:
    """One unmarked text as a string: the form that every server takes."""
    only = blocks[0] if len(blocks) == 1 else None
    if isinstance(only, dict) and set(only) == {"type", "text"}:
        return str(only["text"])
    return blocks


def _split_system(messages: tuple[Message, ...]) -> tuple[list[Any], list[Message]]:
    """Parts of the leading system and developer messages, and the rest. A request of nothing else needs one user turn: its
    last system message becomes it."""
    count = 0
    while count < len(messages) and messages[count].role in ("system", "developer"):
        count += 1
    rest = list(messages[count:])
    if not any(part for message in rest for part in message.parts):
        if count == 0:
            raise UnsupportedFeature("a request without any content", where="messages")
        count -= 1
        rest = [Message("user", messages[count].parts)]
    return [part for message in messages[:count] for part in message.parts], rest


def _refuse_output(request: Request, profile: Profile) -> None:
    if request.n not in (None, 1):
        raise UnsupportedFeature("more than one choice", where="n", accepted="1")
    if request.logprobs or request.top_logprobs:
        raise UnsupportedFeature("log probabilities are not offered by this model", where="logprobs")
    wanted = request.output_format
    if wanted is not None and wanted.kind == "json_schema" and (not profile.output_config or wanted.schema is None):
        # A forced tool that carries the schema is the known detour, but its reply could not be told from a real tool call.
        raise UnsupportedFeature(
            "structured output (json_schema) is not offered by this model",
            where="output_config.format" if request.origin == "messages" else "response_format",
            accepted="text or json_object",
        )


def _max_tokens(request: Request, target: Target) -> int:
    """The client's bound within the model's; else the model's; else the profile's default with room for the thinking."""
    limit = target.max_output_tokens
    if request.max_output_tokens is not None:
        wanted = max(1, request.max_output_tokens) if request.origin != "messages" else request.max_output_tokens
        return min(wanted, limit) if limit is not None else wanted
    return limit or target.profile.max_tokens_default + wanted_budget(request.reasoning)


# --- tools ----------------------------------------------------------------------------------------------------------


def _tools(request: Request, profile: Profile) -> tuple[list[Any], bool]:
    """Tool entries; the flag says that they only stand for calls of the past. History with calls but no tools is refused
    by the API (agentgateway#2747), so the names that were called are declared and then forbidden by tool_choice none."""
    out: list[Any] = []
    seen: dict[str, Tool] = {}
    for tool in request.tools:
        if isinstance(tool, ServerTool):
            out += _server_tool(tool)
            continue
        name = wire_name(tool.name)
        if name in seen:
            if seen[name] != tool:
                raise UnsupportedFeature(
                    f"two different tools are named {name}", where="tools", accepted="unique names"
                )
            continue
        seen[name] = tool
        out.append(_tool(tool, name, profile))
    if out:
        return out, False
    called = {wire_name(p.name): None for m in request.messages for p in m.parts if isinstance(p, ToolCall)}
    return [
        {"name": name, "description": _PAST_TOOL, "input_schema": msgspec.Raw(_NO_SCHEMA)} for name in called
    ], bool(called)


def _server_tool(tool: ServerTool) -> list[msgspec.Raw]:
    if tool.dialect != "messages":
        raise UnsupportedFeature(
            f"the tool {tool.kind} is run by {tool.dialect} vendors only", where="tools", accepted="function tools"
        )
    return [] if tool.kind == MCP else [msgspec.Raw(tool.raw)]


def _tool(tool: Tool, name: str, profile: Profile) -> dict[str, Any]:
    if tool.kind == "custom":
        tool = custom_as_function(tool)
    entry: dict[str, Any] = {"name": name}
    if tool.description:
        entry["description"] = tool.description
    entry["input_schema"] = msgspec.Raw(_object_schema(tool.parameters))
    if tool.strict and profile.strict_tools:
        entry["strict"] = True
    if tool.cache is not None and profile.cache_marks:
        entry["cache_control"] = msgspec.Raw(tool.cache)
    return entry


def _object_schema(schema: bytes | None) -> bytes:
    """The client's schema with the one thing the API insists on, `"type": "object"` at its top; nothing else changes."""
    if schema is None or schema == b"null":
        return _NO_SCHEMA
    try:
        typed = any(member.key == "type" for member in members(schema))
        return schema if typed else insert_first(schema, "type", b'"object"')
    except NotAnObject:
        raise UnsupportedFeature("a tool's parameters must be a JSON object", where="tools") from None


def _tool_choice(
    request: Request, profile: Profile, any_tools: bool, past_only: bool, losses: dict[str, None]
) -> dict[str, Any] | None:
    if not any_tools:
        return None
    if past_only:
        return {"type": "none"}
    wanted = request.tool_choice
    choice: dict[str, Any] | None = None
    match wanted.mode if wanted else None:
        case "auto":
            choice = {"type": "auto"}
        case "none":
            return {"type": "none"}
        case "required":
            choice = {"type": "any"}
        case "tool" if wanted and wanted.names:
            choice = {"type": "tool", "name": wire_name(wanted.names[0])}
        case "allowed":
            choice = _allowed(wanted, losses) if wanted else None
    if choice and choice["type"] in _FORCING and not profile.forced_tool_choice:
        losses["tool_choice: this model cannot be forced"] = None
        choice = {"type": "auto"}
    if request.parallel_tool_calls is False and not profile.parallel_field:
        losses["parallel_tool_calls"] = None
    elif request.parallel_tool_calls is not None and (choice or not request.parallel_tool_calls):
        choice = choice or {"type": "auto"}
        choice["disable_parallel_tool_use"] = not request.parallel_tool_calls
    return choice


def _allowed(wanted: ToolChoice, losses: dict[str, None]) -> dict[str, Any]:
    """Some of the tools only: not sayable beyond one forced name. Pruning `tools` would empty the prefix cache."""
    if wanted.must and len(wanted.names) == 1:
        return {"type": "tool", "name": wire_name(wanted.names[0])}
    losses["tool_choice allowed_tools"] = None
    return {"type": "any"} if wanted.must else {"type": "auto"}


# --- options --------------------------------------------------------------------------------------------------------


def _write_options(
    body: dict[str, Any], request: Request, profile: Profile, thinking: Plan, losses: dict[str, None]
) -> None:
    _write_sampling(body, request, profile, thinking, losses)
    stop = [text for text in request.stop if text.strip()]
    if len(stop) < len(request.stop):
        losses["stop: blank sequences"] = None
    if len(stop) > profile.stop_max:
        losses[f"stop: more than {profile.stop_max}"] = None
    body.update(_present("stop_sequences", stop[: profile.stop_max]))
    if thinking.field is not None:
        body["thinking"] = msgspec.Raw(thinking.field)
    config: dict[str, Any] = _present("effort", thinking.effort)
    wanted = request.output_format
    if wanted is not None and wanted.kind == "json_schema" and wanted.schema is not None:
        config["format"] = {"type": "json_schema", "schema": msgspec.Raw(wanted.schema)}
    body.update(_present("output_config", config))
    if request.origin == "messages" and request.metadata is not None:
        body["metadata"] = msgspec.Raw(request.metadata)
    elif request.user:
        body["metadata"] = {"user_id": request.user}
    _report(request, losses)


def _write_sampling(
    body: dict[str, Any], request: Request, profile: Profile, thinking: Plan, losses: dict[str, None]
) -> None:
    strict = thinking.on and thinking.field is not None and profile.verifies_signatures
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(request, name)
        if value is None:
            continue
        fits = {"temperature": value == 1, "top_p": value >= _MIN_TOP_P, "top_k": False}[name]
        if not profile.sampling or (strict and not fits):
            losses[name] = None
        elif name == "temperature" and value > 1 and profile.verifies_signatures:
            body[name] = 1.0  # OpenAI's scale ends at 2, Anthropic's at 1
            losses["temperature above 1"] = None
        else:
            body[name] = value


def _report(request: Request, losses: dict[str, None]) -> None:
    told = {
        "presence_penalty": request.presence_penalty not in (None, 0),
        "frequency_penalty": request.frequency_penalty not in (None, 0),
        "seed": request.seed is not None,
        "verbosity": request.verbosity is not None,
        "prompt_cache_key": request.cache_key is not None,
        "service_tier": request.service_tier not in (None, "auto", "default"),
        "metadata": request.metadata is not None and request.origin != "messages",
        "reasoning.summary": request.reasoning is not None and request.reasoning.summary not in (None, "auto"),
    }
    losses.update({name: None for name, lost in told.items() if lost})


def _write_extra(body: dict[str, Any], request: Request, profile: Profile, losses: dict[str, None]) -> None:
    for tool in request.tools:
        if isinstance(tool, ServerTool) and tool.kind == MCP:
            body[MCP] = msgspec.Raw(tool.raw)
    for key, raw in request.extra.items():
        if request.origin != "messages" or "[" in key or profile.unknown_fields == "drop":
            losses[key] = None
        elif key in _OWN_FIELDS and not profile.cache_marks:
            continue
        elif key == "thinking" and not profile.thinking_modes:
            losses["thinking"] = None
        elif key.startswith(CONFIG_PREFIX):
            _write_config(body, key, raw, profile, losses)
        elif key not in body:
            body[key] = msgspec.Raw(raw)


def _write_config(body: dict[str, Any], key: str, raw: bytes, profile: Profile, losses: dict[str, None]) -> None:
    if profile.output_config:
        body.setdefault("output_config", {})[key.removeprefix(CONFIG_PREFIX)] = msgspec.Raw(raw)
    else:
        losses[key] = None
