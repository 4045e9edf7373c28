"""A request's messages as the classifier's neutral turns, from any dialect's raw slices.

One decoder for all three dialects: their items differ in names, and an item says by its fields what it is. Unknown items
say nothing; nothing here refuses a request, that is the dialects' business. System texts are left out: features have no
place for them. Harness texts that wrap the human's words are taken away in the features, but what a single client appends
to them is known by its file in gateway/harnesses and taken away here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from classifiers.features.turns import (
    AGENT_CHARS,
    ARGUMENTS_CHARS,
    HUMAN_CHARS,
    RESULT_CHARS,
    TURNS_MAX,
    Conversation,
    Turn,
    ends,
)
from gateway.dialects.contract import View
from gateway.harnesses.registry import all_harnesses
from gateway.ir.request import DialectName
from gateway.reading import DECODE_BYTES_MAX, human_words, role_of, texts_of

_NONE: Final = msgspec.Raw(b"null")


class _Block(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = _NONE
    tool_use_id: str | None = None
    content: msgspec.Raw = _NONE
    is_error: bool | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: msgspec.Raw = _NONE
    input: msgspec.Raw = _NONE


class _ToolCall(msgspec.Struct):
    id: str | None = None
    function: _Function | None = None
    custom: _Function | None = None


class _Item(msgspec.Struct):
    role: str | None = None
    type: str | None = None
    content: str | list[_Block] | None = None
    # chat
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: _Function | None = None
    # responses
    name: str | None = None
    call_id: str | None = None
    arguments: msgspec.Raw = _NONE
    input: msgspec.Raw = _NONE
    action: msgspec.Raw = _NONE
    operation: msgspec.Raw = _NONE
    output: msgspec.Raw = _NONE
    status: str | None = None


_item: Final = msgspec.json.Decoder(_Item)
_string: Final = msgspec.json.Decoder(str)
_parts: Final = msgspec.json.Decoder(list[_Block])

_SYSTEM: Final = re.compile(rb'"role"\s*:\s*"(?:system|developer)"')
_OTHER: Final = re.compile(rb'\{"role": ?"(?!system|developer)')
"""How SDKs begin a message that is no system text."""
_LONG: Final = re.compile(
    rb'\{"(?:role": ?"tool", ?"tool_call_id": ?"([^"\\]{0,128})", ?"content'
    rb'|type": ?"function_call_output", ?"call_id": ?"([^"\\]{0,128})", ?"output)": ?(?=")'
)
"""A tool's result as SDKs write it, up to its text, which then is the rest of the message."""
CUT_BYTES: Final = 2048
"""Of a long text in JSON, what is decoded at each end to get half of RESULT_CHARS there: escapes take a tenth of code."""
LONG_BYTES: Final = 2 * CUT_BYTES + 512
"""From here on that is less work than decoding the whole."""
LOOKED_AT_MAX: Final = 128 * 1024
"""A long result up to this counts as if it were as long as what is decoded of it. Should that not do, the whole is decoded:
0.1 ms."""

Human = Callable[[str], str]


def is_system(raw: msgspec.Raw) -> bool:
    """A system text, told by its first bytes: it may be long and is never decoded here. (In a string the quotes of such
    words are escaped, so a text about roles is not taken for one.)"""
    if _OTHER.match(raw) is not None:
        return False
    head = bytes(memoryview(raw)[:256])
    return (b'"system"' in head or b'"developer"' in head) and _SYSTEM.search(head) is not None


def decoded_bytes(raw: msgspec.Raw) -> int:
    """How much of a message `turns_of` decodes: what reading it costs, 1 µs per KB."""
    size = len(raw)
    if LONG_BYTES < size <= LOOKED_AT_MAX and _LONG.match(raw) is not None:
        return LONG_BYTES
    return 0 if is_system(raw) else size


def human_of(harness: str) -> Human | None:
    """What reduces a text of this client to the human's words before the features do; None where they know enough."""
    known = all_harnesses().get(harness)
    return None if known is None or known.human is human_words else known.human


def conversation_of(view: View, dialect: DialectName, harness: str = "unknown") -> Conversation:
    """The whole conversation: for evaluation and tests; a running gateway reads turn by turn (gateway.adapters.trails)."""
    human = human_of(harness)
    turns = [turn for raw in view.messages for turn in turns_of(raw, dialect, human)]
    return Conversation(tuple(turns[-TURNS_MAX:]), view.tool_names)


def turns_of(raw: msgspec.Raw, dialect: DialectName, human: Human | None = None) -> list[Turn]:
    """The turns of one message or item, in order; none for a system text or for what cannot be understood."""
    if len(raw) >= LONG_BYTES and (found := _LONG.match(raw)) is not None:
        long = _long_result(raw, found)
        if long is not None:
            return [long]
    if is_system(raw):
        return []
    if len(raw) > DECODE_BYTES_MAX:
        return _beginning(raw, human)
    try:
        item = _item.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return []
    if item.role is None and item.type is not None and dialect == "responses":
        return _responses_item(item, item.type)
    match item.role:
        case "user":
            return list(_user(item, human))
        case "assistant":
            return list(_assistant(item))
        case "tool" | "function":
            return [Turn("result", text=_text(item.content), id=item.tool_call_id or item.name or "")]
        case _:
            return []


def _long_result(raw: msgspec.Raw, found: re.Match[bytes]) -> Turn | None:
    """A result of which only the ends are decoded (half the time for 10 KB). None where that does not do: another field
    follows, or the ends hold too few characters. (A field behind the text that is itself longer than what is read of the
    end would be taken for it: no client sends such.)"""
    whole = memoryview(raw)
    if bytes(whole[-2:]) != b'"}':
        return None
    text = _both_ends(whole, found.end(), len(raw) - 1)
    return (
        None if text is None else Turn("result", text=text, id=(found[1] or found[2] or b"").decode("utf-8", "replace"))
    )


def _both_ends(whole: memoryview, start: int, end: int) -> str | None:
    """Half of RESULT_CHARS from each end of the JSON string that lies between `start` and `end`, quotation marks included;
    None where CUT_BYTES do not hold as much. It is cut at blanks: a blank is never a part of an escape or of a character."""
    head, tail = bytes(whole[start : start + CUT_BYTES]), bytes(whole[end - CUT_BYTES : end])
    try:
        first = _string.decode(head[: head.rindex(b" ")] + b'"')
        last = _string.decode(b'"' + tail[tail.index(b" ") :])
    except (ValueError, RecursionError):  # no blank; or, as msgspec says it, a quotation mark: the text ends before
        return None
    half = RESULT_CHARS // 2
    return f"{first[:half]}\n{last[-half:]}" if len(first) >= half and len(last) >= half else None


def _beginning(raw: msgspec.Raw, human: Human | None) -> list[Turn]:
    """A message too long to decode (pictures, a pasted data file): its first text, if the human or a tool speaks."""
    role, text = role_of(raw), "\n".join(texts_of(raw))
    if role == "tool":
        return [Turn("result", text=text)]
    return [_human([text], 0, human)] if role == "user" and text else []


# --- chat and Messages -------------------------------------------------------------------------------------------


def _user(item: _Item, human: Human | None) -> Iterator[Turn]:
    if not isinstance(item.content, list):
        yield _human([item.content or ""], 0, human)
        return
    texts: list[str] = []
    images = 0
    for block in item.content:
        if block.type == "tool_result":
            text = _result_text(block.content)
            yield Turn("result", text=text, id=block.tool_use_id or "", is_error=block.is_error is True)
        elif block.text:
            texts.append(block.text)
        elif "image" in (block.type or ""):
            images += 1
    if texts or images:
        yield _human(texts, images, human)


def _human(texts: list[str], images: int, human: Human | None) -> Turn:
    """One turn per message: a text beside the ask belongs to it. Bounded from each end's side by the features."""
    said = [human(text) for text in texts] if human is not None else texts
    return Turn("human", text="\n".join(filter(None, said))[:HUMAN_CHARS], images=images)


def _assistant(item: _Item) -> Iterator[Turn]:
    text = _text(item.content)
    if text:
        yield Turn("agent", text=ends(text, AGENT_CHARS))
    for block in item.content if isinstance(item.content, list) else ():
        if block.type == "tool_use" and block.name:
            yield _call(block.name, bytes(block.input), block.id)
    for call in item.tool_calls or ():
        function = call.function or call.custom
        if function is not None and function.name:
            yield _call(function.name, bytes(function.arguments), call.id, bytes(function.input))
    if item.function_call is not None and item.function_call.name:
        name = item.function_call.name
        yield _call(name, bytes(item.function_call.arguments), name)


def _call(name: str, arguments: bytes, call_id: str | None, free: bytes = b"null") -> Turn:
    raw = arguments if arguments != b"null" else free
    return Turn("call", tool=name, arguments=_unquoted(raw)[:ARGUMENTS_CHARS], id=call_id or "")


def _unquoted(raw: bytes) -> str:
    """Arguments come as a JSON string (chat, Responses) or as an object (Messages)."""
    if raw[:1] != b'"':
        return "" if raw == b"null" else raw.decode("utf-8", "replace")
    try:
        return _string.decode(raw)
    except msgspec.MsgspecError:
        return ""


# --- Responses ---------------------------------------------------------------------------------------------------


def _responses_item(item: _Item, kind: str) -> list[Turn]:
    call_id = item.call_id or ""
    if kind.endswith("_output"):
        return [Turn("result", text=_result_text(item.output), id=call_id, is_error=item.status == "failed")]
    if kind in ("function_call", "custom_tool_call"):
        return [_call(item.name or "", bytes(item.arguments), call_id, bytes(item.input))] if item.name else []
    if kind in ("local_shell_call", "shell_call"):
        return [_call("shell", bytes(item.action), call_id)]
    if kind == "apply_patch_call":
        return [_call("apply_patch", bytes(item.operation), call_id)]
    return []


# --- texts -------------------------------------------------------------------------------------------------------


def _text(content: str | list[_Block] | None) -> str:
    if isinstance(content, list):
        return "\n".join(block.text for block in content if block.text)
    return content or ""


def _result_text(raw: msgspec.Raw) -> str:
    """A tool's answer: a string, or a list of parts of which the texts are read."""
    if len(raw) >= LONG_BYTES and bytes(memoryview(raw)[:1]) == b'"':
        text = _both_ends(memoryview(raw), 0, len(raw))
        if text is not None:
            return text
    data = bytes(raw)
    try:
        if data[:1] == b'"':
            return ends(_string.decode(data), RESULT_CHARS)
        if data[:1] == b"[":
            return ends("\n".join(part.text for part in _parts.decode(data) if part.text), RESULT_CHARS)
    except (msgspec.MsgspecError, RecursionError):
        return ""
    return "" if data == b"null" else ends(data.decode("utf-8", "replace"), RESULT_CHARS)
