"""Anthropic Messages, as the vendor writes them: whole bodies and streams.

Source: anthropic 2.11 types and `_streaming.py`; order of events and usage as in the vendor's streaming page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gateway.testing.scripted.asked import Asked
from gateway.testing.scripted.chat import TEXT_PIECE, argument_pieces
from gateway.testing.scripted.faults import Chosen
from gateway.testing.scripted.memory import Memory, dump, fragments
from gateway.testing.scripted.turns import Call, Finish, Part, Profile, Refusal, Text, Thinking, Tokens, Turn

_STOP: dict[Finish, str] = {
    "stop": "end_turn",
    "tool": "tool_use",
    "length": "max_tokens",
    "filter": "refusal",
    "refusal": "refusal",
}

Event = dict[str, Any]


def stop_of(turn: Turn, fault: Chosen) -> str:
    return "end_turn" if fault.is_("stop_reason_wrong") else _STOP[turn.ending]


def usage(tokens: Tokens) -> Event:
    """The full usage object: `input_tokens` excludes what was read from or written to the cache."""
    return {
        "input_tokens": tokens.input - tokens.cached - tokens.written,
        "cache_creation_input_tokens": tokens.written,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": tokens.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": tokens.output,
        "service_tier": "standard",
    }


def _signature(part: Thinking, memory: Memory, profile: Profile) -> str:
    if part.signature is not None:
        return part.signature
    return memory.sign(part.text) if profile in ("plain", "anthropic") else ""


def _block(part: Part, memory: Memory, profile: Profile, fault: Chosen) -> Event:
    """A whole content block."""
    if isinstance(part, Thinking):
        if part.redacted:
            return {"type": "redacted_thinking", "data": memory.redact()}
        return {"type": "thinking", "thinking": part.text, "signature": _signature(part, memory, profile)}
    if isinstance(part, Call):
        block: Event = {"type": "tool_use", "id": part.id, "name": part.name, "input": _input(part)}
        if fault.is_("no_tool_id") or not part.id:
            del block["id"]
        return block
    return {"type": "text", "text": part.text}


def _input(call: Call) -> object:
    """Arguments as the object that a whole body carries; broken JSON can only be shown as a string."""
    try:
        return json.loads(call.arguments_text)
    except ValueError:
        return call.arguments_text


def _shell(asked: Asked, memory: Memory, fault: Chosen) -> Event:
    message: Event = {"id": memory.mint("msg_01"), "type": "message", "role": "assistant", "model": asked.model}
    if fault.is_("no_id"):
        del message["id"]
    if fault.is_("no_role"):
        del message["role"]
    return message


def _details(turn: Turn) -> Event | None:
    """Only a refusal has details; the words are ours, the shape is the vendor's."""
    if turn.ending not in ("filter", "refusal"):
        return None
    told = "".join(part.text for part in turn.parts if isinstance(part, Refusal))
    return {"type": "refusal", "category": "cyber", "explanation": told or None}


def whole(asked: Asked, turn: Turn, tokens: Tokens, memory: Memory, profile: Profile, fault: Chosen) -> bytes:
    """The body of an answer that is not streamed."""
    body = _shell(asked, memory, fault)
    body["content"] = [
        _block(part, memory, profile, fault) for part in turn.parts if not isinstance(part, Refusal) and _says(part)
    ]
    body |= {"stop_reason": stop_of(turn, fault), "stop_sequence": None}
    if details := _details(turn):
        body["stop_details"] = details
    if not fault.is_("no_usage"):
        body["usage"] = usage(tokens)
    return dump(body)


def _says(part: Part) -> bool:
    return not isinstance(part, Text) or bool(part.text)


def stream(
    asked: Asked, turn: Turn, tokens: Tokens, memory: Memory, profile: Profile, fault: Chosen
) -> Iterator[tuple[str, bytes]]:
    """The stream as (what it is, JSON data of one event); the terminal `message_stop` is named "done"."""
    message = _shell(asked, memory, fault)
    opening = {**usage(tokens), "output_tokens": 1}
    if fault.is_("zero_start_usage", "usage_in_last"):
        opening = {"input_tokens": 0, "output_tokens": 0}
    message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": opening}
    if fault.is_("no_usage"):
        del message["usage"]
    yield "start", dump({"type": "message_start", "message": message})
    yield "ping", dump({"type": "ping"})
    index = 1 if fault.is_("index_gap") else 0
    for part in turn.parts:
        if isinstance(part, Refusal) or not _says(part):
            continue
        yield from _block_events(index, part, memory, profile, fault)
        index += 1
    yield "finish", dump(_ending(turn, tokens, fault))
    yield "done", dump({"type": "message_stop"})


def _ending(turn: Turn, tokens: Tokens, fault: Chosen) -> Event:
    delta: Event = {"stop_reason": stop_of(turn, fault), "stop_sequence": None}
    if details := _details(turn):
        delta["stop_details"] = details
    event: Event = {"type": "message_delta", "delta": delta}
    if fault.is_("zero_start_usage", "usage_in_last"):
        figures = usage(tokens)
        event["usage"] = {key: figures[key] for key in figures if key not in ("cache_creation", "service_tier")}
    elif not fault.is_("no_usage"):
        event["usage"] = {"output_tokens": tokens.output}
    return event


def _block_events(
    index: int, part: Part, memory: Memory, profile: Profile, fault: Chosen
) -> Iterator[tuple[str, bytes]]:
    full = _block(part, memory, profile, fault)
    empty = dict(full)
    if isinstance(part, Thinking) and not part.redacted:
        empty |= {"thinking": "", "signature": ""}
    elif isinstance(part, Call):
        empty["input"] = {}
    elif isinstance(part, Text):
        empty["text"] = ""
    label = "call" if isinstance(part, Call) else "block"
    yield label, dump({"type": "content_block_start", "index": index, "content_block": empty})
    for label, delta in _block_deltas(part, full, fault):
        yield label, dump({"type": "content_block_delta", "index": index, "delta": delta})
    yield "stop", dump({"type": "content_block_stop", "index": index})


def _block_deltas(part: Part, full: Event, fault: Chosen) -> Iterator[tuple[str, Event]]:
    if isinstance(part, Call):
        for piece in argument_pieces(part.arguments_text, fault):
            yield "arguments", {"type": "input_json_delta", "partial_json": piece}
    elif isinstance(part, Text):
        for piece in fragments(part.text, TEXT_PIECE):
            yield "text", {"type": "text_delta", "text": piece}
    elif isinstance(part, Thinking) and not part.redacted:
        for piece in fragments(part.text, TEXT_PIECE):
            yield "thinking", {"type": "thinking_delta", "thinking": piece}
        if full["signature"]:
            yield "signature", {"type": "signature_delta", "signature": full["signature"]}
