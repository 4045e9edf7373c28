"""A neutral request as a Responses request.

Stateless on purpose: `store` is false unless the client said otherwise, and reasoning is asked for in encrypted form where
the upstream replays it. Nothing the API refuses leaves: a call without a result gets one that says so, a result without a
call becomes a user's note, ids and names fit their limits. Source: openai 3.52 `response_create_params.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Final

import msgspec

from gateway.dialects._responses_names import Directory, Known
from gateway.dialects._responses_parts import foreign, input_part, output_part, reasoning_item
from gateway.dialects._shared import custom_as_function, encode, minted, short_name, wrap_custom
from gateway.dialects.contract import Encoded, Target
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import (
    Audio,
    File,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    ReasoningOptions,
    Refusal,
    Request,
    ServerTool,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

ID_MAX: Final = 64
"""Characters of a call_id that the API takes."""
NO_RESULT: Final = "Error: no result of this call was recorded."
_EMPTY_SCHEMA: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
_EFFORT_UP_TO: Final = ((4_096, "low"), (16_384, "medium"))
"""Thinking budgets in tokens and the effort that stands for them; above: high."""

_array: Final = msgspec.json.Decoder(list[msgspec.Raw])
_map: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def encode_request(request: Request, target: Target) -> Encoded:
    losses: list[str] = []
    own = request.origin == "responses"
    directory = Directory.of_request(request)
    out: dict[str, Any] = {"model": target.model}
    messages = _turns(request.messages, target.profile)
    instructions = _instructions(messages)
    if instructions is not None:
        out["instructions"] = instructions
        messages = messages[1:]
    writer = _Items(target.profile, directory, losses)
    out["input"] = writer.write(messages)
    if writer.prompt is not None:
        out["prompt"] = writer.prompt
    _put_tools(out, request, target.profile, directory, losses)
    _put_limits(out, request, target, losses)
    _put_thinking(out, request, target.profile, losses)
    _put_format(out, request, target.profile, losses)
    _put_names(out, request, target.profile, losses)
    _put_extra(out, request.extra, own, losses)
    if request.stream:
        out["stream"] = True
    return Encoded(encode(out), tuple(dict.fromkeys(losses)))


def _turns(messages: tuple[Message, ...], profile: Profile) -> tuple[Message, ...]:
    """Without traces that this upstream does not take back and messages that say nothing; what the assistant did in a row
    is one turn."""
    turns: list[Message] = []
    for message in messages:
        parts = tuple([part for part in message.parts if not _withheld(part, profile)])
        if all(isinstance(part, Text) and not part.text for part in parts):
            continue
        message = replace(message, parts=parts)
        if turns and message.role == turns[-1].role == "assistant":
            turns[-1] = replace(turns[-1], parts=turns[-1].parts + message.parts)
        else:
            turns.append(message)
    return tuple(turns)


def _withheld(part: Part, profile: Profile) -> bool:
    return isinstance(part, Reasoning) and not (profile.encrypted_reasoning and reasoning_item(part))


def _instructions(messages: tuple[Message, ...]) -> str | None:
    """A first system message of one plain text has a field of its own; empty texts beside it say nothing."""
    if not messages or messages[0].role != "system":
        return None
    parts = [part for part in messages[0].parts if not (isinstance(part, Text) and not part.text)]
    return parts[0].text if len(parts) == 1 and isinstance(parts[0], Text) else None


# --- items -------------------------------------------------------------------------------------------------------


def call_id(told: str) -> str:
    """The id within its limit; the same id always gives the same result, so calls and results still meet."""
    if len(told) <= ID_MAX:
        return told
    return f"{told[:47]}_{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()[:16]}"


class _Items:
    """Messages to input items. `prompt` is the template reference found on the way, if any."""

    def __init__(self, profile: Profile, directory: Directory, losses: list[str]) -> None:
        self._profile = profile
        self._directory = directory
        self._losses = losses
        self._out: list[Any] = []
        self._waiting: dict[str, str] = {}  # calls without a result yet, and the type of the item that answers
        self.prompt: msgspec.Raw | None = None

    def write(self, messages: tuple[Message, ...]) -> list[Any]:
        for index, message in enumerate(messages):
            where = f"messages[{index}]"
            if message.role == "tool":
                self._results(message, where)
                continue
            self._answer_rest()
            if message.role == "assistant":
                self._assistant(message, where)
            else:
                self._message(message, where)
        self._answer_rest()
        last = messages[-1] if messages else None
        if last is not None and last.role == "assistant" and isinstance(last.parts[-1] if last.parts else None, Text):
            self._losses.append("prefill")  # the API answers a trailing assistant message, it does not continue it
        return self._out

    def _answer_rest(self) -> None:
        for waiting, kind in self._waiting.items():
            self._out.append({"type": kind, "call_id": waiting, "output": NO_RESULT})
            self._losses.append("tool call without a result")
        self._waiting = {}

    def _message(self, message: Message, where: str) -> None:
        content: list[Any] = []
        for index, part in enumerate(message.parts):
            if isinstance(part, Opaque) and part.dialect == "responses":
                if part.kind == "prompt":
                    self.prompt = msgspec.Raw(part.raw)
                    continue
                if not part.kind.startswith("input_"):
                    self._out.append(msgspec.Raw(part.raw))
                    continue
            if isinstance(part, Text) and not part.text:
                continue
            if getattr(part, "cache", None) is not None:
                self._losses.append("cache_control")
            content.append(input_part(part, self._profile, f"{where}.parts[{index}]"))
        if content:
            self._out.append({"type": "message", "role": message.role, "content": content})

    def _assistant(self, message: Message, where: str) -> None:
        spoken: list[Text | Refusal] = []
        for index, part in enumerate(message.parts):
            if isinstance(part, Text | Refusal):
                if part.text:
                    spoken.append(part)
                continue
            self._speak(spoken)
            spoken = []
            self._act(part, f"{where}.parts[{index}]")
        self._speak(spoken)

    def _speak(self, parts: list[Text | Refusal]) -> None:
        """One plain text is sent in the short form that every server reads; else the full form of an output message."""
        if not parts:
            return
        if len(parts) == 1 and isinstance(parts[0], Text) and parts[0].annotations is None:
            self._out.append({"type": "message", "role": "assistant", "content": parts[0].text})
            return
        self._out.append(
            {
                "type": "message",
                "id": minted("msg_", len(self._out), *[part.text for part in parts]),
                "role": "assistant",
                "status": "completed",
                "content": [output_part(part) for part in parts],
            }
        )

    def _act(self, part: Part, where: str) -> None:
        match part:
            case ToolCall():
                self._call(part)
            case Reasoning():
                self._out.append(reasoning_item(part))
            case Opaque("responses", _, raw):
                self._out.append(msgspec.Raw(raw))
            case Opaque(dialect, kind):
                raise foreign(dialect, kind, where)
            case _:
                raise UnsupportedFeature(f"{type(part).__name__} cannot be said by an assistant here", where=where)

    def _call(self, call: ToolCall) -> None:
        known = self._known(call)
        name = short_name(known.name)
        told = call_id(call.id)
        item: dict[str, Any]
        if call.kind == "custom" and self._profile.custom_tools:
            item = {"type": "custom_tool_call", "call_id": told, "name": name, "input": call.arguments}
        else:
            arguments = wrap_custom(call.arguments) if call.kind == "custom" else call.arguments or "{}"
            item = {"type": "function_call", "call_id": told, "name": name, "arguments": arguments}
        if known.namespace is not None:
            item["namespace"] = known.namespace
        prefix = "ctc_" if item["type"] == "custom_tool_call" else "fc_"
        if call.item_id and call.item_id.startswith(prefix):
            item["id"] = call.item_id
        self._out.append(item)
        self._waiting[told] = f"{item['type']}_output"

    def _known(self, call: ToolCall) -> Known:
        return self._directory.find(call.name, call.namespace, flat=True)

    def _results(self, message: Message, where: str) -> None:
        after: list[Any] = []
        for index, part in enumerate(message.parts):
            at = f"{where}.parts[{index}]"
            if isinstance(part, ToolResult):
                self._result(part, at, after)
            else:
                after.append(input_part(part, self._profile, at))
        if after:
            self._answer_rest()
            self._out.append({"type": "message", "role": "user", "content": after})

    def _result(self, result: ToolResult, where: str, after: list[Any]) -> None:
        told = call_id(result.call_id)
        kind = self._waiting.pop(told, None)
        parts = _marked(result)
        texts = [part for part in parts if isinstance(part, Text)]
        others = [part for part in parts if not isinstance(part, Text)]
        if kind is None:
            self._losses.append("tool result without its call")
            after.append({"type": "input_text", "text": f"[Result of an earlier tool call, {told}]"})
            told_parts = [part for part in parts if not isinstance(part, Text) or part.text]
            after += [input_part(part, self._profile, where) for part in told_parts]
            return
        output: Any
        if len(texts) == len(parts) and len(texts) <= 1:
            output = texts[0].text if texts else ""
        elif not others or self._profile.tool_images:
            output = [input_part(part, self._profile, where) for part in parts]
        else:
            output = "\n".join([part.text for part in texts]) or "[The result follows as an image or file.]"
            after.append({"type": "input_text", "text": f"[Result of tool call {told}]"})
            after += [input_part(part, self._profile, where) for part in others]
        self._out.append({"type": kind, "call_id": told, "output": output})


def _marked(result: ToolResult) -> tuple[Text | Image | File | Audio, ...]:
    """The parts, with a word that it failed where it did: the dialect has no flag for it."""
    parts: tuple[Any, ...] = result.parts
    if not result.is_error:
        return parts
    first = parts[0] if parts else Text("the tool failed")
    if isinstance(first, Text) and first.text[:5].lower() == "error":
        return parts
    if isinstance(first, Text):
        return (Text(f"Error: {first.text}"), *parts[1:])
    return (Text("Error:"), *parts)


# --- tools -------------------------------------------------------------------------------------------------------


def _put_tools(
    out: dict[str, Any], request: Request, profile: Profile, directory: Directory, losses: list[str]
) -> None:
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
    entry["parameters"] = msgspec.Raw(tool.parameters) if tool.parameters is not None else _EMPTY_SCHEMA
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


# --- the rest ----------------------------------------------------------------------------------------------------


def _put_limits(out: dict[str, Any], request: Request, target: Target, losses: list[str]) -> None:
    limit = request.max_output_tokens
    if limit is not None:
        out["max_output_tokens"] = min(limit, target.max_output_tokens) if target.max_output_tokens else limit
    for name in ("temperature", "top_p"):
        value = getattr(request, name)
        if value is not None and target.profile.sampling:
            out[name] = value
        elif value is not None:
            losses.append(name)
    if request.top_k is not None and target.profile.top_k:
        out["top_k"] = request.top_k
    elif request.top_k is not None:
        losses.append("top_k")
    if request.n is not None and request.n > 1:
        raise UnsupportedFeature("several choices (n) do not exist in the Responses dialect", where="$.n", accepted="1")
    unknown = ("presence_penalty", "frequency_penalty", "seed")
    losses += [name for name in unknown if getattr(request, name) is not None]
    if request.stop:
        losses.append("stop")
    if request.origin == "responses":
        if request.top_logprobs is not None:
            out["top_logprobs"] = request.top_logprobs
    elif request.logprobs or request.top_logprobs:
        losses.append("logprobs")


def _put_thinking(out: dict[str, Any], request: Request, profile: Profile, losses: list[str]) -> None:
    include = list(request.include)
    if request.origin != "responses" and profile.encrypted_reasoning:
        include.append("reasoning.encrypted_content")
    if include:
        out["include"] = include
    told = request.reasoning
    if told is None:
        return
    effort = _effort(told)
    thinking: dict[str, str] = {}
    if effort is not None and profile.effort_field != "none":
        thinking["effort"] = effort
    elif effort is not None:
        losses.append("reasoning.effort")
    if told.summary is not None:
        thinking["summary"] = told.summary
    elif request.origin == "messages" and told.mode in ("enabled", "adaptive") and told.display != "omitted":
        thinking["summary"] = "auto"
    if thinking:
        out["reasoning"] = thinking


def _effort(told: ReasoningOptions) -> str | None:
    if told.mode == "disabled":
        return "none"
    if told.effort is not None or told.budget_tokens is None:
        return told.effort
    for bound, effort in _EFFORT_UP_TO:
        if told.budget_tokens <= bound:
            return effort
    return "high"


def _put_format(out: dict[str, Any], request: Request, profile: Profile, losses: list[str]) -> None:
    text: dict[str, Any] = {}
    form = request.output_format
    if form is not None and form.kind != "text":
        if form.kind == "json_schema" and not profile.json_schema:
            losses.append("response_format")
        else:
            text["format"] = _format(form)
    if request.verbosity is not None:
        text["verbosity"] = request.verbosity
    if text:
        out["text"] = text


def _format(form: OutputFormat) -> dict[str, Any]:
    if form.kind == "json_object":
        return {"type": "json_object"}
    out: dict[str, Any] = {"type": "json_schema", "name": form.name or "output"}
    out["schema"] = msgspec.Raw(form.schema) if form.schema is not None else _EMPTY_SCHEMA
    if form.strict is not None:
        out["strict"] = form.strict
    if form.description is not None:
        out["description"] = form.description
    return out


_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})


def _put_names(out: dict[str, Any], request: Request, profile: Profile, losses: list[str]) -> None:
    own = request.origin == "responses"
    if request.store is not None or not own:
        out["store"] = bool(request.store) and own
    if request.user is not None:
        out["user"] = request.user
    if request.metadata is not None:
        if own or _strings(request.metadata):
            out["metadata"] = msgspec.Raw(request.metadata)
        else:
            losses.append("metadata")
    if request.cache_key is not None:
        if own or profile.cache_key_field:
            out["prompt_cache_key"] = request.cache_key
        else:
            losses.append("prompt_cache_key")
    if request.service_tier is not None:
        if own or request.service_tier in _TIERS:
            out["service_tier"] = request.service_tier
        else:
            losses.append("service_tier")


def _strings(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw, type=dict[str, str])
    except msgspec.DecodeError:
        return False
    return True


_OURS: Final = frozenset({"effort", "summary", "generate_summary", "format", "verbosity"})


def _put_extra(out: dict[str, Any], extra: Any, own: bool, losses: list[str]) -> None:
    for key, raw in extra.items():
        head, dot, rest = key.partition(".")
        if not own:
            losses.append(key)
        elif head == "input" and dot:
            losses.append(key)  # a vendor's own record, withheld by the decoder
        elif head in ("namespace", "tools") and dot:
            continue  # written with the tools
        elif head in ("reasoning", "text") and dot:
            if rest not in _OURS:
                out.setdefault(head, {})[rest] = msgspec.Raw(raw)
        else:
            out[key] = msgspec.Raw(raw)
