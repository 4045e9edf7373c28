"""A Responses request in the neutral form.

Items become messages: what the assistant said, thought and called in one go is one assistant message, results that answer
it are one tool message. Namespaced tools get flat names (`_responses_names`). Offers of server tools go to
`extra` as `tools.<type>`: Codex offers `web_search` in every request, an offer is not content, so another dialect's encoder
reports it as left out instead of refusing the request. Their items in the history stay opaque and are refused there; only
a record of a search the vendor made (`web_search_call`) is withheld and listed in `extra`, because the answer that follows
carries what it found. State (`previous_response_id`, item references)
must have been resolved before: here it is refused.
Source: openai 3.52 `response_create_params.py`, `response_input_item.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import msgspec

from gateway.dialects._responses_names import Directory, flat_name
from gateway.dialects._responses_parts import RESULT_PARTS, parts_of
from gateway.dialects._responses_read import CONVERSATION_CURE, Count, items_of, top_level
from gateway.dialects._shared import RAW_NULL, bytes_of, encode, minted, parsed, refuse
from gateway.errors import UnsupportedFeature
from gateway.ir.request import (
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
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolResult,
)

WITHHELD: Final = frozenset({"web_search_call", "file_search_call", "mcp_list_tools"})
"""Items that record what the vendor did by itself and whose finding is in the text that follows."""

CALLS_OF_VENDOR_TOOLS: Final = frozenset(
    {"local_shell_call", "shell_call", "apply_patch_call", "computer_call", "tool_search_call", "mcp_approval_request"}
)
"""Opaque items that ask the *client* to act: a policy must look at them, although they are no function calls."""

_ROLES: Final[Mapping[str, Role]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
}

# --- top level ---------------------------------------------------------------------------------------------------


class _Format(msgspec.Struct):
    type: str = "text"
    name: str | None = None
    schema: msgspec.Raw = RAW_NULL
    strict: bool | None = None
    description: str | None = None


class _Fields(msgspec.Struct):
    model: str
    instructions: str | list[msgspec.Raw] | None = None
    stream: bool | None = None
    tool_choice: msgspec.Raw = RAW_NULL
    parallel_tool_calls: bool | None = None
    max_output_tokens: Count | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: Count | None = None
    reasoning: dict[str, msgspec.Raw] | None = None
    text: dict[str, msgspec.Raw] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: msgspec.Raw = RAW_NULL
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    include: list[str] | None = None
    previous_response_id: str | None = None
    conversation: msgspec.Raw = RAW_NULL
    prompt: msgspec.Raw = RAW_NULL
    background: bool | None = None
    tools: list[msgspec.Raw] | None = None
    truncation: str | None = None


_fields: Final = msgspec.json.Decoder(_Fields)
_format: Final = msgspec.json.Decoder(_Format)
_optional_string: Final = msgspec.json.Decoder(str | None)
_SPOKEN_FOR: Final = frozenset(_Fields.__struct_fields__) | {"input", "stream_options"}


def decode_request(body: bytes) -> Request:
    found = top_level(body)
    told = parsed(_fields, body, "$")
    _refuse_state(told)
    extra = {key: bytes(raw) for key, raw in found.items() if key not in _SPOKEN_FOR}
    tools, directory = _tools(told.tools or [], extra)
    if told.truncation not in (None, "disabled"):
        extra["truncation"] = bytes(found["truncation"])
    items, _ = items_of(found)
    messages, withheld = _Conversation(directory).read(items)
    extra |= withheld
    head = _head(told)
    choice = _choice(told.tool_choice, directory, extra)
    reasoning = _reasoning(told.reasoning, extra)
    form, verbosity = _text(told.text, extra)
    if told.safety_identifier is not None and told.user is not None:
        extra["safety_identifier"] = bytes(found["safety_identifier"])
    return Request(
        origin="responses",
        model=told.model,
        messages=(*head, *messages),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=told.parallel_tool_calls,
        max_output_tokens=told.max_output_tokens,
        temperature=told.temperature,
        top_p=told.top_p,
        logprobs=True if told.top_logprobs else None,
        top_logprobs=told.top_logprobs,
        reasoning=reasoning,
        output_format=form,
        verbosity=verbosity,
        stream=bool(told.stream),
        include_usage=True,
        user=told.user if told.user is not None else told.safety_identifier,
        metadata=bytes_of(told.metadata),
        cache_key=told.prompt_cache_key,
        service_tier=told.service_tier,
        store=told.store,
        include=tuple(told.include or ()),
        extra=extra,
    )


def _refuse_state(told: _Fields) -> None:
    if bytes_of(told.conversation) is not None:
        raise UnsupportedFeature("conversations are not kept here", where="$.conversation", accepted=CONVERSATION_CURE)
    if told.previous_response_id is not None:
        raise UnsupportedFeature(
            "the earlier response is not known here", where="$.previous_response_id", accepted="the history in `input`"
        )


def _head(told: _Fields) -> list[Message]:
    head: list[Message] = []
    prompt = bytes_of(told.prompt)
    if prompt is not None:
        head.append(Message("developer", (Opaque("responses", "prompt", prompt),)))
    if isinstance(told.instructions, str):
        if told.instructions:
            head.append(Message("system", (Text(told.instructions),)))
    elif told.instructions:
        refuse("instructions are a list", "$.instructions", "a string")
    return head


def _reasoning(told: dict[str, msgspec.Raw] | None, extra: dict[str, bytes]) -> ReasoningOptions | None:
    if told is None:
        return None
    effort = _word(told, "effort", "$.reasoning") or None
    summary = _word(told, "summary", "$.reasoning") or _word(told, "generate_summary", "$.reasoning") or None
    for key, raw in told.items():
        if key not in ("effort", "summary", "generate_summary"):
            extra[f"reasoning.{key}"] = bytes(raw)
    return ReasoningOptions(mode="disabled" if effort == "none" else None, effort=effort, summary=summary)


def _word(told: Mapping[str, msgspec.Raw], key: str, at: str) -> str | None:
    raw = told.get(key)
    return None if raw is None else parsed(_optional_string, raw, f"{at}.{key}")


def _text(told: dict[str, msgspec.Raw] | None, extra: dict[str, bytes]) -> tuple[OutputFormat | None, str | None]:
    if told is None:
        return None, None
    for key, raw in told.items():
        if key not in ("format", "verbosity"):
            extra[f"text.{key}"] = bytes(raw)
    verbosity = _word(told, "verbosity", "$.text")
    raw_format = told.get("format")
    if raw_format is None or bytes(raw_format) == b"null":
        return None, verbosity
    form = parsed(_format, raw_format, "$.text.format")
    match form.type:
        case "text":
            return None, verbosity
        case "json_object":
            return OutputFormat("json_object"), verbosity
        case "json_schema":
            schema = bytes_of(form.schema)
            return OutputFormat("json_schema", form.name, schema, form.strict, form.description), verbosity
        case other:
            refuse(f'unknown format "{other}"', "$.text.format.type", "text, json_object, json_schema")


# --- tools -------------------------------------------------------------------------------------------------------


class _ToolEntry(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = RAW_NULL
    strict: bool | None = None
    format: msgspec.Raw = RAW_NULL
    tools: list[msgspec.Raw] | None = None


class _Typed(msgspec.Struct):
    type: str


_entry: Final = msgspec.json.Decoder(_ToolEntry)
_typed: Final = msgspec.json.Decoder(_Typed)


def _tools(raws: list[msgspec.Raw], extra: dict[str, bytes]) -> tuple[tuple[Tool, ...], Directory]:
    tools: list[Tool] = []
    served: dict[str, list[msgspec.Raw]] = {}
    taken: set[str] = set()
    typed = [(f"$.tools[{i}]", raw, parsed(_typed, raw, f"$.tools[{i}]").type) for i, raw in enumerate(raws)]
    for at, raw, kind in typed:  # plain names first: a namespace gives way to them, wherever it stands
        if kind in ("function", "custom"):
            taken.add(_named(parsed(_entry, raw, at), at))
    for at, raw, kind in typed:
        if kind == "namespace":
            group = parsed(_entry, raw, at)
            tools += _namespace(group, at, taken)
            if group.description:
                extra[f"namespace.{group.name}"] = encode(group.description)
        elif kind in ("function", "custom"):
            tools.append(_tool(parsed(_entry, raw, at), at))
        else:
            served.setdefault(kind, []).append(raw)
    extra |= {f"tools.{kind}": encode(entries) for kind, entries in served.items()}
    return tuple(tools), Directory(tools)


def _named(entry: _ToolEntry, at: str) -> str:
    return entry.name or refuse("the tool has no name", f"{at}.name", "a name")


def _namespace(group: _ToolEntry, at: str, taken: set[str]) -> list[Tool]:
    namespace = _named(group, at)
    tools: list[Tool] = []
    for index, raw in enumerate(group.tools or []):
        inner_at = f"{at}.tools[{index}]"
        tool = _tool(parsed(_entry, raw, inner_at), inner_at)
        name = flat_name(namespace, tool.name, taken)
        taken.add(name)
        tools.append(replace(tool, name=name, namespace=namespace, inner=tool.name))
    return tools


def _tool(entry: _ToolEntry, at: str) -> Tool:
    name = _named(entry, at)
    if entry.type == "custom":
        return Tool(name, entry.description, kind="custom", format=bytes_of(entry.format))
    if entry.type != "function":
        refuse(f'a tool of type "{entry.type}" cannot stand in a namespace', at, "function, custom")
    return Tool(name, entry.description, bytes_of(entry.parameters), entry.strict)


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None
    mode: str | None = None
    tools: list[_ToolEntry] | None = None


_choices: Final = msgspec.json.Decoder(str | _Choice)


def _choice(raw: msgspec.Raw | None, directory: Directory, extra: dict[str, bytes]) -> ToolChoice | None:
    """A choice that the neutral form has no word for (a server tool) is kept as it came in `extra`; then what is closest to
    it is returned."""
    data = bytes_of(raw)
    if data is None:
        return None
    told = parsed(_choices, data, "$.tool_choice")
    match told:
        case "auto" | "none" | "required":
            return ToolChoice(told)
        case _Choice(type="function" | "custom") if told.name:
            return ToolChoice("tool", (directory.flat(told.name),))
        case _Choice(type="allowed_tools"):
            names = [directory.flat(tool.name) for tool in told.tools or [] if tool.name]
            if len(names) < len(told.tools or []):
                extra["tool_choice"] = data
            return ToolChoice("allowed", tuple(names), must=told.mode == "required")
        case _Choice():
            extra["tool_choice"] = data
            return None
        case _:
            refuse(f'unknown choice "{told}"', "$.tool_choice", "auto, none, required or an object")


# --- items -------------------------------------------------------------------------------------------------------


class _Head(msgspec.Struct):
    type: str | None = None
    role: str | None = None
    id: str | None = None


class _MessageItem(msgspec.Struct):
    role: str
    content: msgspec.Raw = RAW_NULL


class _CallItem(msgspec.Struct):
    name: str
    call_id: str | None = None
    arguments: str | None = None
    input: str | None = None
    namespace: str | None = None
    id: str | None = None


class _ResultItem(msgspec.Struct):
    call_id: str | None = None
    output: msgspec.Raw = RAW_NULL
    name: str | None = None


class _ReasoningItem(msgspec.Struct):
    id: str | None = None
    summary: msgspec.Raw = RAW_NULL
    content: msgspec.Raw = RAW_NULL
    encrypted_content: str | None = None


_head_of: Final = msgspec.json.Decoder(_Head)
_message: Final = msgspec.json.Decoder(_MessageItem)
_call: Final = msgspec.json.Decoder(_CallItem)
_result: Final = msgspec.json.Decoder(_ResultItem)
_thought: Final = msgspec.json.Decoder(_ReasoningItem)


def reasoning_of(raw: msgspec.Raw | bytes, at: str) -> Reasoning:
    """A reasoning item. Without encrypted content its summary is all there is, so it counts as the open text too: an
    upstream that shows its thinking in the open gets back what we gave the client as a summary."""
    told = parsed(_thought, raw, at)
    summary = _texts(told.summary, f"{at}.summary")
    text = "".join(_texts(told.content, f"{at}.content"))
    if not text and not told.encrypted_content:
        text = "\n\n".join(summary)
    return Reasoning(text=text, summary=summary, encrypted=told.encrypted_content or None, id=told.id or None)


def _texts(raw: msgspec.Raw | None, at: str) -> tuple[str, ...]:
    return tuple([part.text for part in parts_of(raw, at) if isinstance(part, Text)])


class _Conversation:
    """Gathers items into messages."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._messages: list[Message] = []
        self._role: Role | None = None
        self._parts: list[Part] = []
        self._withheld: dict[str, bytes] = {}

    def read(self, items: list[msgspec.Raw]) -> tuple[list[Message], dict[str, bytes]]:
        for index, raw in enumerate(items):
            self._item(raw, f"$.input[{index}]")
        self._end()
        return _answered(self._messages), self._withheld

    def _end(self) -> None:
        if self._role is not None and self._parts:
            self._messages.append(Message(self._role, tuple(self._parts)))
        self._role, self._parts = None, []

    def _add(self, role: Role, *parts: Part) -> None:
        if role != self._role:
            self._end()
            self._role = role
        self._parts += parts

    def _item(self, raw: msgspec.Raw, at: str) -> None:
        head = parsed(_head_of, raw, at)
        kind = head.type or ("message" if head.role else "item_reference" if head.id else None)
        match kind:
            case "message":
                self._say(raw, at)
            case "function_call" | "custom_tool_call":
                self._add("assistant", self._call(raw, at, kind == "custom_tool_call"))
            case "function_call_output" | "custom_tool_call_output":
                self._add("tool", self._result(raw, at, kind == "custom_tool_call_output"))
            case "reasoning":
                self._add("assistant", reasoning_of(raw, at))
            case "item_reference":
                raise UnsupportedFeature(
                    f'the item "{head.id}" is not known here', where=at, accepted="the item itself, as it was returned"
                )
            case None:
                refuse("an item without type and role", at, "a message or another input item")
            case _ if kind in WITHHELD:
                self._withheld[f"input.{kind}"] = bytes(raw)
            case _:
                self._opaque(raw, kind, head.role)

    def _opaque(self, raw: msgspec.Raw, kind: str, role: str | None) -> None:
        part = Opaque("responses", kind, bytes(raw))
        if kind.endswith("_output") or kind == "mcp_approval_response":
            self._end()
            self._add("user", part)
            self._end()
        else:
            self._add(_ROLES.get(role or "", "assistant"), part)

    def _say(self, raw: msgspec.Raw, at: str) -> None:
        told = parsed(_message, raw, at)
        role = _ROLES.get(told.role)
        if role is None:
            refuse(f'unknown role "{told.role}"', f"{at}.role", "user, assistant, system, developer")
        parts = parts_of(told.content, f"{at}.content")
        if role == "assistant":
            self._add(role, *parts)
            return
        self._end()
        self._add(role, *parts)
        self._end()

    def _call(self, raw: msgspec.Raw, at: str, custom: bool) -> ToolCall:
        told = parsed(_call, raw, at)
        name = self._directory.flat(told.name, told.namespace)
        call_id = told.call_id or told.id or minted("call_", at, told.name)
        text = told.input if custom else told.arguments
        kind: ToolKind = "custom" if custom else "function"
        return ToolCall(call_id, name, text or "", kind, told.namespace, told.id)

    def _result(self, raw: msgspec.Raw, at: str, custom: bool) -> ToolResult:
        told = parsed(_result, raw, at)
        if not told.call_id:
            refuse("the field is missing", f"{at}.call_id", "the call_id of the call it answers")
        parts = parts_of(told.output, f"{at}.output")
        for index, part in enumerate(parts):
            if not isinstance(part, Text | Image | File | Refusal):
                raise UnsupportedFeature(
                    f"a {type(part).__name__} part cannot stand in a tool result",
                    where=f"{at}.output[{index}]",
                    accepted=RESULT_PARTS,
                )
        kept = tuple([Text(part.text) if isinstance(part, Refusal) else part for part in parts])
        return ToolResult(told.call_id, kept, kind="custom" if custom else "function", name=told.name)


def _answered(messages: list[Message]) -> list[Message]:
    """The same messages with every result right after the turn that made its call: the API takes results anywhere, Codex
    puts other messages between, and no other dialect allows that. Results whose call is not there stay where they are."""
    turn_of: dict[str, int] = {}
    results: dict[int, list[Part]] = {}
    out: list[tuple[int, Message]] = []
    for index, message in enumerate(messages):
        if message.role != "tool":
            out.append((index, message))
            turn_of |= {part.id: index for part in message.parts if isinstance(part, ToolCall)}
            continue
        orphans: list[Part] = []
        for part in message.parts:
            turn = turn_of.get(part.call_id) if isinstance(part, ToolResult) else None
            (orphans if turn is None else results.setdefault(turn, [])).append(part)
        if orphans:
            out.append((index, Message("tool", tuple(orphans))))
    placed: list[Message] = []
    for index, message in out:
        placed.append(message)
        if index in results:
            placed.append(Message("tool", tuple(results[index])))
    return placed
