"""Neutral events to the chat stream that clients read, and a whole reply to the chat body.

Clients need, and get: one id and one creation time on every chunk, the role in the first delta, one choice of index 0, tool
calls with id and name on their first piece and indices from 0 without gaps, a finish chunk, usage in a chunk of its own only
where it was asked for, `[DONE]` at the end. Reasoning goes out as `reasoning_content`, DeepSeek's word, which every client
tolerates; seals do not go out at all. A function that stands in for a client's custom tool is turned back into free text.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._chat_words import finish_out, usage_out
from gateway.dialects._shared import RAW_NULL, encode, long_names, minted, one_line, type_of_status, unwrap_custom
from gateway.dialects.contract import ReplyContext
from gateway.errors import UpstreamProtocol
from gateway.ir.events import (
    Annotated,
    BlockStart,
    BlockStop,
    Delta,
    Event,
    Failed,
    Finished,
    Response,
    Sealed,
    Started,
    UsageReport,
)
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage

DONE: Final = b"data: [DONE]\n\n"
_GAP: Final = "\n\n"
NO_ARGUMENTS: Final = "{}"
"""Sent for a call without arguments: clients parse what they get, and "" is not JSON."""

Json = dict[str, Any]


class _Names:
    """What a client calls its tools."""

    def __init__(self, context: ReplyContext) -> None:
        self._custom = context.custom_tools
        self._long = long_names(context.request)

    def of(self, call: ToolCall) -> str:
        return self._long.get(call.name, call.name)

    def wrapped(self, call: ToolCall) -> bool:
        """The call is a function that stands in for a custom tool."""
        return call.kind == "function" and self.of(call) in self._custom


def reply_id(told: str, context: ReplyContext) -> str:
    """The upstream's id where it is a chat id, else the gateway's own in that form."""
    if told.startswith("chatcmpl"):
        return told
    return context.reply_id if context.reply_id.startswith("chatcmpl") else "chatcmpl-" + context.reply_id


def call_value(call: ToolCall, names: _Names, arguments: str) -> Json:
    """A tool call in chat's shape, with `arguments` as they are; an id is minted where there is none."""
    call_id = call.id or minted("call_", call.name, arguments)
    name = names.of(call)
    if call.kind == "custom" or names.wrapped(call):
        return {"id": call_id, "type": "custom", "custom": {"name": name, "input": arguments}}
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _foreign(block: Opaque) -> UpstreamProtocol:
    return UpstreamProtocol(
        f"the reply holds a {block.dialect} {block.kind} block, which chat completions cannot carry"
    )


# --- streams -----------------------------------------------------------------------------------------------------


class _Block:
    """An open block. `held` collects the arguments of a stand-in function until they can be turned back."""

    __slots__ = ("block", "held", "index", "part", "said")

    def __init__(self, block: Text | Reasoning | Refusal | ToolCall | Opaque, index: int) -> None:
        self.block = block
        self.index = index  # of the tool call among tool calls
        self.held: list[str] | None = None
        self.part = -1  # of the reasoning summary
        self.said = False  # arguments were sent


class ChatEncoder:
    """See StreamEncoder."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._names = _Names(context)
        self._head = b""
        self._tail = b""
        self._role = b'"role":"assistant",'
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._thought = False
        self._refused = False
        self._usage: Usage | None = None
        self._finished = False
        self._failed = False

    def feed(self, event: Event) -> bytes:
        if self._failed or (self._finished and not isinstance(event, UsageReport)):
            return b""
        match event:
            case Delta():
                return self._delta(event)
            case Started():
                return self._start(event)
            case BlockStart(index, block):
                return self._begin(index, block)
            case BlockStop(index):
                return self._stop(index)
            case Annotated(_, note):
                return self._chunk(b'"annotations":[' + one_line(note) + b"]") if _is_citation(note) else b""
            case Sealed():
                return b""
            case UsageReport(usage):
                self._usage = self._usage.merged(usage) if self._usage else usage
                return b""
            case Finished():
                return self._finish(event)
            case Failed():
                self._failed = True
                return error_chunk(event.message, event.kind, event.code, event.status)

    def close(self) -> bytes:
        if self._failed:
            return b""
        if not self._finished:
            self._failed = True
            return error_chunk(
                "the upstream broke off in the middle of its reply", "api_error", "upstream_protocol", 502
            )
        out = b""
        if self._context.include_usage and self._usage:
            usage = b'"choices":[],"usage":' + encode(usage_out(self._usage))
            out = self._head[: self._head.index(b'"choices":')] + usage + b"}\n\n"
        return out + DONE

    # --- chunks ---------------------------------------------------------------------------------------------------

    def _frame(self, started: Started) -> None:
        context = self._context
        self._head = (
            b'data: {"id":' + encode(reply_id(started.id, context))
            + b',"object":"chat.completion.chunk","created":' + encode(started.created_s or context.created_s)
            + b',"model":' + encode(context.model)
            + b',"choices":[{"index":0,"delta":{'
        )  # fmt: skip
        self._tail = b',"usage":null}\n\n' if context.include_usage else b"}\n\n"

    def _chunk(self, delta: bytes, finish: bytes = b"null", more: bytes = b"") -> bytes:
        if not self._head:
            self._frame(Started("", ""))
        role, self._role = self._role, b""
        if role:
            delta = role + delta if delta else role[:-1]
        return b"".join((self._head, delta, b'},"logprobs":null,"finish_reason":', finish, more, b"}]", self._tail))

    def _start(self, event: Started) -> bytes:
        if self._head:
            return b""  # a second beginning
        if event.usage:
            self._usage = event.usage
        self._frame(event)
        return self._chunk(b'"content":null')

    def _begin(self, index: int, block: Text | Reasoning | Refusal | ToolCall | Opaque) -> bytes:
        held = self._blocks[index] = _Block(block, self._calls)
        match block:
            case ToolCall():
                self._calls += 1
                return self._call(held, block)
            case Opaque("chat", kind, data):
                return self._chunk(encode(kind) + b":" + one_line(data))
            case Opaque():
                raise _foreign(block)
            case Text(text) | Refusal(text) if text:
                return self._text(held, text)
            case Reasoning(text) if text:
                return self._text(held, text)
        return b""

    def _call(self, held: _Block, call: ToolCall) -> bytes:
        if self._names.wrapped(call):
            held.held = [call.arguments]
            return b""
        held.said = bool(call.arguments)
        value = call_value(call, self._names, call.arguments)
        return self._chunk(b'"tool_calls":[' + encode({"index": held.index, **value}) + b"]")

    def _delta(self, event: Delta) -> bytes:
        held = self._blocks.get(event.index)
        if held is None:
            raise AssertionError(f"a delta of block {event.index}, which never began")
        if not event.text:
            return b""
        block = held.block
        if isinstance(block, ToolCall):
            if held.held is not None:
                held.held.append(event.text)
                return b""
            held.said = True
            return self._piece(held.index, block, event.text)
        text = event.text
        if event.summary and event.part != held.part:
            text = _GAP + text if held.part >= 0 else text
            held.part = event.part
        return self._text(held, text)

    def _piece(self, index: int, call: ToolCall, text: str) -> bytes:
        kind, key = ("custom", "input") if call.kind == "custom" else ("function", "arguments")
        return self._chunk(b'"tool_calls":[' + encode({"index": index, kind: {key: text}}) + b"]")

    def _text(self, held: _Block, text: str) -> bytes:
        match held.block:
            case Text():
                return self._chunk(b'"content":' + encode(text))
            case Refusal():
                self._refused = True
                return self._chunk(b'"refusal":' + encode(text))
            case Reasoning():
                gap = _GAP if self._thought and held.index >= 0 else ""
                self._thought, held.index = True, -1  # the gap goes before a block's first piece only
                return self._chunk(b'"reasoning_content":' + encode(gap + text))
        return b""

    def _stop(self, index: int) -> bytes:
        held = self._blocks.get(index)
        if held is None or not isinstance(held.block, ToolCall):
            return b""
        if held.held is None:
            if held.said or held.block.kind == "custom":
                return b""
            held.said = True
            return self._piece(held.index, held.block, NO_ARGUMENTS)
        held.said = True
        text, held.held = unwrap_custom("".join(held.held)), None
        value = call_value(held.block, self._names, text)
        return self._chunk(b'"tool_calls":[' + encode({"index": held.index, **value}) + b"]")

    def _finish(self, event: Finished) -> bytes:
        rest = b"".join([self._stop(index) for index in self._blocks])
        self._finished = True
        word = finish_out(event, called=bool(self._calls), refused=self._refused)
        return rest + self._chunk(b"", encode(word), _stop_reason(event))


def _stop_reason(event: Finished) -> bytes:
    """vLLM's extra field: chat itself cannot say which stop sequence matched."""
    return b"" if event.stop_sequence is None else b',"stop_reason":' + encode(event.stop_sequence)


def _is_citation(note: bytes) -> bool:
    """In the shape that chat clients know; other vendors' citations point into documents that chat has no word for."""
    return b'"url_citation"' in note


def error_value(message: str, kind: str, code: str | None, status: int) -> Json:
    word = kind if kind.endswith(("_error", "Error")) or kind == "insufficient_quota" else type_of_status(status)
    return {"error": {"message": message, "type": word, "param": None, "code": code}}


def error_chunk(message: str, kind: str, code: str | None, status: int) -> bytes:
    """An error inside a stream; the stream then closes without `[DONE]` (protocols.md 1.1)."""
    return b"data: " + encode(error_value(message, kind, code, status)) + b"\n\n"


# --- whole replies -----------------------------------------------------------------------------------------------


def encode_response(response: Response, context: ReplyContext) -> bytes:
    """See Dialect.encode_response."""
    names = _Names(context)
    texts: list[str] = []
    refusals: list[str] = []
    thoughts: list[str] = []
    calls: list[Json] = []
    notes: list[Any] = []
    audio: msgspec.Raw = RAW_NULL
    for part in response.parts:
        match part:
            case Text(text, annotations=noted):
                texts.append(text)
                notes += [note for note in _list(noted) if _is_citation(bytes(note))]
            case Refusal(text):
                refusals.append(text)
            case Reasoning():
                thoughts.append("".join((_GAP.join(part.summary), part.text)))
            case ToolCall():
                calls.append(_whole_call(part, names))
            case Opaque("chat", "audio", data):
                audio = msgspec.Raw(data)
            case Opaque():
                raise _foreign(part)
    text = "".join(texts)
    message: Json = {"role": "assistant", "content": text or ("" if texts and not calls else None)}
    message["refusal"] = "".join(refusals) or None
    thought = _GAP.join(filter(None, thoughts))
    if thought:
        message["reasoning_content"] = thought
    if notes:
        message["annotations"] = notes
    if calls:
        message["tool_calls"] = calls
    if bytes(audio) != b"null":
        message["audio"] = audio
    finish = finish_out(response.finish, called=bool(calls), refused=bool(message["refusal"]))
    choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    if response.finish.stop_sequence is not None:
        choice["stop_reason"] = response.finish.stop_sequence
    body: Json = {
        "id": reply_id(response.id, context),
        "object": "chat.completion",
        "created": response.created_s or context.created_s,
        "model": context.model,
        "choices": [choice],
    }
    if response.usage:
        body["usage"] = usage_out(response.usage)
    return encode(body)


_raws: Final = msgspec.json.Decoder(list[msgspec.Raw])


def _list(annotations: bytes | None) -> list[msgspec.Raw]:
    return _raws.decode(annotations) if annotations else []


def _whole_call(call: ToolCall, names: _Names) -> Json:
    text = unwrap_custom(call.arguments) if names.wrapped(call) else call.arguments
    if call.kind == "function" and not names.wrapped(call):
        text = text or NO_ARGUMENTS
    return call_value(call, names, text)
