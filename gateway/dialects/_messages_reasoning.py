"""Thinking blocks in a Messages request: find them, drop or restore single ones, or take all of them out.

A thinking block is valid only with the vendor that signed it (400 "Invalid signature in thinking block": CLIProxyAPI#1584,
weave-os/router#860), and with thinking on, the assistant turn that called tools must still begin with its thinking (400
"Expected `thinking` or `redacted_thinking`"). Edits are byte splices of the touched messages only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from gateway.dialects._messages_ids import from_wire
from gateway.dialects._messages_json import FIELDS, NONE, edit_array, first_byte, given, raws
from gateway.dialects._messages_read import known_members, members_of, role_of
from gateway.dialects._messages_thinking import Thinking, effort_when_disabled
from gateway.dialects._shared import parsed
from gateway.dialects.contract import SeenReasoning, View
from gateway.ir.profile import Profile
from gateway.ir.request import Reasoning
from gateway.wire.splice import Member, replace_spans, splice

_THINKING: Final = b"thinking"
_TOOL_USE: Final = b"tool_use"
_ESCAPE: Final = b"\\u00"  # a word could hide behind an escaped ASCII letter
_KINDS: Final = frozenset({"thinking", "redacted_thinking"})


class _Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    signature: str | None = None
    data: msgspec.Raw = NONE


class _Message(msgspec.Struct):
    content: msgspec.Raw = NONE


class _Assistant(msgspec.Struct):
    content: list[_Block] | str = ""


class _Strategy(msgspec.Struct):
    type: str = ""


class _Context(msgspec.Struct):
    edits: msgspec.Raw = NONE


class _Effort(msgspec.Struct):
    effort: str | None = None


_assistant = msgspec.json.Decoder(_Assistant)
_message = msgspec.json.Decoder(_Message)
_thinking = msgspec.json.Decoder(Thinking)
_strategy = msgspec.json.Decoder(_Strategy)
_context = msgspec.json.Decoder(_Context)
_effort = msgspec.json.Decoder(_Effort)
_string = msgspec.json.Decoder(str)


def seen_reasoning(view: View, since: int = 0) -> list[SeenReasoning]:
    """Traces and gaps in order. Adjacent assistant messages are one turn; ids are the upstream's own ones."""
    seen: list[SeenReasoning] = []
    turn: list[tuple[int, list[_Block]]] = []
    for index, message in enumerate(view.messages[since:], since):
        if role_of(message) != "assistant":
            if turn:
                seen += _of_turn(turn)
                turn = []
            continue
        raw = bytes(message)
        if _THINKING in raw or _TOOL_USE in raw or _ESCAPE in raw:
            turn.append((index, _blocks_of(message, index)))
    return seen + _of_turn(turn) if turn else seen


def _blocks_of(message: msgspec.Raw, index: int) -> list[_Block]:
    content = parsed(_assistant, message, f"$.messages[{index}]").content
    return [] if isinstance(content, str) else content


def _of_turn(turn: list[tuple[int, list[_Block]]]) -> list[SeenReasoning]:
    calls = tuple([from_wire(b.id) for _, blocks in turn for b in blocks if b.type == "tool_use" and b.id is not None])
    found = [
        SeenReasoning((index, n), _seal(block), calls)
        for index, blocks in turn
        for n, block in enumerate(blocks)
        if block.type in _KINDS
    ]
    if calls and not found:
        found = [SeenReasoning((turn[0][0], -1), None, calls, missing=True)]
    return found


def _seal(block: _Block) -> str | None:
    if block.type == "thinking":
        return block.signature or None
    return (_string.decode(block.data) or None) if first_byte(block.data) == 0x22 else None


def block_of(trace: Reasoning, profile: Profile) -> dict[str, object] | None:
    """The block that replays a trace, or None where the target would refuse it: a verifying vendor takes only its own seal.

    A seal is never invented; an unsigned block is sent with the empty signature that the field demands.
    """
    if trace.redacted:
        return {"type": "redacted_thinking", "data": trace.encrypted} if trace.encrypted else None
    if not trace.signature and profile.verifies_signatures:
        return None
    text = trace.text or "\n\n".join(trace.summary)
    if not text and not trace.signature:
        return None
    return {"type": "thinking", "thinking": text, "signature": trace.signature or ""}


def rewrite_reasoning(
    body: bytes,
    view: View,
    drop: Iterable[tuple[int, int]],
    restore: Mapping[int, tuple[Reasoning, ...]],
    profile: Profile,
) -> bytes:
    """See the contract. Restored traces stand first in their message. A message left without a block is removed: the API
    combines the user turns that then meet."""
    dropped: dict[int, set[int]] = {}
    for message, block in drop:
        if block >= 0:
            dropped.setdefault(message, set()).add(block)
    touched = sorted({*dropped, *restore})
    changed: dict[int, bytes | None] = {}
    for index in touched:
        if not 0 <= index < len(view.messages):
            continue
        new = [block for block in (block_of(trace, profile) for trace in restore.get(index, ())) if block]
        raw = bytes(view.messages[index])
        edited = _rewritten(raw, index, dropped.get(index, set()), new)
        if edited is None or edited != raw:
            changed[index] = edited
    if not changed:
        return body
    member = known_members(members_of(body, view))["messages"]
    array = edit_array(body[member.start : member.end], changed)
    return replace_spans(body, [((member.start, member.end), array)])


def _rewritten(raw: bytes, index: int, drop: set[int], new: list[dict[str, object]]) -> bytes | None:
    path = f"$.messages[{index}].content"
    content = bytes(parsed(_message, raw, path).content)
    if content.startswith(b'"'):
        blocks = [b'{"type":"text","text":%s}' % content]
        drop = set()
        if not new:
            return raw
        array = b"[" + blocks[0] + b"]"
    else:
        array = content
    count = len(raws(array, path))
    drop = {n for n in drop if n < count}
    head = [msgspec.json.encode(block) for block in new]
    if len(drop) == count:
        return splice(raw, {"content": b"[" + b",".join(head) + b"]"}) if head else None
    array = edit_array(array, dict.fromkeys(drop))
    if head:
        array = b"[" + b",".join([*head, array[1:].lstrip(b" \t\n\r")])
    return splice(raw, {"content": array})


def without_reasoning(body: bytes, view: View, profile: Profile) -> bytes:
    """The repair of a 400 about reasoning: every thinking block goes, thinking is switched off where the profile says how
    (`disable_thinking` if set, else "disabled" if understood, else the field goes with a profile that knows no thinking),
    and what only makes sense with thinking goes along (an effort the vendor refuses then, `clear_thinking_*` edits)."""
    drop = [seen.path for seen in seen_reasoning(view) if not seen.missing]
    stripped = rewrite_reasoning(body, view, drop, {}, profile)
    found = members_of(body, view) if stripped is body else None
    at = known_members(found if found is not None else members_of(stripped, _NOWHERE))
    edits = _switched_off(stripped, at, profile)
    return splice(stripped, edits) if edits else stripped


_NOWHERE: Final = View(model="", stream=False, messages=())


def _switched_off(body: bytes, at: dict[str, Member], profile: Profile) -> dict[str, bytes | None]:
    edits: dict[str, bytes | None] = {}
    raw = {
        key: body[at[key].start : at[key].end]
        for key in ("thinking", "output_config", "context_management")
        if key in at
    }
    thinking = raw.get("thinking", b"null")
    on = thinking != b"null" and parsed(_thinking, thinking, "$.thinking").type != "disabled"
    off = profile.disable_thinking or (b'{"type":"disabled"}' if "disabled" in profile.thinking_modes else None)
    if not on and profile.disable_thinking is None:
        return edits
    if off is None and profile.thinking_modes:
        return edits  # a model that always thinks: there is no word for off
    if thinking != (off or b"null"):
        edits["thinking"] = off
    config = raw.get("output_config", b"null")
    if config != b"null":
        effort = parsed(_effort, config, "$.output_config").effort
        kept = effort_when_disabled(effort, profile)
        if kept != effort:
            new = splice(config, {"effort": msgspec.json.encode(kept) if kept else None})
            edits["output_config"] = new if FIELDS.decode(new) else None
    _without_clearing(raw.get("context_management", b"null"), edits)
    return edits


def _without_clearing(raw: bytes, edits: dict[str, bytes | None]) -> None:
    """`clear_thinking_20251015` "requires thinking to be enabled" (claude-code#11773)."""
    if b"clear_thinking" not in raw:
        return
    strategies = parsed(_context, raw, "$.context_management").edits
    if not given(strategies) or first_byte(strategies) != 0x5B:
        return
    path = "$.context_management.edits"
    entries = raws(strategies, path)
    gone = {
        n: None for n, entry in enumerate(entries) if parsed(_strategy, entry, path).type.startswith("clear_thinking")
    }
    if gone:
        kept = edit_array(bytes(strategies), gone) if len(gone) < len(entries) else b"[]"
        edits["context_management"] = splice(raw, {"edits": kept})
