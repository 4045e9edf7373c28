"""Pass-through edits of a Messages request: what the target's profile demands, and nothing else.

Every rule is behind a cheap test, so that a request without a firing rule only has its model name replaced.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.dialects._messages_json import FIELDS, NONE, TEXT, edit_array, first_byte, given, raws
from gateway.dialects._messages_read import KNOWN, known_members, members_of, role_of
from gateway.dialects._messages_thinking import Thinking, effort_when_disabled, fitted
from gateway.dialects._shared import parsed
from gateway.dialects.contract import Target, View
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.wire.splice import Member, replace_spans, splice

BILLING: Final = "x-anthropic-billing-header:"
"""Head of the attribution block that Claude Code puts first in `system`; its hash changes with every request and empties
the prefix cache of everyone but Anthropic (vllm-mlx PR 277; vLLM 0.33 and litellm 1.109 strip it too)."""

_BILLING: Final = BILLING.encode()
_MARK: Final = b"cache_control"
_SAMPLING: Final = ("temperature", "top_p", "top_k")

Edits = dict[str, bytes | None]


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    content: msgspec.Raw = NONE
    source: msgspec.Raw = NONE
    cache_control: msgspec.Raw = NONE


class _Message(msgspec.Struct):
    content: msgspec.Raw = NONE


class _Config(msgspec.Struct):
    effort: str | None = None
    format: msgspec.Raw = NONE


class _Choice(msgspec.Struct):
    type: str
    disable_parallel_tool_use: bool | None = None


_block = msgspec.json.Decoder(_Block)
_message = msgspec.json.Decoder(_Message)
_thinking = msgspec.json.Decoder(Thinking)
_config = msgspec.json.Decoder(_Config)
_choice = msgspec.json.Decoder(_Choice)


def adapt(body: bytes, view: View, target: Target) -> bytes:
    """UnsupportedFeature for prefill or structured output that the profile rules out."""
    profile = target.profile
    if not profile.prefill and role_of(view.messages[-1]) == "assistant":
        raise UnsupportedFeature(
            "this model does not continue a trailing assistant message",
            where=f"$.messages[{len(view.messages) - 1}]",
            accepted="a last message of role user",
        )
    found = members_of(body, view)
    edits = _edits(body, view, target, known_members(found))
    if not edits and view.model == target.model:
        return body
    if not edits:
        return replace_spans(body, [(view.span_model, msgspec.json.encode(target.model))])
    if view.model != target.model:
        edits["model"] = msgspec.json.encode(target.model)
    return splice(body, edits, found)


def _edits(body: bytes, view: View, target: Target, at: dict[str, Member]) -> Edits:
    profile = target.profile
    edits: Edits = {}
    raw = {key: body[member.start : member.end] for key, member in at.items() if key not in ("messages", "tools")}
    _edit_numbers(raw, view, target, edits)
    _edit_thinking(raw, view, profile, edits)
    if not profile.forced_tool_choice and "tool_choice" in raw:
        _edit_tool_choice(raw["tool_choice"], edits)
    if profile.billing_header == "strip":
        _strip_billing(raw, edits)
    if not profile.mid_system:
        _lower_system(body, view, at, edits)
    if not profile.cache_marks and _MARK in body:
        _unmark(body, at, edits)
    if profile.unknown_fields == "drop":
        edits.update({key: None for key in at if key not in KNOWN})
    return edits


def _edit_numbers(raw: dict[str, bytes], view: View, target: Target, edits: Edits) -> None:
    limit = target.max_output_tokens
    if limit is not None and view.max_output_tokens is not None and view.max_output_tokens > limit:
        edits["max_tokens"] = b"%d" % limit
    if not target.profile.sampling:
        edits.update({key: None for key in _SAMPLING if key in raw})


def _edit_thinking(raw: dict[str, bytes], view: View, profile: Profile, edits: Edits) -> None:
    if "thinking" in raw and raw["thinking"] != b"null":
        now = parsed(_thinking, raw["thinking"], "$.thinking")
        clamped = "max_tokens" in edits
        max_tokens = int(edits["max_tokens"] or 0) if clamped else view.max_output_tokens
        new = fitted(now, profile, max_tokens, clamped)
        if not isinstance(new, bool):
            edits["thinking"] = new
        if profile.verifies_signatures and _by_budget(now, new) and unthinking_tail(view):
            edits["thinking"] = b'{"type":"disabled"}' if "disabled" in profile.thinking_modes else None
            now = Thinking("disabled")
    else:
        now = None
    if "output_config" in raw and raw["output_config"] != b"null":
        _edit_config(raw["output_config"], now, profile, edits)


def _by_budget(now: Thinking, new: bytes | bool | None) -> bool:
    return b'"enabled"' in new if isinstance(new, bytes) else new is True and now.type == "enabled"


class _Typed(msgspec.Struct):
    type: str = ""


class _Turn(msgspec.Struct):
    content: list[_Typed] | str = ""


_turn = msgspec.json.Decoder(_Turn)


def unthinking_tail(view: View) -> bool:
    """The request answers tools that were called by a turn without thinking: another vendor's, or one whose thinking is
    lost. With `enabled` the API answers 400 then, see `_messages_thinking.paused`."""
    if len(view.messages) < 2 or b'"tool_result"' not in bytes(view.messages[-1]):
        return False
    first = len(view.messages) - 2
    if role_of(view.messages[first]) != "assistant":
        return False
    while first and role_of(view.messages[first - 1]) == "assistant":
        first -= 1  # adjacent assistant messages are one turn
    content = parsed(_turn, view.messages[first], f"$.messages[{first}]").content
    return isinstance(content, str) or not content or content[0].type not in ("thinking", "redacted_thinking")


def _edit_config(raw: bytes, thinking: Thinking | None, profile: Profile, edits: Edits) -> None:
    config = parsed(_config, raw, "$.output_config")
    if not profile.output_config:
        if given(config.format):
            raise UnsupportedFeature("structured output is not offered by this model", where="$.output_config.format")
        edits["output_config"] = None
    elif thinking is not None and thinking.type == "disabled" and config.effort is not None:
        kept = effort_when_disabled(config.effort, profile)
        if kept != config.effort:
            new = splice(raw, {"effort": msgspec.json.encode(kept) if kept else None})
            edits["output_config"] = new if FIELDS.decode(new) else None


def _edit_tool_choice(raw: bytes, edits: Edits) -> None:
    """Models that always think reject forcing (protocols.md 1.3): auto is the nearest they take."""
    if raw == b"null":
        return
    choice = parsed(_choice, raw, "$.tool_choice")
    if choice.type in ("any", "tool"):
        off = b',"disable_parallel_tool_use":true' if choice.disable_parallel_tool_use else b""
        edits["tool_choice"] = b'{"type":"auto"%s}' % off


def _strip_billing(raw: dict[str, bytes], edits: Edits) -> None:
    system = raw.get("system", b"")
    if not system.startswith(b"[") or _BILLING not in system:
        return
    blocks = raws(system, "$.system")
    text = parsed(_block, blocks[0], "$.system[0]").text
    if text is None or not text.startswith(BILLING):
        return
    edits["system"] = edit_array(system, {0: None}) if len(blocks) > 1 else None


# --- mid-conversation system messages -----------------------------------------------------------------------------


def reminder(text: str) -> str:
    """System text that has to travel in a user turn, in the form coding models know."""
    return f"<system-reminder>\n{text}\n</system-reminder>"


def _lower_system(body: bytes, view: View, at: dict[str, Member], edits: Edits) -> None:
    changed = {
        index: _lowered(message, index) for index, message in enumerate(view.messages) if role_of(message) == "system"
    }
    if changed:
        member = at["messages"]
        edits["messages"] = edit_array(body[member.start : member.end], changed)


def _lowered(message: msgspec.Raw, index: int) -> bytes:
    path = f"$.messages[{index}].content"
    content = parsed(_message, message, path).content
    mark: msgspec.Raw = NONE
    if first_byte(content) == 0x22:
        text = parsed(TEXT, content, path)
    else:
        blocks = [parsed(_block, block, f"{path}[{n}]") for n, block in enumerate(raws(content, path))]
        for n, block in enumerate(blocks):
            if block.text is None:
                raise UnsupportedFeature(f"a {block.type} block in a system message", where=f"{path}[{n}]")
        text = "\n".join([block.text for block in blocks if block.text])
        marks = [block.cache_control for block in blocks if given(block.cache_control)]
        mark = marks[-1] if marks else NONE
    new: dict[str, object] = {"type": "text", "text": reminder(text)}
    if given(mark):
        new["cache_control"] = mark
    return msgspec.json.encode({"role": "user", "content": [new]})


# --- cache marks ----------------------------------------------------------------------------------------------------


def _unmark(body: bytes, at: dict[str, Member], edits: Edits) -> None:
    """Take `cache_control` out of every place where the API reads it. Tool inputs and schemas are content: not entered."""
    if "cache_control" in at:
        edits["cache_control"] = None
    for key in ("system", "tools", "messages"):
        member = at.get(key)
        raw = edits.get(key) or (body[member.start : member.end] if member else b"")
        if _MARK not in raw or not raw.startswith(b"[") or (key in edits and edits[key] is None):
            continue
        edits[key] = (
            _unmarked_messages(raw) if key == "messages" else _unmarked_blocks(raw, f"$.{key}", key == "system")
        )


def _unmarked_messages(array: bytes) -> bytes:
    changed: dict[int, bytes | None] = {}
    for index, message in enumerate(raws(array, "$.messages")):
        raw = bytes(message)
        if _MARK in raw:
            path = f"$.messages[{index}].content"
            content = bytes(parsed(_message, raw, path).content)
            if content.startswith(b"["):
                changed[index] = splice(raw, {"content": _unmarked_blocks(content, path, True)})
    return edit_array(array, changed)


def _unmarked_blocks(array: bytes, path: str, enter: bool) -> bytes:
    changed: dict[int, bytes | None] = {}
    for index, element in enumerate(raws(array, path)):
        raw = bytes(element)
        if _MARK in raw:
            changed[index] = _unmarked_block(raw, f"{path}[{index}]", enter)
    return edit_array(array, changed)


def _unmarked_block(raw: bytes, path: str, enter: bool) -> bytes:
    block = parsed(_block, raw, path)
    edits: Edits = {"cache_control": None}
    if enter and block.type in ("tool_result", "search_result") and first_byte(block.content) == 0x5B:
        edits["content"] = _unmarked_blocks(bytes(block.content), f"{path}.content", True)
    elif enter and block.type == "document" and _MARK in bytes(block.source):
        source = bytes(block.source)
        inner = parsed(_message, source, f"{path}.source").content
        if first_byte(inner) == 0x5B:
            edits["source"] = splice(
                source, {"content": _unmarked_blocks(bytes(inner), f"{path}.source.content", True)}
            )
    return splice(raw, edits)
