"""The cheap view of a Messages request: one walk over the top level, messages and tools as raw slices.

Fields follow anthropic 2.11 `MessageCreateParams` plus the beta ones; everything unknown is left alone.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from gateway.dialects._messages_json import FIELDS, NONE, TEXT, first_byte, given, raws
from gateway.dialects._shared import added_items, check_utf8, parsed
from gateway.dialects.contract import View
from gateway.errors import MalformedRequest
from gateway.wire.splice import Member, NotAnObject, array_end, members, shifted

KNOWN: Final = frozenset(
    {
        "model", "messages", "system", "tools", "tool_choice", "max_tokens", "stream", "metadata", "stop_sequences",
        "temperature", "top_p", "top_k", "thinking", "output_config", "cache_control", "container", "context_management",
        "diagnostics", "inference_geo", "mcp_servers", "service_tier", "speed", "output_format",
    }
)  # fmt: skip

_ROLE: Final = re.compile(rb'\{[ \t\n\r]*"role"[ \t\n\r]*:[ \t\n\r]*"(user|assistant|system)"')
_NAME: Final = re.compile(rb'\{[ \t\n\r]*"name"[ \t\n\r]*:[ \t\n\r]*"([^"\\]*)"')


class _Role(msgspec.Struct):
    role: Literal["user", "assistant", "system"]


class _Named(msgspec.Struct):
    name: str | None = None


_role = msgspec.json.Decoder(_Role)
_named = msgspec.json.Decoder(_Named)
_flag = msgspec.json.Decoder(bool | None)
_count = msgspec.json.Decoder(int | None)


class MessagesView(View, frozen=True, kw_only=True):
    """`found` is the walk over the top level, so that later edits need no second one; valid for a body of `size` bytes."""

    found: tuple[Member, ...] = ()
    size: int = 0


def read(body: bytes) -> MessagesView:
    """Raises MalformedRequest with the JSON path. `max_tokens` may be missing (count_tokens has none)."""
    check_utf8(body)
    found = top_level(body)
    at = known_members(found)
    part = memoryview(body)

    def span(key: str) -> msgspec.Raw:
        member = at.get(key)
        return msgspec.Raw(part[member.start : member.end]) if member else NONE

    model = at.get("model")
    if model is None:
        raise MalformedRequest("a model name is missing", where="$.model")
    messages = _messages(span("messages"))
    stream = span("stream")
    max_tokens = span("max_tokens")
    tools, names = _tools(span("tools"))
    user_id, metadata = _metadata(span("metadata"))
    return MessagesView(
        model=parsed(TEXT, span("model"), "$.model"),
        stream=bool(parsed(_flag, stream, "$.stream")) if given(stream) else False,
        messages=messages,
        system=_system(span("system")),
        tools=tools,
        tool_names=names,
        include_usage=True,
        max_output_tokens=parsed(_count, max_tokens, "$.max_tokens") if given(max_tokens) else None,
        user_id=user_id,
        metadata=metadata,
        span_model=(model.start, model.end),
        messages_end=array_end(body, at["messages"].end),
        found=tuple(found),
        size=len(body),
    )


def continued(body: bytes, earlier: bytes, view: View) -> MessagesView | None:
    """See Dialect.continued."""
    if not isinstance(view, MessagesView) or (new := added_items(body, earlier, view.messages_end)) is None:
        return None
    if not all(map(_ROLE.match, new)):
        return None
    grown = len(body) - len(earlier)
    found = shifted(view.found, view.messages_end, grown)
    return replace(
        view,
        messages=(*view.messages, *new),
        span_model=next((m.start, m.end) for m in found if m.key == "model"),
        messages_end=view.messages_end + grown,
        found=found,
        size=len(body),
    )


def top_level(body: bytes) -> list[Member]:
    try:
        return members(body)
    except NotAnObject as error:
        raise MalformedRequest(f"not one JSON object: {error}", where="$") from None


def known_members(found: list[Member]) -> dict[str, Member]:
    """Top-level members by name. Two of a known name: parsers disagree on which one counts, so it is refused."""
    at: dict[str, Member] = {}
    for member in found:
        key = member[0]
        if key in at and key in KNOWN:
            raise MalformedRequest(f"the field {key!r} stands twice", where=f"$.{key}")
        at[key] = member
    return at


def members_of(body: bytes, view: View) -> list[Member]:
    """The walk over the top level, from the view where it has it."""
    if isinstance(view, MessagesView) and view.size == len(body):
        return list(view.found)
    return top_level(body)


def role_of(message: msgspec.Raw, path: str = "$.messages[]") -> str:
    """user, assistant or system. The usual spelling is read by a pattern, anything else by the parser."""
    found = _ROLE.match(message)
    return found[1].decode() if found else parsed(_role, message, path).role


def _messages(raw: msgspec.Raw) -> tuple[msgspec.Raw, ...]:
    if not given(raw):
        raise MalformedRequest("messages are missing", where="$.messages")
    messages = raws(raw, "$.messages")
    if not messages:
        raise MalformedRequest("at least one message is needed", where="$.messages")
    match = _ROLE.match
    for index, message in enumerate(messages):
        if match(message) is None:
            parsed(_role, message, f"$.messages[{index}]")
    return tuple(messages)


def _system(raw: msgspec.Raw) -> msgspec.Raw | None:
    if not given(raw):
        return None
    if first_byte(raw) not in b'"[':
        raise MalformedRequest("expected a string or an array of blocks", where="$.system")
    return raw


def _tools(raw: msgspec.Raw) -> tuple[tuple[msgspec.Raw, ...], tuple[str, ...]]:
    if not given(raw):
        return (), ()
    tools = tuple(raws(raw, "$.tools"))
    names: list[str] = []
    for index, tool in enumerate(tools):
        found = _NAME.match(tool)
        name = found[1].decode() if found else parsed(_named, tool, f"$.tools[{index}]").name
        if name:
            names.append(name)
    return tools, tuple(names)


def _metadata(raw: msgspec.Raw) -> tuple[str | None, dict[str, str] | None]:
    if not given(raw):
        return None, None
    values = {
        key: parsed(TEXT, value, f"$.metadata.{key}")
        for key, value in parsed(FIELDS, raw, "$.metadata").items()
        if first_byte(value) == 0x22
    }
    return values.get("user_id"), values
