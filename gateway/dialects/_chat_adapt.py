"""Pass-through edits of a chat request: only addressed bytes change, everything else stays as the client wrote it.

`adapt` fits a request to one upstream's profile; the other functions put reasoning in and take it out. Each rule fires only
on a field that is there, so a request that suits the upstream costs one splice of the model's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.dialects._chat_read import REASONING_FIELDS, ChatView, role_of
from gateway.dialects._chat_words import IMAGES_FOLLOW, IMAGES_HERE, KNOWN_FIELDS
from gateway.dialects._shared import RAW_NULL, bytes_of, encode, malformed, parsed
from gateway.dialects.contract import Target, View
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import Reasoning
from gateway.wire import splice

_SPACE: Final = b" \t\n\r"
_any: Final = msgspec.json.Decoder()
_integer: Final = msgspec.json.Decoder(int)
_raws: Final = msgspec.json.Decoder(list[msgspec.Raw])

Fields = dict[str, splice.Member]
Edits = dict[str, bytes | None]


def adapt(body: bytes, view: View, target: Target, *, ask_usage: bool) -> bytes:
    """See Dialect.adapt. UnsupportedFeature for custom tools where the upstream has none: those need the neutral form,
    because the reply must be turned back as well (`needs_translation`)."""
    members = _members(body, view)
    profile = target.profile
    if needs_translation(view, profile):
        raise UnsupportedFeature(
            "this upstream takes no custom (free-text) tools", where="$.tools", accepted="tools of type function"
        )
    known = view.plans.get((id(target), ask_usage)) if isinstance(view, ChatView) and view.source is body else None
    if known is not None and known[0] is target:
        edits = known[1]
    else:
        edits = _plan(body, {member.key: member for member in members}, view, target, ask_usage)
        if isinstance(view, ChatView) and view.source is body and len(view.plans) < PLANS_MAX:
            view.plans[id(target), ask_usage] = (target, edits)
    note = None if profile.json_schema else _schema_note(body, {member.key: member for member in members}, profile)
    messages = _messages(body, members, view, profile, note)
    if messages is not None:
        edits = {**edits, "messages": messages}
    return splice.splice(body, edits, members) if edits else body


PLANS_MAX: Final = 16
"""Targets for which one view remembers its edits; a request meets at most as many as its plan has hops."""


def _plan(body: bytes, fields: Fields, view: View, target: Target, ask_usage: bool) -> Edits:
    """The edits of all top-level fields but the messages."""
    profile = target.profile
    edits: Edits = {}
    if view.model != target.model:
        edits["model"] = encode(target.model)
    _output_bound(body, fields, target, edits)
    _knobs(fields, profile, edits)
    _stream_options(body, fields, view, profile, ask_usage, edits)
    _tools(body, fields, view, profile, edits)
    _structured(body, fields, profile, edits)
    _choice_and_stops(body, fields, profile, edits)
    if profile.unknown_fields == "drop":
        edits.update({key: None for key in fields if key not in KNOWN_FIELDS})
    return edits


def needs_translation(view: View, profile: Profile) -> bool:
    """The request holds something that a byte edit cannot fit to this upstream: it must go through the neutral form."""
    if profile.custom_tools or not view.tools or (isinstance(view, ChatView) and not view.custom):
        return False
    return any(b'"custom"' in bytes(tool)[:4096] and _type_of(tool) == "custom" for tool in view.tools)


class _Type(msgspec.Struct):
    type: str = "function"


_type: Final = msgspec.json.Decoder(_Type)


def _type_of(tool: msgspec.Raw) -> str:
    return parsed(_type, tool, "$.tools").type


def _members(body: bytes, view: View) -> Sequence[splice.Member]:
    if isinstance(view, ChatView) and view.source is body:
        return view.members
    try:
        return splice.members(body)
    except splice.NotAnObject as error:
        raise malformed(error) from error


# --- top-level fields --------------------------------------------------------------------------------------------


def _output_bound(body: bytes, fields: Fields, target: Target, edits: Edits) -> None:
    """Put the bound under the name that the upstream knows, and clamp it to the model's own. With both names present the
    right one counts; null is no bound."""
    wanted = target.profile.max_tokens_field
    other = "max_completion_tokens" if wanted == "max_tokens" else "max_tokens"
    key = wanted if wanted in fields else other
    if key not in fields:
        return
    value = body[fields[key].start : fields[key].end]
    limit = target.max_output_tokens
    if limit is not None and value != b"null" and parsed(_integer, value, f"$.{key}") > limit:
        edits[wanted] = encode(limit)
    if other in fields:
        edits[other] = None
        if key == other:
            edits.setdefault(wanted, value)


def _knobs(fields: Fields, profile: Profile, edits: Edits) -> None:
    refused: tuple[str, ...] = ()
    if not profile.sampling:
        refused += ("temperature", "top_p", "top_k")
    if not profile.top_k:
        refused += ("top_k",)
    if not profile.penalties:
        refused += ("presence_penalty", "frequency_penalty")
    if not profile.seed:
        refused += ("seed",)
    if not profile.logprobs:
        refused += ("logprobs", "top_logprobs")
    if not profile.parallel_field:
        refused += ("parallel_tool_calls",)
    if profile.effort_field == "none":
        refused += ("reasoning_effort",)
    if not profile.cache_key_field:
        refused += ("prompt_cache_key",)
    for key in refused:
        if key in fields:
            edits[key] = None


def _stream_options(body: bytes, fields: Fields, view: View, profile: Profile, ask_usage: bool, edits: Edits) -> None:
    """Ask for usage inside the client's own options object, or take the option away where it is not understood."""
    member = fields.get("stream_options")
    if not profile.stream_usage_option:
        if member:
            edits["stream_options"] = None
    elif ask_usage and view.stream and not view.include_usage:
        held = body[member.start : member.end] if member else b"null"
        edits["stream_options"] = (
            b'{"include_usage":true}' if held == b"null" else splice.splice(held, {"include_usage": b"true"})
        )


def _choice_and_stops(body: bytes, fields: Fields, profile: Profile, edits: Edits) -> None:
    member = fields.get("tool_choice")
    if (
        member
        and not profile.forced_tool_choice
        and body[member.start : member.end] not in (b'"auto"', b'"none"', b"null")
    ):
        edits["tool_choice"] = b'"auto"'
    member = fields.get("stop")
    if member and body.startswith(b"[", member.start):
        stops = parsed(_raws, body[member.start : member.end], "$.stop")
        if len(stops) > profile.stop_max:
            edits["stop"] = encode(stops[: profile.stop_max])


# --- tools and structured output ---------------------------------------------------------------------------------


def _tools(body: bytes, fields: Fields, view: View, profile: Profile, edits: Edits) -> None:
    """Take the `strict` hint out of the tools that carry it, where the upstream refuses it."""
    member = fields.get("tools")
    if profile.strict_tools or not member or b'"strict"' not in body[member.start : member.end]:
        return
    changed: dict[int, bytes | None] = {}
    for index, raw in enumerate(view.tools):
        data = bytes(raw)
        if b'"strict"' not in data:
            continue
        span = splice.spans(data).get("function")
        if span and data[span[0]] == ord("{"):
            inner = data[span[0] : span[1]]
            fewer = splice.splice(inner, {"strict": None})
            if fewer != inner:
                changed[index] = splice.replace_spans(data, [(span, fewer)])
    if changed:
        edits["tools"] = edited_array(body[member.start : member.end], view.tools, changed)


def _structured(body: bytes, fields: Fields, profile: Profile, edits: Edits) -> None:
    if not profile.json_schema and _schema_of(body, fields) is not None:
        edits["response_format"] = b'{"type":"json_object"}'


class _Schema(msgspec.Struct):
    schema: msgspec.Raw = RAW_NULL


class _Format(msgspec.Struct):
    type: str = "text"
    json_schema: _Schema | None = None


_format: Final = msgspec.json.Decoder(_Format)


def _schema_of(body: bytes, fields: Fields) -> bytes | None:
    member = fields.get("response_format")
    if member is None or not body.startswith(b"{", member.start):
        return None
    found = parsed(_format, body[member.start : member.end], "$.response_format")
    if found.type != "json_schema":
        return None
    return (bytes_of(found.json_schema.schema) if found.json_schema else None) or b"{}"


def schema_note(schema: bytes) -> str:
    """What stands in for `response_format: json_schema` where only JSON mode exists; it must contain the word JSON."""
    return "Answer with one JSON object that is valid against this JSON schema, and nothing else:\n" + schema.decode(
        "utf-8", "replace"
    )


def _schema_note(body: bytes, fields: Fields, profile: Profile) -> bytes | None:
    schema = None if profile.json_schema else _schema_of(body, fields)
    if schema is None:
        return None
    return encode({"role": "system" if profile.mid_system else "user", "content": schema_note(schema)})


# --- messages ----------------------------------------------------------------------------------------------------


def _messages(
    body: bytes, members: Sequence[splice.Member], view: View, profile: Profile, note: bytes | None
) -> bytes | None:
    """The edited array of messages, or None where none needs an edit."""
    changed: dict[int, bytes | None] = {}
    flags = (profile.developer_role, profile.mid_system, profile.tool_images)
    if not all(flags) and (not isinstance(view, ChatView) or view.fitted.get(flags, 0) < len(view.messages)):
        since = view.fitted.get(flags, 0) if isinstance(view, ChatView) else 0
        _fit_messages(view, profile, changed, since)
        if not changed and isinstance(view, ChatView):
            view.fitted[flags] = _settled(view)
    if profile.call_seal is not None:
        _seal_calls(view, profile.call_seal, changed)
    if not changed and note is None:
        return None
    member = next(m for m in reversed(members) if m.key == "messages")
    array = edited_array(body[member.start : member.end], view.messages, changed)
    return array if note is None else array[: array.rindex(b"]")] + b"," + note + b"]"


def _settled(view: View) -> int:
    """How many leading messages a later turn need not look at again: images of a tool result move behind the last result
    of its turn, so a turn that may go on is left out."""
    count = len(view.messages)
    while count and role_of(view.messages[count - 1]) == "tool":
        count -= 1
    return count


def _fit_messages(view: View, profile: Profile, changed: dict[int, bytes | None], since: int = 0) -> None:
    """`since`: messages before this one need no edit."""
    conversation = any(role_of(raw) in ("user", "assistant") for raw in view.messages[:since])  # one stood before
    pending: list[bytes] = []  # images of the tool results of this turn
    last_result = -1
    for index, raw in enumerate(view.messages[since:], since):
        role = role_of(raw)
        if role == "tool" and not profile.tool_images:
            if not pending and _TEXT_RESULT.match(raw):
                continue
            text, images = _split_images(raw, index)
            if images:
                changed[index] = text
                pending += images
            last_result = index
            continue
        if pending:
            changed[last_result] = _with_images(changed.get(last_result) or bytes(view.messages[last_result]), pending)
            pending = []
        wanted = _role_for(role, profile, conversation)
        if wanted != role:
            changed[index] = splice.splice(bytes(raw), {"role": encode(wanted)})
        conversation = conversation or role in ("user", "assistant")
    if pending:
        changed[last_result] = _with_images(changed.get(last_result) or bytes(view.messages[last_result]), pending)


_TEXT_RESULT: Final = re.compile(rb'\{"role": ?"tool", ?(?:"tool_call_id": ?"[^"\\]*", ?)?"content": ?"')
"""A tool message whose content is a string, as nearly all are: it can hold no image."""


def _role_for(role: str, profile: Profile, conversation: bool) -> str:
    if role in ("system", "developer") and conversation and not profile.mid_system:
        return "user"
    return "system" if role == "developer" and not profile.developer_role else role


class _Calling(msgspec.Struct):
    tool_calls: msgspec.Raw = RAW_NULL


class _Sealed(msgspec.Struct):
    extra_content: msgspec.Raw = RAW_NULL


_calling: Final = msgspec.json.Decoder(_Calling)
_sealed: Final = msgspec.json.Decoder(_Sealed)


def _seal_calls(view: View, seal: bytes, changed: dict[int, bytes | None]) -> None:
    """The first call of each turn gets `seal` as its `extra_content` where it has none (Profile.call_seal)."""
    for index, raw in enumerate(view.messages):
        if role_of(raw) != "assistant" or b'"tool_calls"' not in (data := bytes(raw)):
            continue
        at = f"$.messages[{index}]"
        array = bytes_of(parsed(_calling, raw, at).tool_calls)
        calls = parsed(_raws, array, f"{at}.tool_calls") if array else []
        if array is None or not calls or bytes_of(parsed(_sealed, calls[0], f"{at}.tool_calls[0]").extra_content):
            continue
        first = splice.splice(bytes(calls[0]), {"extra_content": seal})
        changed[index] = splice.splice(data, {"tool_calls": edited_array(array, calls, {0: first})})


class _ToolMessage(msgspec.Struct):
    content: msgspec.Raw = RAW_NULL


_tool_message: Final = msgspec.json.Decoder(_ToolMessage)


def _split_images(raw: msgspec.Raw, index: int) -> tuple[bytes, list[bytes]]:
    """A tool message without its images, and the images; chat's own rule is text only in tool messages."""
    data = bytes(raw)
    if b'"image_url"' not in data:
        return data, []
    at = f"$.messages[{index}]"
    content = bytes_of(parsed(_tool_message, raw, at).content) or b""
    if not content.startswith(b"["):
        return data, []
    parts = parsed(_raws, content, f"{at}.content")
    kinds = [parsed(_type, part, f"{at}.content[{n}]").type for n, part in enumerate(parts)]
    images = [bytes(part) for part, kind in zip(parts, kinds, strict=True) if kind == "image_url"]
    if not images:
        return data, []
    kept = [part for part, kind in zip(parts, kinds, strict=True) if kind != "image_url"]
    kept.append(msgspec.Raw(encode({"type": "text", "text": IMAGES_FOLLOW})))
    return splice.splice(data, {"content": encode(kept)}), images


def _with_images(message: bytes, images: list[bytes]) -> bytes:
    lead = {"type": "text", "text": IMAGES_HERE}
    content: list[Any] = [lead, *(msgspec.Raw(image) for image in images)]
    return message + b"," + encode({"role": "user", "content": content})


def edited_array(array: bytes, items: Iterable[msgspec.Raw], changed: Mapping[int, bytes | None]) -> bytes:
    """A raw JSON array with some items replaced (by one item or several, comma between) or removed (None).

    `items` are the array's raw items in order. Kept items and the white space around them stay as they are."""
    position = 1
    parts: list[bytes] = []
    start_of_copy = 0
    for index, item in enumerate(items):
        data = bytes(item)
        start = array.index(data[:1], position)
        if not array.startswith(data, start):
            raise AssertionError("the items are not those of the array")
        position = start + len(data)
        if index not in changed:
            continue
        new = changed[index]
        if new is not None:
            parts += (array[start_of_copy:start], new)
            start_of_copy = position
            continue
        head = array[start_of_copy:start].rstrip(_SPACE)
        if head.endswith(b","):
            parts.append(head[:-1])
            start_of_copy = position
        else:  # first of the array, or the one before it was taken out: its own comma goes
            parts.append(array[start_of_copy:start])
            comma = array[position:].lstrip(_SPACE)
            start_of_copy = position + (len(array) - position - len(comma) + 1 if comma.startswith(b",") else 0)
            position = max(position, start_of_copy)
    parts.append(array[start_of_copy:])
    return b"".join(parts)


# --- reasoning ---------------------------------------------------------------------------------------------------


def rewrite_reasoning(
    body: bytes,
    view: View,
    drop: Iterable[tuple[int, int]],
    restore: Mapping[int, tuple[Reasoning, ...]],
    profile: Profile,
) -> bytes:
    """See Dialect.rewrite_reasoning. A restored trace stands under the profile's word for it (`reasoning_content` if it
    names none); traces under other names go, because two copies would be read twice."""
    name = profile.reasoning_field or "reasoning_content"
    changed: dict[int, bytes | None] = {}
    for index in {message for message, _ in drop} - set(restore):
        changed[index] = _without(bytes(view.messages[index]), index)
    for index, blocks in restore.items():
        text = joined_reasoning(blocks)
        edits: Edits = dict.fromkeys(REASONING_FIELDS)
        edits[name] = encode(text)
        changed[index] = splice.splice(bytes(view.messages[index]), edits)
    return _with_messages(body, view, changed)


def joined_reasoning(blocks: Iterable[Reasoning]) -> str:
    """Open text of reasoning blocks; the summary stands in where a vendor keeps the text to itself."""
    return "\n\n".join(filter(None, (block.text or "\n\n".join(block.summary) for block in blocks)))


def without_reasoning(body: bytes, view: View, profile: Profile) -> bytes:
    """See Dialect.without_reasoning."""
    changed: dict[int, bytes | None] = {}
    for index, raw in enumerate(view.messages):
        data = bytes(raw)
        if b'"reasoning' in data and role_of(raw) == "assistant":
            left = _without(data, index)
            if left != data:
                changed[index] = left
    body = _with_messages(body, view, changed)
    if profile.disable_thinking is None:
        return body
    edits: Edits = {"thinking": profile.disable_thinking, "reasoning_effort": None}
    return splice.splice(body, edits)


def _without(data: bytes, index: int) -> bytes | None:
    """The message without reasoning; None if nothing is left of it."""
    left = splice.splice(data, dict.fromkeys(REASONING_FIELDS))
    return None if left != data and _is_empty(left, index) else left


class _Left(msgspec.Struct):
    content: msgspec.Raw = RAW_NULL
    tool_calls: msgspec.Raw = RAW_NULL
    function_call: msgspec.Raw = RAW_NULL
    refusal: str | None = None
    audio: msgspec.Raw = RAW_NULL


_left: Final = msgspec.json.Decoder(_Left)


def _is_empty(data: bytes, index: int) -> bool:
    left = parsed(_left, data, f"$.messages[{index}]")
    held = [bytes_of(v) for v in (left.content, left.tool_calls, left.function_call, left.audio)]
    return not left.refusal and all(value in (None, b'""', b"[]") for value in held)


def _with_messages(body: bytes, view: View, changed: Mapping[int, bytes | None]) -> bytes:
    if not changed:
        return body
    members = _members(body, view)
    member = [m for m in members if m.key == "messages"][-1]
    array = edited_array(body[member.start : member.end], view.messages, changed)
    return splice.replace_spans(body, [((member.start, member.end), array)])
