"""The cheap side of the Responses dialect: the view of a request, the pass-through edit, the test for plain events.

One look over the top level finds every value and proves that no key stands twice (`gateway.wire.splice`); only the input
array and the tools are cut into items. Content is not decoded here. Sources: openai 3.52 `response_create_params.py`,
`response_usage.py`; recorded requests of Codex 0.169, OpenCode 1.18 and qwen-code 0.24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec.structs import replace

from gateway.dialects._shared import (
    added_items,
    check_utf8,
    encode,
    malformed,
    parsed,
    refuse,
    understood,
)
from gateway.dialects.contract import Target, View
from gateway.errors import UnsupportedFeature
from gateway.ir.usage import Usage
from gateway.wire import splice
from gateway.wire.sse import is_comment

KNOWN: Final = frozenset(
    {
        *("access_programs", "background", "context_management", "conversation", "image", "include", "input"),
        *("instructions", "max_output_tokens", "max_tool_calls", "metadata", "model", "moderation"),
        *("parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options"),
        *("prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream"),
        *("stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation"),
        *("user", "client_metadata"),
    }
)
"""Top-level fields of a request (openai 3.52) and Codex's own `client_metadata`."""

CONVERSATION_CURE: Final = "previous_response_id, or the whole history in `input`"

_string: Final = msgspec.json.Decoder(str)
_optional_string: Final = msgspec.json.Decoder(str | None)
_optional_bool: Final = msgspec.json.Decoder(bool | None)
Count = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""An integer that every JSON reader keeps exactly (RFC 8259, section 6)."""
_optional_int: Final = msgspec.json.Decoder(Count | None)
_array: Final = msgspec.json.Decoder(list[msgspec.Raw])
_optional_array: Final = msgspec.json.Decoder(list[msgspec.Raw] | None)
_optional_map: Final = msgspec.json.Decoder(dict[str, Any] | None)


class _Inner(msgspec.Struct):
    name: str | None = None


class _ToolHead(msgspec.Struct):
    name: str | None = None
    type: str | None = None
    tools: list[_Inner] | None = None


_heads: Final = msgspec.json.Decoder(list[_ToolHead] | None)

# --- the view ----------------------------------------------------------------------------------------------------


def read(body: bytes) -> View:
    """See contract.Dialect.read. About 40 µs for 30 KB, linear."""
    check_utf8(body)
    found, members = _top(body)
    span = _span_of_model(members)
    messages, _ = items_of(found)
    raw_tools = found.get("tools")
    tools: list[msgspec.Raw] = []
    names: tuple[str, ...] = ()
    if raw_tools is not None:
        tools = parsed(_optional_array, raw_tools, "$.tools") or []
        names = _names(parsed(_heads, raw_tools, "$.tools") or [])
    instructions = found.get("instructions")
    user = _maybe(_optional_string, found, "user")
    return View(
        model=_model(found),
        stream=bool(_maybe(_optional_bool, found, "stream")),
        messages=tuple(messages),
        system=None if instructions is None or bytes(instructions) == b"null" else instructions,
        tools=tuple(tools),
        tool_names=names,
        max_output_tokens=_maybe(_optional_int, found, "max_output_tokens"),
        user_id=user if user is not None else _maybe(_optional_string, found, "safety_identifier"),
        cache_key=_maybe(_optional_string, found, "prompt_cache_key"),
        metadata=_metadata(found),
        previous_response_id=_maybe(_optional_string, found, "previous_response_id"),
        background=bool(_maybe(_optional_bool, found, "background")),
        store=_maybe(_optional_bool, found, "store"),
        span_model=span,
        messages_end=next((splice.array_end(body, m.end) for m in reversed(members) if m.key == "input"), 0),
    )


def continued(body: bytes, earlier: bytes, view: View) -> View | None:
    """See Dialect.continued."""
    new = added_items(body, earlier, view.messages_end)
    if new is None:
        return None
    grown = len(body) - len(earlier)
    start, end = view.span_model
    by = grown if start >= view.messages_end else 0
    return replace(
        view,
        messages=(*view.messages, *new),
        span_model=(start + by, end + by),
        messages_end=view.messages_end + grown,
    )


def top_level(body: bytes) -> dict[str, msgspec.Raw]:
    """Each top-level value of a request, undecoded; MalformedRequest for what `read` would refuse too."""
    check_utf8(body)
    return _top(body)[0]


def _top(body: bytes) -> tuple[dict[str, msgspec.Raw], list[splice.Member]]:
    try:
        found = splice.fields(body)
        members = splice.members(body, found)
    except splice.NotAnObject as error:
        cause = error.__cause__
        raise malformed(cause if isinstance(cause, Exception) else error) from error
    if len(members) != len(found):
        seen: set[str] = set()
        for member in members:
            if member.key in seen and member.key in KNOWN:
                refuse(f'the key "{member.key}" stands twice', f"$.{member.key}", "each key once")
            seen.add(member.key)
    return found, members


def _span_of_model(members: list[splice.Member]) -> tuple[int, int]:
    for member in members:
        if member[0] == "model":
            return member[2], member[3]
    refuse("the field is missing", "$.model", "the name of a model")


def _model(found: Mapping[str, msgspec.Raw]) -> str:
    model = parsed(_string, found["model"], "$.model")
    return model or refuse("the name is empty", "$.model", "the name of a model")


def _maybe(decoder: msgspec.json.Decoder[Any], found: Mapping[str, msgspec.Raw], key: str) -> Any:
    raw = found.get(key)
    return None if raw is None else parsed(decoder, raw, f"$.{key}")


def items_of(found: Mapping[str, msgspec.Raw]) -> tuple[list[msgspec.Raw], bool]:
    """The input items, and whether they came as an array; a string becomes one user message, absent means none."""
    raw = found.get("input")
    first = b"n" if raw is None else bytes(memoryview(raw)[:1])
    if raw is None or first == b"n":
        if "prompt" in found or "previous_response_id" in found or "conversation" in found:
            return [], True
        refuse("the field is missing", "$.input", "a string or an array of items")
    if first == b"[":
        return parsed(_array, raw, "$.input"), True
    if first != b'"':
        refuse("neither a string nor an array", "$.input", "a string or an array of items")
    parsed(_string, raw, "$.input")
    return [msgspec.Raw(user_message(bytes(raw)))], False


def user_message(text: bytes) -> bytes:
    """The item that a string input (raw JSON) stands for."""
    return b'{"type":"message","role":"user","content":[{"type":"input_text","text":' + text + b"}]}"


def _names(heads: list[_ToolHead]) -> tuple[str, ...]:
    names: list[str] = []
    for head in heads:
        if head.type == "namespace":
            names += [inner.name for inner in head.tools or () if inner.name]
        elif head.name:
            names.append(head.name)
    return tuple(names)


def _metadata(found: Mapping[str, msgspec.Raw]) -> dict[str, str] | None:
    told: dict[str, str] | None = None
    for key in ("metadata", "client_metadata"):
        raw = found.get(key)
        value = parsed(_optional_map, raw, f"$.{key}") if raw is not None else None
        if value is not None:
            told = {**(told or {}), **{name: text for name, text in value.items() if isinstance(text, str)}}
    return told


# --- pass-through ------------------------------------------------------------------------------------------------


def adapt(body: bytes, view: View, target: Target) -> bytes:
    """Only the model's name is replaced; fields nobody knows are removed where the profile says that the upstream refuses
    them. What the gateway resolves itself must be gone by now (UnsupportedFeature otherwise)."""
    if view.previous_response_id is not None:
        raise UnsupportedFeature("previous_response_id was not resolved", where="$.previous_response_id")
    name = encode(target.model)
    start, end = view.span_model
    if body[start:end] != name and view.model != target.model:
        body = b"".join((body[:start], name, body[end:]))
    if target.profile.unknown_fields == "drop":
        unknown = [key for key in splice.fields(body) if key not in KNOWN or key == "client_metadata"]
        if unknown:
            body = splice.splice(body, dict.fromkeys(unknown))
    return body


_TYPES: Final = (b'"type":"response.output_text.delta"', b'"type": "response.output_text.delta"')
_USUAL: Final = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
_OPENINGS: Final = (b"data: {", b"event: response.output_text.delta\ndata: {")


def is_plain(event: bytes) -> bool:
    """True for text deltas and comments only. A hostile upstream must not be able to dress a tool call as text, so the
    event must say its type once (a quoted word inside a JSON string has backslashes, so it cannot look like a key), must
    spell no key with escapes of ASCII letters, and must be one `data` line."""
    if event.startswith(_USUAL):
        return (
            event.count(b'"type"') == 1
            and b"\\u00" not in event
            and event.find(b"\n", len(_USUAL)) == len(event) - 2
            and b"\r" not in event
        )
    if event.startswith(_OPENINGS):
        return (
            (_TYPES[0] in event or _TYPES[1] in event)
            and event.count(b'"type"') == 1
            and b"\\u00" not in event
            and event.find(b"\n", event.find(b"data: {")) == len(event) - 2
            and b"\r" not in event
        )
    return event.startswith(b":") and is_comment(event)


# --- usage -------------------------------------------------------------------------------------------------------

_Count = int | float | None


class _Written(msgspec.Struct):
    ttl_12h_tokens: _Count = None


class _In(msgspec.Struct):
    cached_tokens: _Count = None
    cache_write_tokens: _Count = None
    cache_write_tokens_details: _Written | None = None


class _Out(msgspec.Struct):
    reasoning_tokens: _Count = None


class UsageJson(msgspec.Struct):
    """`usage` of a reply (openai 3.52 `response_usage.py`), every part of it optional: vLLM leaves details out."""

    input_tokens: _Count = None
    output_tokens: _Count = None
    input_tokens_details: _In | None = None
    output_tokens_details: _Out | None = None


class _Reply(msgspec.Struct):
    usage: UsageJson | None = None


_reply: Final = msgspec.json.Decoder(_Reply)


def usage_of(body: bytes) -> Usage | None:
    return usage(understood(_reply, body, "the reply").usage)


def usage(told: UsageJson | None) -> Usage | None:
    """Counts clamped to what they can mean: none below 0, parts not above their whole."""
    if told is None or (told.input_tokens is None and told.output_tokens is None):
        return None
    details = told.input_tokens_details or _In()
    input_tokens = _count(told.input_tokens)
    output_tokens = _count(told.output_tokens)
    cached = min(_count(details.cached_tokens), input_tokens)
    written = min(_count(details.cache_write_tokens), input_tokens - cached)
    long = details.cache_write_tokens_details
    return Usage(
        input_tokens=input_tokens,
        cached_tokens=cached,
        cache_written_tokens=written,
        cache_written_1h_tokens=min(_count(long.ttl_12h_tokens), written) if long else 0,
        output_tokens=output_tokens,
        reasoning_tokens=min(_count(told.output_tokens_details.reasoning_tokens), output_tokens)
        if told.output_tokens_details
        else 0,
    )


def _count(value: _Count) -> int:
    return max(0, int(value)) if value is not None and value == value and abs(value) < 1 << 62 else 0


def usage_json(counts: Usage | None) -> dict[str, Any] | None:
    """`usage` as the SDK's type demands it, details always present; None when nothing is known."""
    if counts is None or (counts.source == "none"):
        return None
    details: dict[str, Any] = {
        "cached_tokens": counts.cached_tokens,
        "cache_write_tokens": counts.cache_written_tokens,
    }
    if counts.cache_written_1h_tokens:
        details["cache_write_tokens_details"] = {
            "ttl_30m_tokens": max(0, counts.cache_written_tokens - counts.cache_written_1h_tokens),
            "ttl_12h_tokens": counts.cache_written_1h_tokens,
        }
    return {
        "input_tokens": counts.input_tokens,
        "input_tokens_details": details,
        "output_tokens": counts.output_tokens,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning_tokens},
        "total_tokens": counts.total_tokens,
    }


__all__ = [
    "CONVERSATION_CURE",
    "KNOWN",
    "UsageJson",
    "adapt",
    "is_plain",
    "items_of",
    "read",
    "top_level",
    "usage",
    "usage_json",
    "usage_of",
    "user_message",
]
