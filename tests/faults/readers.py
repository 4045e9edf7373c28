"""Strict readers of what a client receives: one state machine per dialect, written from the vendors' pages and their SDKs'
types, without a look at `gateway.dialects`. They know no mercy: whatever a real client could stumble over is a problem.

Sources: OpenAI "Streaming events" of chat completions and Responses, openai 3.52 types; Anthropic "Streaming messages" and
anthropic 2.11 `_streaming.py`; WHATWG HTML 9.2 for the framing (read 2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

End = Literal["ok", "error", "none"]


@dataclass
class Item:
    """A tool call as the client has it. `whole`: its dialect has said that it is."""

    id: str
    name: str
    arguments: str = ""
    whole: bool = False


@dataclass
class Seen:
    """What a client made of an answer. `problems`: where it would stumble."""

    end: End = "none"
    text: str = ""
    thinking: str = ""
    calls: list[Item] = field(default_factory=list)
    error: str = ""
    finish: str | None = None
    output_tokens: int | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def content_bytes(self) -> int:
        return (
            len(self.text.encode()) + len(self.thinking.encode()) + sum(len(c.arguments.encode()) for c in self.calls)
        )

    def bad(self, what: str) -> None:
        if len(self.problems) < 5:
            self.problems.append(what)


class Broken(Exception):
    """An event that cannot be read at all."""


def strict_json(text: str) -> Any:
    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=once)


def blocks(data: bytes, seen: Seen, *, whole: bool) -> Iterator[tuple[str, str]]:
    """(event name, data) of each event; comments are dropped. `whole`: the stream has ended, so nothing may be left open."""
    text = data.decode("utf-8", "strict" if whole else "ignore")
    text = text.replace("\r\n", "\n")
    *events, rest = text.split("\n\n")
    if rest.strip("\n") and whole:
        seen.bad(f"the stream ends within an event: {rest[:80]!r}")
    for event in events:
        name, values = "", []
        for line in event.split("\n"):
            field_, colon, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line or not field_:
                continue
            if not colon or field_ not in ("data", "event", "id", "retry"):
                seen.bad(f"no field of an event: {line[:80]!r}")
            elif field_ == "data":
                values.append(value)
            elif field_ == "event":
                name = value
        if values:
            yield name, "\n".join(values)


def read(dialect: str, stream: bool, status: int, kind: str, data: bytes, *, whole: bool) -> Seen:
    """What the client has. `kind`: the content type. `whole`: the answer came to its end (the client did not leave)."""
    seen = Seen()
    try:
        if status != 200:
            _refused(dialect, kind, data, seen, whole)
        elif stream:
            if not kind.startswith("text/event-stream"):
                seen.bad(f"a stream as {kind!r}")
            STREAMS[dialect](seen).run(data, whole)
        elif whole:
            if kind != "application/json":
                seen.bad(f"a whole answer as {kind!r}")
            WHOLES[dialect](strict_json(data.decode()), seen)
            seen.end = "ok"
    except UnicodeDecodeError as error:
        seen.bad(f"not UTF-8: {error}")
    except (ValueError, KeyError, TypeError, IndexError, Broken) as error:
        seen.bad(f"{type(error).__name__}: {error}")
    return seen


def _refused(dialect: str, kind: str, data: bytes, seen: Seen, whole: bool) -> None:
    seen.end = "error"
    if not whole:
        return
    if kind != "application/json":
        seen.bad(f"an error as {kind!r}")
    _error_object(dialect, strict_json(data.decode()), seen)


def _error_object(dialect: str, told: Any, seen: Seen) -> None:
    if dialect == "messages" and told["type"] != "error":
        seen.bad("an error without type error")
    seen.error = told["error"]["message"]
    if not seen.error or not isinstance(seen.error, str) or not isinstance(told["error"]["type"], str):
        seen.bad(f"an error that says nothing: {told}")


# --- streams -----------------------------------------------------------------------------------------------------


class Stream:
    """One dialect's events in order."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def run(self, data: bytes, whole: bool) -> None:
        for name, payload in blocks(data, self.seen, whole=whole):
            if self.seen.end != "none" and not self.may_follow(payload):
                self.seen.bad(f"after the end: {payload[:100]}")
                return
            self.event(name, payload)
        if whole and self.seen.end == "none":
            self.seen.bad("the stream stops without an end")

    def event(self, name: str, payload: str) -> None:
        raise NotImplementedError

    def may_follow(self, payload: str) -> bool:
        """Whether the event may come after the one that ended the stream."""
        return False


class Chat(Stream):
    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self.calls: dict[int, Item] = {}
        self.usage = False

    def event(self, name: str, payload: str) -> None:
        seen = self.seen
        if payload == "[DONE]":
            seen.end = "ok"
            if seen.finish is None:
                seen.bad("[DONE] without a finish_reason")
            for call in self.calls.values():
                call.whole = True
            return
        told = strict_json(payload)
        if "error" in told:
            _error_object("chat", told, seen)
            seen.end = "error"
            return
        if (
            told["object"] != "chat.completion.chunk"
            or not isinstance(told["id"], str)
            or not isinstance(told["model"], str)
        ):
            seen.bad(f"no chunk: {payload[:100]}")
        if told.get("usage"):
            if self.usage:
                seen.bad("usage twice")
            self.usage = True
            seen.output_tokens = told["usage"]["completion_tokens"]
        for choice in told["choices"]:
            self._choice(choice)

    def _choice(self, choice: Any) -> None:
        seen, delta = self.seen, choice["delta"]
        if choice["index"] != 0:
            seen.bad("a choice nobody asked for")
        content = delta.get("content") or ""
        thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
        calls = delta.get("tool_calls") or []
        if seen.finish is not None and (content or thought or calls):
            seen.bad("content after finish_reason")
        seen.text += content
        seen.thinking += thought
        for call in calls:
            self._call(call)
        if (reason := choice.get("finish_reason")) is not None:
            if seen.finish is not None:
                seen.bad("finish_reason twice")
            if reason not in ("stop", "length", "tool_calls", "content_filter", "function_call"):
                seen.bad(f"finish_reason {reason!r}")
            if reason == "tool_calls" and not self.calls:
                seen.bad("finish_reason tool_calls without a call")
            seen.finish = reason

    def _call(self, call: Any) -> None:
        index = call["index"]
        if index not in self.calls:
            if not call.get("id") or not call["function"].get("name"):
                self.seen.bad("a tool call begins without id or name")
            if index != len(self.calls):
                self.seen.bad(f"tool call {index} after {len(self.calls)}")
            self.calls[index] = Item(call["id"], call["function"]["name"])
            self.seen.calls.append(self.calls[index])
        self.calls[index].arguments += call["function"].get("arguments") or ""


class Messages(Stream):
    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self.started = self.told = False
        self.open: dict[int, tuple[str, Item | None]] = {}
        self.next = 0

    def event(self, name: str, payload: str) -> None:
        told = strict_json(payload)
        kind = told["type"]
        if name != kind:
            self.seen.bad(f"event {name!r} with data of type {kind!r}")
        if kind == "ping":
            return
        if kind == "error":
            _error_object("messages", told, self.seen)
            self.seen.end = "error"
            return
        if not self.started and kind != "message_start":
            self.seen.bad(f"{kind} before message_start")
        if self.told and kind != "message_stop":
            self.seen.bad(f"{kind} after message_delta")
        own = getattr(self, "_" + kind, None)
        if own is None:
            self.seen.bad(f"unknown event {kind}")
        else:
            own(told)

    def _message_start(self, told: Any) -> None:
        message = told["message"]
        if self.started:
            self.seen.bad("message_start twice")
        self.started = True
        if message["role"] != "assistant" or message["type"] != "message" or message["content"] != []:
            self.seen.bad(f"message_start says {message}")
        if not isinstance(message["usage"]["input_tokens"], int) or not message["id"] or not message["model"]:
            self.seen.bad("message_start without usage, id or model")

    def _content_block_start(self, told: Any) -> None:
        index, block = told["index"], told["content_block"]
        if index != self.next:
            self.seen.bad(f"block {index} instead of {self.next}")
        if self.open:
            self.seen.bad("a block begins before the last has ended")
        self.next = index + 1
        item = None
        if block["type"] == "tool_use":
            item = Item(block["id"], block["name"])
            if not item.id or not item.name:
                self.seen.bad("a tool call without id or name")
            if block["input"] != {}:
                item.arguments = json.dumps(block["input"])
            self.seen.calls.append(item)
        self.seen.text += block.get("text", "")
        self.open[index] = (block["type"], item)

    def _content_block_delta(self, told: Any) -> None:
        kind, item = self.open[told["index"]]
        delta = told["delta"]
        wanted = {"text": ("text_delta", "citations_delta"), "thinking": ("thinking_delta", "signature_delta"),
                  "tool_use": ("input_json_delta",)}.get(kind, ())  # fmt: skip
        if delta["type"] not in wanted:
            self.seen.bad(f"{delta['type']} in a block of {kind}")
        self.seen.text += delta.get("text", "")
        self.seen.thinking += delta.get("thinking", "")
        if item is not None:
            item.arguments += delta["partial_json"]

    def _content_block_stop(self, told: Any) -> None:
        _, item = self.open.pop(told["index"])
        if item is not None:
            item.whole = True
            item.arguments = item.arguments or "{}"

    def _message_delta(self, told: Any) -> None:
        if self.open:
            self.seen.bad("message_delta within a block")
        self.told = True
        self.seen.finish = told["delta"]["stop_reason"]
        self.seen.output_tokens = told["usage"]["output_tokens"]
        if self.seen.finish not in ("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"):
            self.seen.bad(f"stop_reason {self.seen.finish!r}")
        if self.seen.finish == "tool_use" and not self.seen.calls:
            self.seen.bad("stop_reason tool_use without a call")

    def _message_stop(self, told: Any) -> None:
        if not self.told:
            self.seen.bad("message_stop without message_delta")
        self.seen.end = "ok"


class Responses(Stream):
    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self.number = -1
        self.started = False
        self.items: dict[int, dict[str, Any]] = {}
        self.said: dict[tuple[int, int], str] = {}
        self.parts: set[tuple[int, int]] = set()
        self.open: set[int] = set()
        self.by_place: dict[int, Item] = {}
        self.failing = False

    def may_follow(self, payload: str) -> bool:
        """`error`, on which the SDKs raise, may be followed by one `response.failed`, which Codex needs."""
        follows = self.failing and strict_json(payload)["type"] == "response.failed"
        self.failing = False
        return follows

    def event(self, name: str, payload: str) -> None:
        told = strict_json(payload)
        kind, seen = told["type"], self.seen
        if name and name != kind:
            seen.bad(f"event {name!r} with data of type {kind!r}")
        if told["sequence_number"] <= self.number:
            seen.bad(f"sequence_number {told['sequence_number']} after {self.number}")
        self.number = told["sequence_number"]
        if not self.started and kind not in ("response.created", "response.failed", "error"):
            seen.bad(f"{kind} before response.created")
        own = getattr(self, "_" + kind.removeprefix("response.").replace(".", "_"), None)
        if own is not None:
            own(told)

    def _created(self, told: Any) -> None:
        if self.started:
            self.seen.bad("response.created twice")
        self.started = True
        if told["response"]["status"] not in ("in_progress", "queued") or not told["response"]["id"]:
            self.seen.bad("response.created with an odd response")

    def _output_item_added(self, told: Any) -> None:
        place, item = told["output_index"], told["item"]
        if place != len(self.items):
            self.seen.bad(f"item {place} after {len(self.items)}")
        self.items[place] = item
        self.open.add(place)
        if item["type"] == "function_call":
            self.by_place[place] = Item(item["call_id"], item["name"])
            self.seen.calls.append(self.by_place[place])
            if not item["call_id"] or not item["name"]:
                self.seen.bad("a tool call without id or name")

    def _content_part_added(self, told: Any) -> None:
        if told["output_index"] not in self.open or told["item_id"] != self.items[told["output_index"]]["id"]:
            self.seen.bad("a part of an item that is not open")
        self.parts.add((told["output_index"], told["content_index"]))

    def _output_text_delta(self, told: Any) -> None:
        where = (told["output_index"], told["content_index"])
        if where not in self.parts:
            self.seen.bad("text for a part that is not open")
        self.said[where] = self.said.get(where, "") + told["delta"]
        self.seen.text += told["delta"]

    def _output_text_done(self, told: Any) -> None:
        where = (told["output_index"], told["content_index"])
        if self.said.get(where, "") != told["text"]:
            self.seen.bad("output_text.done with another text than its deltas")

    def _content_part_done(self, told: Any) -> None:
        self.parts.remove((told["output_index"], told["content_index"]))

    def _reasoning_summary_text_delta(self, told: Any) -> None:
        self._thought(told)

    def _reasoning_text_delta(self, told: Any) -> None:
        self._thought(told)

    def _thought(self, told: Any) -> None:
        if told["output_index"] not in self.open:
            self.seen.bad("reasoning for an item that is not open")
        self.seen.thinking += told["delta"]

    def _function_call_arguments_delta(self, told: Any) -> None:
        if told["output_index"] not in self.open:
            self.seen.bad("arguments for a call that is not open")
        self.by_place[told["output_index"]].arguments += told["delta"]

    def _function_call_arguments_done(self, told: Any) -> None:
        if self.by_place[told["output_index"]].arguments != told["arguments"]:
            self.seen.bad("arguments.done with other arguments than its deltas")

    def _output_item_done(self, told: Any) -> None:
        place, item = told["output_index"], told["item"]
        self.open.remove(place)
        self.items[place] = item
        if item["type"] == "function_call":
            call = self.by_place[place]
            call.whole = True
            if call.arguments != item["arguments"]:
                self.seen.bad("a done call with other arguments than its deltas")

    def _completed(self, told: Any) -> None:
        self._over(told, "completed")

    def _incomplete(self, told: Any) -> None:
        self._over(told, "incomplete")

    def _over(self, told: Any, status: str) -> None:
        seen, response = self.seen, told["response"]
        seen.end, seen.finish = "ok", status
        if response["status"] != status:
            seen.bad(f"response.{status} with status {response['status']!r}")
        if self.open:
            seen.bad("the response ends within an item")
        if len(response["output"]) != len(self.items):
            seen.bad("the closing response has other items than were told")
        other = Seen()
        _responses_whole(response, other)
        if other.text != seen.text or [c.arguments for c in other.calls] != [c.arguments for c in seen.calls]:
            seen.bad("the closing response says something else than the stream")
        seen.output_tokens = other.output_tokens

    def _failed(self, told: Any) -> None:
        self.seen.end = "error"
        self.seen.error = told["response"]["error"]["message"]
        if told["response"]["status"] != "failed" or not self.seen.error:
            self.seen.bad("response.failed that says nothing")

    def _error(self, told: Any) -> None:
        self.seen.end, self.seen.error = "error", told["message"]
        self.failing = True


# --- whole answers -----------------------------------------------------------------------------------------------


def _chat_whole(told: Any, seen: Seen) -> None:
    if told["object"] != "chat.completion" or not isinstance(told["id"], str):
        seen.bad("no chat completion")
    (choice,) = told["choices"]
    message = choice["message"]
    seen.text = message.get("content") or ""
    seen.thinking = message.get("reasoning_content") or message.get("reasoning") or ""
    seen.finish = choice["finish_reason"]
    for call in message.get("tool_calls") or []:
        seen.calls.append(Item(call["id"], call["function"]["name"], call["function"]["arguments"], True))
    seen.output_tokens = told["usage"]["completion_tokens"]
    if seen.finish not in ("stop", "length", "tool_calls", "content_filter"):
        seen.bad(f"finish_reason {seen.finish!r}")


def _messages_whole(told: Any, seen: Seen) -> None:
    if told["type"] != "message" or told["role"] != "assistant" or not told["id"]:
        seen.bad("no message")
    for block in told["content"]:
        seen.text += block.get("text", "")
        seen.thinking += block.get("thinking", "")
        if block["type"] == "tool_use":
            seen.calls.append(Item(block["id"], block["name"], json.dumps(block["input"]), True))
    seen.finish = told["stop_reason"]
    seen.output_tokens = told["usage"]["output_tokens"]
    if seen.finish not in ("end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"):
        seen.bad(f"stop_reason {seen.finish!r}")


def _responses_whole(told: Any, seen: Seen) -> None:
    if told["object"] != "response" or told["status"] not in ("completed", "incomplete"):
        seen.bad(f"no finished response: {told.get('status')!r}")
    for item in told["output"]:
        if item["type"] == "message":
            seen.text += "".join(part.get("text", "") for part in item["content"])
        elif item["type"] == "function_call":
            seen.calls.append(Item(item["call_id"], item["name"], item["arguments"], True))
    seen.finish = told["status"]
    usage = told.get("usage")
    seen.output_tokens = usage["output_tokens"] if usage else None


STREAMS = {"chat": Chat, "messages": Messages, "responses": Responses}
WHOLES = {"chat": _chat_whole, "messages": _messages_whole, "responses": _responses_whole}
