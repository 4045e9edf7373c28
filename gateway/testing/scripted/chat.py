"""Chat completions, as the vendors write them: whole bodies and streams.

Source: openai 3.52 types `chat_completion`, `chat_completion_chunk`; DeepSeek's `reasoning_content`, vLLM's `reasoning`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.testing.scripted.asked import Asked
from gateway.testing.scripted.faults import Chosen
from gateway.testing.scripted.memory import Memory, dump, fragments
from gateway.testing.scripted.turns import Call, Finish, Profile, Refusal, Text, Thinking, Tokens, Turn

_FINISH: dict[Finish, str] = {
    "stop": "stop",
    "tool": "tool_calls",
    "length": "length",
    "filter": "content_filter",
    "refusal": "stop",
}
TEXT_PIECE, ARGUMENT_PIECE = 12, 9  # characters per delta; small, so that a test sees several

Event = dict[str, Any]


def reasoning_field(profile: Profile) -> str:
    """vLLM since 0.33 says `reasoning`, everyone else that has it says `reasoning_content`."""
    return "reasoning" if profile == "vllm" else "reasoning_content"


def usage(tokens: Tokens, profile: Profile) -> dict[str, Any]:
    """The usage object; DeepSeek adds its own two cache counters."""
    body: dict[str, Any] = {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
    }
    if profile != "vllm":
        body["completion_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
    if profile == "deepseek":
        body["prompt_cache_hit_tokens"] = tokens.cached
        body["prompt_cache_miss_tokens"] = tokens.input - tokens.cached
    return body


def finish_of(turn: Turn, fault: Chosen) -> str:
    return "stop" if fault.is_("stop_reason_wrong") else _FINISH[turn.ending]


def whole(asked: Asked, turn: Turn, tokens: Tokens, memory: Memory, profile: Profile, fault: Chosen) -> bytes:
    """The body of an answer that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if fault.is_("no_role"):
        del message["role"]
    text = "".join(part.text for part in turn.parts if isinstance(part, Text))
    message["content"] = text if text or not turn.calls else None
    if thought := "".join(part.text for part in turn.parts if isinstance(part, Thinking)):
        message[reasoning_field(profile)] = thought
    if refused := "".join(part.text for part in turn.parts if isinstance(part, Refusal)):
        message["refusal"] = refused
    if turn.calls:
        message["tool_calls"] = [_tool_call(call, fault) for call in turn.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_of(turn, fault)}
    body: dict[str, Any] = {
        "id": memory.mint("chatcmpl-"),
        "object": "chat.completion",
        "created": 1_795_000_000,
        "model": asked.model,
        "choices": [choice],
    }
    if not fault.is_("no_usage"):
        body["usage"] = usage(tokens, profile)
    if fault.is_("no_id"):
        del body["id"]
    return dump(body)


def _tool_call(call: Call, fault: Chosen) -> Event:
    body: Event = {"id": call.id, "type": "function"}
    body["function"] = {"name": call.name, "arguments": call.arguments_text}
    if fault.is_("no_tool_id") or not call.id:
        del body["id"]
    return body


def stream(
    asked: Asked, turn: Turn, tokens: Tokens, memory: Memory, profile: Profile, fault: Chosen
) -> Iterator[tuple[str, bytes]]:
    """The stream as (what it is, JSON data of one event); the terminal `[DONE]` is named "done"."""
    frame: Event = {
        "id": memory.mint("chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": 1_795_000_000,
        "model": asked.model,
        "system_fingerprint": "fp_scripted",
    }
    if fault.is_("no_id"):
        del frame["id"]
    figures = usage(tokens, profile)
    with_usage = asked.include_usage and not fault.is_("no_usage", "usage_in_last")
    for label, delta in _deltas(turn, profile, fault):
        yield label, dump(_chunk(frame, delta, None, with_usage))
    last = _chunk(frame, {"content": None} if fault.is_("null_content") else {}, finish_of(turn, fault), with_usage)
    if fault.is_("usage_in_last"):
        last["usage"] = figures
    yield "finish", dump(last)
    if with_usage:
        yield "usage", dump({**frame, "choices": [], "usage": figures})
    yield "done", b"[DONE]"


def _chunk(frame: Event, delta: Event, finish: str | None, with_usage: bool) -> Event:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    chunk: Event = {**frame, "choices": [choice]}
    if with_usage:
        chunk["usage"] = None
    return chunk


def _deltas(turn: Turn, profile: Profile, fault: Chosen) -> Iterator[tuple[str, Event]]:
    role: Event = {} if fault.is_("no_role") else {"role": "assistant"}
    yield "start", {**role, "content": None if turn.calls or fault.is_("null_content") else ""}
    calls: list[tuple[int, Call]] = []
    shift = 1 if fault.is_("index_gap") else 0
    for part in turn.parts:
        if isinstance(part, Call):
            calls.append((len(calls) + shift, part))
            continue
        name = "content"
        if isinstance(part, Thinking):
            name = reasoning_field(profile)
        elif isinstance(part, Refusal):
            name = "refusal"
        if calls:  # what comes after a call waits for it
            yield from _call_deltas(calls, fault)
            shift, calls = shift + len(calls), []
        for piece in fragments(part.text, TEXT_PIECE):
            label = "thinking" if isinstance(part, Thinking) else "text"
            yield label, {name: piece, **({"content": None} if name != "content" and fault.is_("null_content") else {})}
    yield from _call_deltas(calls, fault)


def _call_deltas(calls: list[tuple[int, Call]], fault: Chosen) -> Iterator[tuple[str, Event]]:
    """The deltas of calls that stand side by side; with the fault `parallel` their fragments are interleaved."""
    queues = [list(_one_call(index, call, fault)) for index, call in calls]
    if not fault.is_("parallel"):
        for queue in queues:
            yield from queue
        return
    while any(queues):
        for queue in queues:
            if queue:
                yield queue.pop(0)


def _one_call(index: int, call: Call, fault: Chosen) -> Iterator[tuple[str, Event]]:
    extra: Event = {"content": None} if fault.is_("null_content") else {}
    opening: Event = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name}}
    if fault.is_("no_tool_id") or not call.id:
        del opening["id"]
    pieces = _argument_pieces(call, fault)
    opening["function"]["arguments"] = pieces[0] if fault.is_("one_shot_args") else ""
    yield "call", {**extra, "tool_calls": [opening]}
    for piece in pieces[1:] if fault.is_("one_shot_args") else pieces:
        yield "arguments", {**extra, "tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _argument_pieces(call: Call, fault: Chosen) -> list[str]:
    return argument_pieces(call.arguments_text, fault)


def argument_pieces(text: str, fault: Chosen) -> list[str]:
    """The argument text in the pieces in which it is sent; never an empty list."""
    if fault.is_("one_shot_args"):
        return [text]
    size = ARGUMENT_PIECE if len(text) < 4096 else 2048  # large arguments come in larger pieces, as with real vendors
    return list(fragments(text, size)) or [""]
