"""Requests with tools in each dialect, and what became of the tool calls in an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.gateways import events_of

BASH = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
READ = {"type": "object", "properties": {"filePath": {"type": "string"}}, "required": ["filePath"]}
FETCH = {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}
SCHEMAS = {"bash": BASH, "read": READ, "webfetch": FETCH}
SYSTEM = "You are a coding agent.\n<env>\n  Working directory: /repo\n</env>"


def offered(dialect: str) -> list[dict[str, Any]]:
    """The tools of `SCHEMAS` as a request of this dialect offers them."""
    if dialect == "messages":
        return [{"name": name, "description": name, "input_schema": schema} for name, schema in SCHEMAS.items()]
    flat = [{"name": name, "description": name, "parameters": schema} for name, schema in SCHEMAS.items()]
    if dialect == "responses":
        return [{"type": "function", **tool} for tool in flat]
    return [{"type": "function", "function": tool} for tool in flat]


def asking(dialect: str, text: str = "do it", *history: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A request of an agent that works in /repo. `history` are items behind the first message."""
    body: dict[str, Any] = {"model": "auto", "tools": offered(dialect), **more}
    first = {"role": "user", "content": text}
    match dialect:
        case "chat":
            body["messages"] = [{"role": "system", "content": SYSTEM}, first, *history]
        case "messages":
            body |= {"system": SYSTEM, "messages": [first, *history], "max_tokens": 1000}
        case _:
            body |= {"instructions": SYSTEM, "input": [first, *history]}
    return body


def returned(dialect: str, call: Seen, result: str) -> list[dict[str, Any]]:
    """The items by which a harness gives a call and its result back."""
    match dialect:
        case "chat":
            function = {"name": call.name, "arguments": json.dumps(call.arguments)}
            return [
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": call.id, "type": "function", "function": function}],
                },
                {"role": "tool", "tool_call_id": call.id, "content": result},
            ]
        case "messages":
            use = {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
            back = {"type": "tool_result", "tool_use_id": call.id, "content": result}
            return [{"role": "assistant", "content": [use]}, {"role": "user", "content": [back]}]
        case _:
            return [
                {
                    "type": "function_call",
                    "call_id": call.id,
                    "name": call.name,
                    "arguments": json.dumps(call.arguments),
                },
                {"type": "function_call_output", "call_id": call.id, "output": result},
            ]


@dataclass(frozen=True)
class Seen:
    """A call as the client got it."""

    id: str
    name: str
    arguments: Any

    @property
    def command(self) -> str:
        return str(self.arguments["command"])


@dataclass(frozen=True)
class Answered:
    calls: tuple[Seen, ...]
    text: str
    finish: str


def answered(dialect: str, body: bytes, *, stream: bool) -> Answered:
    """The calls, text and finish reason of an answer."""
    if stream:
        return {"chat": _chat_stream, "messages": _messages_stream, "responses": _responses_stream}[dialect](body)
    return {"chat": _chat, "messages": _messages, "responses": _responses}[dialect](json.loads(body))


def _chat(reply: dict[str, Any]) -> Answered:
    choice = reply["choices"][0]
    message = choice["message"]
    calls = [
        Seen(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"]))
        for c in message.get("tool_calls") or ()
    ]
    return Answered(tuple(calls), message.get("content") or "", choice["finish_reason"])


def _chat_stream(data: bytes) -> Answered:
    found: dict[int, list[str]] = {}
    text, finish = "", ""
    for _, event in events_of(data):
        if event == "[DONE]":
            continue
        for choice in event.get("choices", ()):
            text += choice["delta"].get("content") or ""
            finish = choice.get("finish_reason") or finish
            for call in choice["delta"].get("tool_calls") or ():
                held = found.setdefault(call["index"], ["", "", ""])
                held[0] += call.get("id") or ""
                held[1] += call.get("function", {}).get("name") or ""
                held[2] += call.get("function", {}).get("arguments") or ""
    calls = tuple(Seen(id_, name, json.loads(arguments)) for id_, name, arguments in found.values())
    return Answered(calls, text, finish)


def _messages(reply: dict[str, Any]) -> Answered:
    calls = tuple(Seen(b["id"], b["name"], b["input"]) for b in reply["content"] if b["type"] == "tool_use")
    text = "".join(b["text"] for b in reply["content"] if b["type"] == "text")
    return Answered(calls, text, reply["stop_reason"])


def _messages_stream(data: bytes) -> Answered:
    blocks: dict[int, dict[str, Any]] = {}
    finish = ""
    for _, event in events_of(data):
        if event["type"] == "content_block_start":
            blocks[event["index"]] = {**event["content_block"], "said": event["content_block"].get("text", "")}
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            blocks[event["index"]]["said"] += delta.get("text") or delta.get("partial_json") or ""
        elif event["type"] == "message_delta":
            finish = event["delta"].get("stop_reason") or finish
    calls = [
        Seen(b["id"], b["name"], json.loads(b["said"] or "{}")) for b in blocks.values() if b["type"] == "tool_use"
    ]
    return Answered(tuple(calls), "".join(b["said"] for b in blocks.values() if b["type"] == "text"), finish)


def _responses(reply: dict[str, Any]) -> Answered:
    calls = tuple(
        Seen(o["call_id"], o["name"], json.loads(o["arguments"]))
        for o in reply["output"]
        if o["type"] == "function_call"
    )
    parts = [part for o in reply["output"] if o["type"] == "message" for part in o["content"]]
    return Answered(calls, "".join(part.get("text", "") for part in parts), reply["status"])


def _responses_stream(data: bytes) -> Answered:
    """From the copy at the end; AssertionError when the calls of the events before it are others."""
    events = [event for _, event in events_of(data)]
    final = next(event["response"] for event in events if event["type"] == "response.completed")
    told = _responses(final)
    on_the_way = [e["arguments"] for e in events if e["type"] == "response.function_call_arguments.done"]
    assert [json.loads(text) for text in on_the_way] == [call.arguments for call in told.calls]
    return told
