"""OpenAI Responses, as the vendor writes them: whole bodies and streams, with the strict order that Codex needs.

Source: openai 3.52 `types/responses/*_event.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.testing.scripted.asked import Asked
from gateway.testing.scripted.chat import TEXT_PIECE, argument_pieces
from gateway.testing.scripted.faults import Chosen
from gateway.testing.scripted.memory import Memory, dump, fragments
from gateway.testing.scripted.turns import Call, Part, Profile, Refusal, Thinking, Tokens, Turn

Event = dict[str, Any]
Events = Iterator[tuple[str, bytes]]

# Request fields that the vendor repeats in its answer.
_ECHOED = ("instructions", "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "store", "metadata")


def usage(tokens: Tokens) -> Event:
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + tokens.output,
    }


@dataclass(slots=True)
class _Writer:
    """Gives every event its type and its number."""

    number: int = 0

    def event(self, label: str, kind: str, **fields: object) -> tuple[str, bytes]:
        body = {"type": kind, "sequence_number": self.number, **fields}
        self.number += 1
        return label, dump(body)


@dataclass(slots=True)
class _Made:
    """The items of one answer, in order, with the part each came from."""

    response: Event
    items: list[tuple[Part, Event]] = field(default_factory=list)


def _make(asked: Asked, turn: Turn, memory: Memory, profile: Profile, fault: Chosen) -> _Made:
    response: Event = {
        "id": memory.mint("resp_"),
        "object": "response",
        "created_at": 1_795_000_000,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": asked.model,
        "output": [],
        "usage": None,
    }
    response |= {name: asked.body[name] for name in _ECHOED if name in asked.body}
    if fault.is_("no_id"):
        del response["id"]
    items = [(part, _item(part, memory, profile, fault)) for part in turn.parts]
    return _Made(response, items)


def _item(part: Part, memory: Memory, profile: Profile, fault: Chosen) -> Event:
    if isinstance(part, Thinking):
        item: Event = {"id": memory.mint("rs_"), "type": "reasoning"}
        item["summary"] = [{"type": "summary_text", "text": part.text}]
        if profile in ("plain", "openai"):
            item["encrypted_content"] = memory.encrypt(item["id"])
        return item
    if isinstance(part, Call):
        return _call_item(part, memory, fault)
    content: Event = {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}
    if isinstance(part, Refusal):
        content = {"type": "refusal", "refusal": part.text}
    return {
        "id": memory.mint("msg_"),
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [content],
    }


def _call_item(part: Call, memory: Memory, fault: Chosen) -> Event:
    item: Event = {"id": memory.mint("ctc_" if part.custom else "fc_"), "status": "completed", "call_id": part.id}
    if part.custom:
        item |= {"type": "custom_tool_call", "name": part.name, "input": part.arguments_text}
    else:
        item |= {"type": "function_call", "name": part.name, "arguments": part.arguments_text}
    if part.namespace:
        item["namespace"] = part.namespace
    if fault.is_("no_tool_id") or not part.id:
        del item["call_id"]
    return item


def _finished(made: _Made, turn: Turn, tokens: Tokens, fault: Chosen) -> Event:
    body = {**made.response, "status": "completed", "output": [item for _, item in made.items]}
    reason = {"length": "max_output_tokens", "filter": "content_filter"}.get(turn.ending)
    if reason:
        body |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
    if not fault.is_("no_usage"):
        body["usage"] = usage(tokens)
    return body


def whole(asked: Asked, turn: Turn, tokens: Tokens, memory: Memory, profile: Profile, fault: Chosen) -> bytes:
    """The body of an answer that is not streamed."""
    return dump(_finished(_make(asked, turn, memory, profile, fault), turn, tokens, fault))


def stream(asked: Asked, turn: Turn, tokens: Tokens, memory: Memory, profile: Profile, fault: Chosen) -> Events:
    """The stream as (what it is, JSON data of one event); the terminal event is named "done"."""
    made, writer = _make(asked, turn, memory, profile, fault), _Writer()
    yield writer.event("start", "response.created", response=made.response)
    yield writer.event("start", "response.in_progress", response=made.response)
    late: list[tuple[int, Event]] = []
    for place, (part, item) in enumerate(made.items, start=1 if fault.is_("index_gap") else 0):
        events = list(_item_events(writer, place, part, item, fault))
        if fault.is_("out_of_order") and isinstance(part, Thinking):
            late.append((place, item))
            events.pop()
        yield from events
    for place, item in late:
        yield writer.event("stop", "response.output_item.done", output_index=place, item=item)
    final = _finished(made, turn, tokens, fault)
    yield writer.event("done", f"response.{final['status']}", response=final)


def _item_events(writer: _Writer, place: int, part: Part, item: Event, fault: Chosen) -> Events:
    label = "call" if isinstance(part, Call) else "block"
    yield writer.event(label, "response.output_item.added", output_index=place, item=_opened(part, item))
    where: Event = {"item_id": item["id"], "output_index": place}
    if isinstance(part, Thinking):
        yield from _reasoning_events(writer, where, part)
    elif isinstance(part, Call):
        yield from _call_events(writer, where, part, fault)
    else:
        yield from _content_events(writer, where, part, item["content"][0])
    yield writer.event("stop", "response.output_item.done", output_index=place, item=item)


def _opened(part: Part, item: Event) -> Event:
    """An item as it stands when it begins: no content yet."""
    opened = {**item, "status": "in_progress"}
    if isinstance(part, Thinking):
        del opened["status"]
        return opened | {"summary": []}
    if isinstance(part, Call):
        return opened | ({"input": ""} if part.custom else {"arguments": ""})
    return opened | {"content": []}


def _reasoning_events(writer: _Writer, where: Event, part: Thinking) -> Events:
    where = {**where, "summary_index": 0}
    base, done = "response.reasoning_summary", {"type": "summary_text", "text": part.text}
    yield writer.event("block", f"{base}_part.added", **where, part={"type": "summary_text", "text": ""})
    for piece in fragments(part.text, TEXT_PIECE):
        yield writer.event("thinking", f"{base}_text.delta", **where, delta=piece)
    yield writer.event("stop", f"{base}_text.done", **where, text=part.text)
    yield writer.event("stop", f"{base}_part.done", **where, part=done)


def _call_events(writer: _Writer, where: Event, part: Call, fault: Chosen) -> Events:
    text = part.arguments_text
    base = "response.custom_tool_call_input" if part.custom else "response.function_call_arguments"
    for piece in argument_pieces(text, fault):
        yield writer.event("arguments", f"{base}.delta", **where, delta=piece)
    if part.custom:
        yield writer.event("stop", f"{base}.done", **where, input=text)
    else:
        yield writer.event("stop", f"{base}.done", **where, name=part.name, arguments=text)


def _content_events(writer: _Writer, where: Event, part: Part, content: Event) -> Events:
    where = {**where, "content_index": 0}
    refused = isinstance(part, Refusal)
    base, key = ("response.refusal", "refusal") if refused else ("response.output_text", "text")
    extra: Event = {} if refused else {"logprobs": []}
    yield writer.event("block", "response.content_part.added", **where, part={**content, key: ""})
    for piece in fragments(content[key], TEXT_PIECE):
        yield writer.event("text", f"{base}.delta", **where, delta=piece, **extra)
    yield writer.event("stop", f"{base}.done", **where, **{key: content[key]}, **extra)
    yield writer.event("stop", "response.content_part.done", **where, part=content)
