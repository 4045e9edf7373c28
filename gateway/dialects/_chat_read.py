"""The cheap look at a chat request that every request gets: one typed parse with messages left raw, one walk for spans.

Knows nothing of profiles. The spans found here are kept in the view, so that `adapt` need not look for them again.
"""

from __future__ import annotations

import operator
import re
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from gateway.dialects._chat_words import KNOWN_FIELDS
from gateway.dialects._shared import RAW_NULL, Bad, Count, added_items, bytes_of, opened, parsed, refuse
from gateway.dialects.contract import SeenReasoning, View
from gateway.wire import splice


class ChatView(View, frozen=True, kw_only=True):
    """The view with what this dialect's edits need: the body it was read from and where each top-level field lies.
    `functions` tells that the request uses the names of 2023 (`functions`, `function_call`), `custom` that some tool says
    so of itself somewhere. `fitted` remembers, for a set of profile flags, how many leading messages need no edit."""

    source: bytes = b""
    members: tuple[splice.Member, ...] = ()
    functions: bool = False
    custom: bool = False
    plans: dict[tuple[int, bool], tuple[Any, dict[str, bytes | None]]] = msgspec.field(default_factory=dict)
    """Edits of the top level by the id of the target they are for (it stands beside them) and `ask_usage`: a later turn
    repeats every top-level field but the messages."""
    fitted: dict[tuple[bool, bool, bool], int] = msgspec.field(default_factory=dict)


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Body(msgspec.Struct):
    model: str
    messages: list[msgspec.Raw]
    tools: list[msgspec.Raw] | None = None
    functions: list[msgspec.Raw] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None


class _Named(msgspec.Struct):
    name: str | None = None


class _Tool(msgspec.Struct):
    type: str = "function"
    function: _Named | None = None
    custom: _Named | None = None
    name: str | None = None


_FIRST_BYTE: Final = operator.itemgetter(0)
_BRACE: Final = ord("{")
_TOOL_HEAD: Final = re.compile(rb'\{"type":\s*"function",\s*"function":\s*\{"name":\s*"([\w-]+)"')

_body: Final = msgspec.json.Decoder(_Body)
_tool: Final = msgspec.json.Decoder(_Tool)


def read(body: bytes) -> ChatView:
    """See Dialect.read. Two walks over the body at C speed, and one over the tools for their names."""
    found, members = opened(_body, body, KNOWN_FIELDS)
    if not found.model:
        refuse("the model name is empty", "$.model", "a model name")
    if not found.messages:
        refuse("there are no messages", "$.messages", "at least one message")
    for index, first in enumerate(map(_FIRST_BYTE, map(bytes, found.messages))):
        if first != _BRACE:
            refuse("a message must be an object", f"$.messages[{index}]", '{"role": …, "content": …}')
    tools = found.tools or found.functions or []
    where = "$.tools" if found.tools else "$.functions"
    limit = found.max_completion_tokens if found.max_completion_tokens is not None else found.max_tokens
    return ChatView(
        model=found.model,
        stream=bool(found.stream),
        messages=tuple(found.messages),
        tools=tuple(tools),
        tool_names=tuple([_name(tool, where, n) for n, tool in enumerate(tools)]),
        include_usage=bool(found.stream_options and found.stream_options.include_usage),
        max_output_tokens=limit,
        user_id=found.safety_identifier or found.user,
        cache_key=found.prompt_cache_key,
        metadata=None if found.metadata is None else {k: v for k, v in found.metadata.items() if isinstance(v, str)},
        store=found.store,
        span_model=next((m.start, m.end) for m in members if m.key == "model"),
        messages_end=next(splice.array_end(body, m.end) for m in reversed(members) if m.key == "messages"),
        source=body,
        members=tuple(members),
        functions=found.functions is not None and not found.tools,
        custom=any(b'"custom"' in bytes(tool) for tool in tools),
    )


def continued(body: bytes, earlier: bytes, view: View) -> ChatView | None:
    """See Dialect.continued."""
    if not isinstance(view, ChatView) or (new := added_items(body, earlier, view.messages_end)) is None:
        return None
    grown = len(body) - len(earlier)
    members = splice.shifted(view.members, view.messages_end, grown)
    return replace(
        view,
        messages=(*view.messages, *new),
        span_model=next((m.start, m.end) for m in members if m.key == "model"),
        messages_end=view.messages_end + grown,
        source=body,
        members=members,
        fitted=dict(view.fitted),
    )


def _name(raw: msgspec.Raw, array: str, index: int) -> str:
    head = _TOOL_HEAD.match(raw)
    if head:  # as nearly every client writes it; spares a walk over the schema
        return head[1].decode()
    where = f"{array}[{index}]"
    tool = parsed(_tool, raw, where)
    inner = tool.function or tool.custom
    name = (inner.name if inner else None) or tool.name
    if name:
        return name
    if tool.type in ("function", "custom"):
        refuse("a tool needs a name", f"{where}.{tool.type}.name", "1 to 64 letters, digits, _ or -")
    return tool.type  # a vendor's own tool, such as web_search: its type is its name


# --- roles and reasoning -----------------------------------------------------------------------------------------

_HEAD: Final = re.compile(rb'\{[ \t\n\r]*"role"[ \t\n\r]*:[ \t\n\r]*"([a-z]+)"')


_ROLES: Final = {role.encode(): role for role in ("system", "developer", "user", "assistant", "tool", "function")}


class _Role(msgspec.Struct):
    role: str = ""


class _Id(msgspec.Struct):
    id: str | None = None


class _Detail(msgspec.Struct):
    """One of OpenRouter's `reasoning_details`."""

    signature: str | None = None
    data: str | None = None
    text: str | None = None
    summary: str | None = None


class _Reasoned(msgspec.Struct):
    reasoning_content: msgspec.Raw = RAW_NULL
    reasoning: msgspec.Raw = RAW_NULL
    reasoning_details: list[_Detail] | None = None
    tool_calls: list[_Id] | None = None
    function_call: msgspec.Raw = RAW_NULL


_role: Final = msgspec.json.Decoder(_Role)
_reasoned: Final = msgspec.json.Decoder(_Reasoned)

REASONING_FIELDS: Final = ("reasoning_content", "reasoning", "reasoning_details")


def role_of(message: msgspec.Raw) -> str:
    """The role of a raw message; "" if it has none. Nearly every client writes it first, which makes this one match."""
    head = _HEAD.match(message)
    if head:
        return _ROLES.get(head[1]) or head[1].decode()
    try:
        return _role.decode(message).role
    except Bad:
        return ""


def seen_reasoning(view: View, since: int = 0) -> list[SeenReasoning]:
    """See Dialect.seen_reasoning. Only assistant messages are looked into; a field that is there but empty is neither a
    trace nor missing (DeepSeek's own clients replay an empty string for a turn without thoughts)."""
    found: list[SeenReasoning] = []
    for index, raw in enumerate(view.messages[since:], since):
        if role_of(raw) == "assistant":
            trace = _trace(index, raw)
            if trace is not None:
                found.append(trace)
    return found


def _trace(index: int, raw: msgspec.Raw) -> SeenReasoning | None:
    data = bytes(raw)
    if b'"reasoning' not in data and b"_call" not in data:
        return None
    turn = parsed(_reasoned, raw, f"$.messages[{index}]")
    ids = tuple(call.id for call in turn.tool_calls or () if call.id)
    fields = [value for value in map(bytes_of, (turn.reasoning_content, turn.reasoning)) if value]
    details = turn.reasoning_details or []
    if not fields and not details:
        called = bool(turn.tool_calls) or bool(bytes_of(turn.function_call))
        return SeenReasoning((index, -1), None, ids, missing=True) if called else None
    if not details and all(value == b'""' for value in fields):
        return None
    seal = next((detail.signature or detail.data for detail in details if detail.signature or detail.data), None)
    return SeenReasoning((index, -1), seal, ids)
