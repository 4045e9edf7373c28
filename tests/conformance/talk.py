"""One conversation through a real SDK, written once for the three client dialects.

A `Talk` keeps the history as its SDK's users keep it (model_dump of what the SDK returned) and sends it back in one of three
ways: `full` (reasoning replayed), `bare` (reasoning dropped), `text` (only what was said, tool calls as plain words).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import anthropic
import httpx2
import openai

Client = Literal["chat", "responses", "messages"]
Replay = Literal["full", "bare", "text"]
CLIENTS: tuple[Client, ...] = ("chat", "responses", "messages")

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Used:
    """Usage with one definition: `input` counts everything that was read."""

    input: int
    cached: int
    written: int
    output: int
    reasoning: int | None = None


@dataclass
class Said:
    """What the SDK made of a reply. `calls` are (id, name, arguments as sent or parsed)."""

    text: str
    thinking: str
    calls: list[tuple[str, str, Any]]
    finish: str | None
    used: Used
    model: str
    refusal: str | None = None
    raw: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A tool's answer."""

    call_id: str
    text: str
    is_error: bool = False
    image: bool = False


_seen: dict[str, str] = {}


def _note(response: httpx2.Response) -> None:
    _seen.clear()
    _seen.update(response.headers)


@functools.cache
def _http() -> httpx2.Client:
    """One for all: building one takes 20 ms. Tests of this folder run one after the other, so the last headers are ours."""
    return httpx2.Client(event_hooks={"response": [_note]}, timeout=30)


class Talk:
    def __init__(
        self,
        base: str,
        client: Client,
        model: str,
        *,
        stream: bool,
        session: str | None = None,
        replay: Replay = "full",
        tools: Sequence[str] = (),
        system: str | None = None,
        headers: dict[str, str] | None = None,
        api_key: str = "any",
        **options: Any,
    ) -> None:
        self.base, self.client, self.model, self.stream, self.replay = base, client, model, stream, replay
        self.options, self.system, self.history = options, system, []
        self.headers = dict(headers or {})
        if session:
            self.headers["x-interlock-session"] = session
        self.tools = [_tool(client, name) for name in tools]
        common: Any = {"api_key": api_key, "max_retries": 0, "http_client": _http()}
        if client == "messages":
            self._sdk: Any = anthropic.Anthropic(base_url=base, **common)
        else:
            self._sdk = openai.OpenAI(base_url=base + "/v1", **common)
        self.history: list[Any] = []

    # --- asking -----------------------------------------------------------------------------------------------

    def ask(self, text: str, /, **options: Any) -> Said:
        """A user's turn."""
        self.history.append({"role": "user", "content": text})
        return self.go(**options)

    def answer(self, *results: Result, then: str | None = None, **options: Any) -> Said:
        """The results of the last reply's calls, perhaps followed by more of the user's words."""
        self.history += _results(self.client, results, then, self.replay)
        return self.go(**options)

    def go(self, *, model: str | None = None, **options: Any) -> Said:
        """Sends the history as it is; the reply joins it."""
        headers = dict(self.headers)
        if model is not None:
            headers["x-interlock-model"] = model
        sent: dict[str, Any] = {"model": self.model, "extra_headers": headers, **self.options, **options}
        if self.tools:
            sent["tools"] = self.tools
        said: Said = getattr(self, f"_{self.client}")(sent)
        said.headers = dict(_seen)
        return said

    def _chat(self, sent: dict[str, Any]) -> Said:
        system = [{"role": "system", "content": self.system}] if self.system else []
        sent["messages"] = [*system, *self.history]
        if self.stream:
            sent.setdefault("stream_options", {"include_usage": True})
            with self._sdk.chat.completions.stream(**sent) as stream:
                try:
                    reply = stream.get_final_completion()
                except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
                    reply = stream.current_completion_snapshot  # the SDK raises, its reply is whole all the same
        else:
            reply = self._sdk.chat.completions.create(**sent)
        choice = reply.choices[0]
        message = choice.message.model_dump(exclude_none=True)
        for name in ("parsed", "annotations"):
            message.pop(name, None)
        for call in message.get("tool_calls", ()):
            call.get("function", {}).pop("parsed_arguments", None)
            call.pop("index", None)
        thinking = str(message.get("reasoning_content") or message.get("reasoning") or "")
        calls = [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls", ())]
        kept = {k: v for k, v in message.items() if k not in ("reasoning_content", "reasoning", "reasoning_details")}
        if self.replay == "text":
            kept = {"role": "assistant", "content": _words(message.get("content"), calls)}
        if "content" not in kept:
            kept["content"] = None
        self.history.append(message | {"content": message.get("content")} if self.replay == "full" else kept)
        return Said(
            message.get("content") or "",
            thinking,
            calls,
            choice.finish_reason,
            _openai_usage(reply.usage, "prompt", "completion"),
            reply.model,
            message.get("refusal"),
            reply,
        )

    def _responses(self, sent: dict[str, Any]) -> Said:
        sent["input"] = list(self.history)
        sent.setdefault("store", False)
        if self.system:
            sent["instructions"] = self.system
        if self.stream:
            with self._sdk.responses.stream(**sent) as stream:
                events = list(stream)
                self.kinds = [event.type for event in events]
                assert self.kinds[-1] in ("response.completed", "response.incomplete"), self.kinds[-3:]
                reply = events[-1].response
        else:
            reply = self._sdk.responses.create(**sent)
        items = [item.model_dump(exclude_none=True) for item in reply.output]
        for item in items:
            item.pop("parsed_arguments", None)
            for part in item.get("content") or ():
                part.pop("parsed", None)
        thinking = "".join(p["text"] for i in items if i["type"] == "reasoning" for p in i.get("summary", ()))
        calls = [(i["call_id"], i["name"], i["arguments"]) for i in items if i["type"] == "function_call"]
        refusal = next(
            (p["refusal"] for i in items if i["type"] == "message" for p in i["content"] if p["type"] == "refusal"),
            None,
        )
        if self.replay == "text":
            self.history.append({"role": "assistant", "content": _words(reply.output_text, calls)})
        else:
            self.history += [i for i in items if self.replay == "full" or i["type"] != "reasoning"]
        finish = reply.incomplete_details.reason if reply.incomplete_details else reply.status
        used = _openai_usage(reply.usage, "input", "output")
        return Said(reply.output_text, thinking, calls, finish, used, reply.model, refusal, reply)

    def _messages(self, sent: dict[str, Any]) -> Said:
        sent["messages"] = list(self.history)
        sent.setdefault("max_tokens", 4096)
        if self.system:
            sent["system"] = self.system
        if self.stream:
            with self._sdk.messages.stream(**sent) as stream:
                reply = stream.get_final_message()
        else:
            reply = self._sdk.messages.create(**sent)
        blocks = [block.model_dump(exclude_none=True) for block in reply.content]
        calls = [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"]
        text = "".join(b["text"] for b in blocks if b["type"] == "text")
        thinking = "".join(b["thinking"] for b in blocks if b["type"] == "thinking")
        if self.replay == "text":
            blocks = [{"type": "text", "text": _words(text, calls)}]
        elif self.replay == "bare":
            blocks = [b for b in blocks if b["type"] not in ("thinking", "redacted_thinking")]
        for block in blocks:
            block.pop("parsed_output", None)
        if blocks:
            self.history.append({"role": "assistant", "content": blocks})
        told = reply.usage
        cached, written = told.cache_read_input_tokens or 0, told.cache_creation_input_tokens or 0
        details = getattr(told, "output_tokens_details", None)
        used = Used(
            told.input_tokens + cached + written,
            cached,
            written,
            told.output_tokens,
            getattr(details, "thinking_tokens", None) if details else None,
        )
        refusal = reply.stop_details.explanation if reply.stop_details else None
        return Said(text, thinking, calls, reply.stop_reason, used, reply.model, refusal, reply)


def _words(text: str | None, calls: list[tuple[str, str, Any]]) -> str:
    return " ".join([text or "", *(f"I call {name}." for _, name, _ in calls)]).strip() or "."


def _openai_usage(told: Any, read: str, wrote: str) -> Used:
    if told is None:
        return Used(-1, -1, -1, -1)
    into = getattr(told, f"{read}_tokens_details", None)
    out = getattr(told, f"{wrote}_tokens_details", None)
    return Used(
        getattr(told, f"{read}_tokens"),
        getattr(into, "cached_tokens", 0) or 0,
        getattr(into, "cache_write_tokens", 0) or 0,
        getattr(told, f"{wrote}_tokens"),
        getattr(out, "reasoning_tokens", None),
    )


def _tool(client: Client, name: str) -> dict[str, Any]:
    if client == "chat":
        return {"type": "function", "function": {"name": name, "description": f"{name}s", "parameters": SCHEMA}}
    if client == "responses":
        return {"type": "function", "name": name, "description": f"{name}s", "parameters": SCHEMA, "strict": False}
    return {"name": name, "description": f"{name}s", "input_schema": SCHEMA}


def tool_choice(client: Client, wish: str) -> Any:
    """`wish`: auto, none, required, or a tool's name."""
    if client == "messages":
        word = {"auto": "auto", "none": "none", "required": "any"}.get(wish)
        return {"type": word} if word else {"type": "tool", "name": wish}
    if wish in ("auto", "none", "required"):
        return wish
    named = {"type": "function", "name": wish}
    return named if client == "responses" else {"type": "function", "function": {"name": wish}}


def json_schema(client: Client, schema: dict[str, Any]) -> dict[str, Any]:
    """The request field that asks for structured output."""
    if client == "chat":
        return {
            "response_format": {"type": "json_schema", "json_schema": {"name": "out", "schema": schema, "strict": True}}
        }
    if client == "responses":
        return {"text": {"format": {"type": "json_schema", "name": "out", "schema": schema, "strict": True}}}
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def stops(client: Client, *words: str) -> dict[str, Any]:
    return {"stop_sequences": list(words)} if client == "messages" else {"stop": list(words)}


def thinks(client: Client, effort: str = "medium") -> dict[str, Any]:
    """The request fields that ask for reasoning."""
    if client == "messages":
        return {"thinking": {"type": "adaptive"}}
    return {"reasoning_effort": effort} if client == "chat" else {"reasoning": {"effort": effort, "summary": "auto"}}


def _results(client: Client, results: Sequence[Result], then: str | None, replay: Replay) -> list[Any]:
    if replay == "text":
        words = "\n".join([*(f"The tool said: {r.text}" for r in results), *([then] if then else [])])
        return [{"role": "user", "content": words}]
    made: list[Any] = []
    if client == "messages":
        blocks: list[Any] = [_result_block(r) for r in results]
        return [{"role": "user", "content": blocks + ([{"type": "text", "text": then}] if then else [])}]
    for r in results:
        if client == "chat":
            made.append({"role": "tool", "tool_call_id": r.call_id, "content": r.text})
        elif r.image:
            picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}
            parts = [{"type": "input_text", "text": r.text}, picture]
            made.append({"type": "function_call_output", "call_id": r.call_id, "output": parts})
        else:
            made.append({"type": "function_call_output", "call_id": r.call_id, "output": r.text})
    return made + ([{"role": "user", "content": then}] if then else [])


def _result_block(r: Result) -> dict[str, Any]:
    content: Any = r.text
    if r.image:
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
        content = [{"type": "text", "text": r.text}, picture]
    block = {"type": "tool_result", "tool_use_id": r.call_id, "content": content}
    return block | {"is_error": True} if r.is_error else block


def arguments(value: Any) -> Any:
    """A call's arguments as a value."""
    return json.loads(value) if isinstance(value, str) else value
