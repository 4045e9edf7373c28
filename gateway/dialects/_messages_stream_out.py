"""Neutral events to what a Messages client reads, streamed or whole.

The client's rules (anthropic 2.11 `lib/streaming/_messages.py`; protocols.md 1.3): one `message_start`, one open block at a
time with indices that rise by one, `message_delta` with the stop reason and usage, `message_stop`; or an `error` event and
nothing after it. Never `[DONE]`.

- Text and thinking stream at once. A tool call goes out as a whole when its arguments are complete: the gate holds it
  until then anyway, and only a complete call can be checked to be the JSON object that `input` must be (the SDK's
  accumulator raises on anything else). Blocks that start behind an unfinished call wait for it: order is kept, nothing lost.
- Text or thinking that is interrupted by another block and goes on later becomes a second block of its kind.
- Empty text blocks are not opened: clients replay them and Anthropic refuses them. Only a reply without any block gets one
  (vLLM 0.33 does the same: some clients read `content[0]`).
- A seal is never invented. Thinking of a vendor that seals nothing carries the empty `signature` that the block's start has
  at Anthropic too, and no `signature_delta`; such blocks are found by `seen_reasoning` (seal None) when they come back and
  are kept from vendors that verify. (Some proxies send a made-up constant instead: it bricks the session at the next
  switch to Anthropic, protocols.md 1.5.)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gateway.dialects._messages_ids import to_wire
from gateway.dialects._messages_json import RAWS
from gateway.dialects._messages_turns import arguments_object
from gateway.dialects._messages_usage import wire_usage
from gateway.dialects._shared import long_names, one_line, wrap_custom
from gateway.dialects.contract import ReplyContext
from gateway.errors import UnsupportedFeature
from gateway.ir.events import (
    Annotated,
    BlockStart,
    BlockStop,
    Delta,
    Event,
    Failed,
    Finished,
    FinishReason,
    Response,
    Sealed,
    Started,
    UsageReport,
)
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage

STOP_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
    "context_window": "model_context_window_exceeded",
}

_CATEGORIES: Final = frozenset({"cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"})
"""anthropic 2.11 `RefusalStopDetails.category`; anything else is an explanation."""

_BYTES_PER_TOKEN: Final = 4
_encode: Final = msgspec.json.Encoder().encode


def _sse(name: bytes, payload: bytes) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name, payload)


def _event(kind: str, **fields: Any) -> bytes:
    return _sse(kind.encode(), one_line(_encode({"type": kind, **fields})))


# --- shared by stream and whole --------------------------------------------------------------------------------------


def reply_id(upstream_id: str, context: ReplyContext) -> str:
    own = context.reply_id if context.reply_id.startswith("msg_") else f"msg_{context.reply_id}"
    return upstream_id if upstream_id.startswith("msg_") else own


def call_block(call: ToolCall, names: dict[str, str]) -> dict[str, Any]:
    arguments = wrap_custom(call.arguments) if call.kind == "custom" else arguments_object(call.arguments)
    return {
        "type": "tool_use",
        "id": to_wire(call.id),
        "name": names.get(call.name, call.name),
        "input": msgspec.Raw(arguments.encode()),
    }


def opaque_block(part: Opaque) -> msgspec.Raw:
    if part.dialect != "messages":
        raise UnsupportedFeature(
            f"{part.kind} items of the {part.dialect} dialect cannot be shown to a Messages client"
        )
    return msgspec.Raw(part.raw)


def citation(raw: bytes) -> bool:
    """A citation in this dialect's own shape (`char_location`, `web_search_result_location`, …)."""
    return b'_location"' in raw


def stop_fields(finish: Finished, calls: int) -> dict[str, Any]:
    reason = STOP_REASONS[finish.reason]
    if calls and reason == "end_turn":
        reason = "tool_use"  # the client runs the calls only then
    elif not calls and reason == "tool_use":
        reason = "end_turn"  # every call was refused: a client would wait for results for ever
    out: dict[str, Any] = {"stop_reason": reason, "stop_sequence": finish.stop_sequence}
    if reason == "refusal" and finish.detail:
        known = finish.detail in _CATEGORIES
        out["stop_details"] = {
            "type": "refusal",
            "category": finish.detail if known else None,
            "explanation": None if known else finish.detail,
        }
    return out


def estimated(context: ReplyContext, sent_bytes: int) -> Usage:
    """For a reply whose vendor tells no usage: the caller's estimate of the input, bytes/4 of what was delivered."""
    tokens = -(-sent_bytes // _BYTES_PER_TOKEN)
    return Usage(max(1, context.input_tokens_estimate), output_tokens=tokens, source="estimated")


# --- stream ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Waiting:
    """A block that cannot be sent yet: its start and everything that came for it since."""

    index: int
    block: Text | Reasoning | ToolCall | Refusal | Opaque
    events: list[Event] = field(default_factory=list)
    ended: bool = False


class MessagesEncoder:
    """See StreamEncoder."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._names = long_names(context.request)
        self._started = False
        self._over = False
        self._next = 0  # wire index of the next block
        self._calls = 0
        self._sent_bytes = 0
        self._usage: Usage | None = None
        self._usage_told = False
        self._finish: Finished | None = None
        self._open: int | None = None  # our index of the text or thinking block that is open on the wire
        self._lazy: dict[int, str] = {}  # text and thinking blocks that may (again) be opened: index -> kind
        self._queue: deque[_Waiting] = deque()  # from the first unfinished tool call on, in order of appearance
        self._queued: dict[int, _Waiting] = {}
        self._parts: dict[int, int] = {}  # last summary part per reasoning block

    def feed(self, event: Event) -> bytes:
        if self._over:
            return b""
        match event:
            case Started():
                return self._start(event)
            case Failed(message, kind, code):
                self._over = True
                return failure(message, kind, code, "")
            case UsageReport(usage):
                self._usage = self._usage.merged(usage) if self._usage else usage
                self._usage_told = True
                return self._end() if self._finish else b""
            case Finished():
                self._finish = event
                return self._end() if self._usage_told else b""
        return self._ensure_started() + self._block_event(event)

    def close(self) -> bytes:
        if self._over:
            return b""
        if self._finish is None:
            self._over = True
            return failure(
                "the upstream's stream ended before the reply was complete", "api_error", "upstream_protocol", ""
            )
        return self._end()

    # --- head and tail ----------------------------------------------------------------------------------------------

    def _start(self, event: Started) -> bytes:
        if self._started:
            return b""
        self._started = True
        self._usage = event.usage
        usage = wire_usage(event.usage or estimated(self._context, 0), start=True)
        if not event.usage or not event.usage.input_tokens:
            # 0/0 makes Claude Code stop reading (litellm#24176) and breaks cost per message (vercel/ai#17326).
            usage["input_tokens"] = max(1, self._context.input_tokens_estimate)
        usage["output_tokens"] = max(1, usage["output_tokens"])
        message: dict[str, Any] = {
            "id": reply_id(event.id, self._context),
            "type": "message",
            "role": "assistant",
            "model": self._context.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        return _event("message_start", message=message)

    def _ensure_started(self) -> bytes:
        return b"" if self._started else self._start(Started("", ""))

    def _end(self) -> bytes:
        assert self._finish is not None
        self._over = True
        out = [self._ensure_started()]
        for waiting in self._queue:
            waiting.ended = True
        out += [self._drain(), self._close_open()]
        if self._next == 0:
            out += [self._open_wire({"type": "text", "text": ""}), self._stop_wire()]
        usage = self._usage if self._usage_told and self._usage else self._estimate()
        out += [
            _event("message_delta", delta=stop_fields(self._finish, self._calls), usage=wire_usage(usage, start=False)),
            _event("message_stop"),
        ]
        return b"".join(out)

    def _estimate(self) -> Usage:
        guess = estimated(self._context, self._sent_bytes)
        return self._usage.merged(guess) if self._usage and self._usage.input_tokens else guess

    # --- blocks -----------------------------------------------------------------------------------------------------

    def _block_event(self, event: Event) -> bytes:
        match event:
            case BlockStart(index, block):
                if self._queue:
                    self._wait(index, block)
                    return b""
                return self._begin(index, block)
            case Delta(index) | Sealed(index) | Annotated(index) | BlockStop(index):
                waiting = self._queued.get(index)
                if waiting is not None:
                    return self._later(waiting, event)
                return self._resume(index, event)
        return b""

    def _wait(self, index: int, block: Text | Reasoning | ToolCall | Refusal | Opaque) -> None:
        waiting = _Waiting(index, block, ended=isinstance(block, Opaque))
        self._queue.append(waiting)
        self._queued[index] = waiting

    def _later(self, waiting: _Waiting, event: Event) -> bytes:
        if not isinstance(event, BlockStop):
            waiting.events.append(event)
            return b""
        waiting.ended = True
        return self._drain()

    def _drain(self) -> bytes:
        """Send what no longer waits for an unfinished call: everything up to the next one."""
        out: list[bytes] = []
        while self._queue:
            head = self._queue[0]
            if isinstance(head.block, ToolCall) and not head.ended:
                break
            self._queue.popleft()
            del self._queued[head.index]
            out.append(self._replay(head))
        return b"".join(out)

    def _replay(self, waiting: _Waiting) -> bytes:
        block = waiting.block
        if isinstance(block, ToolCall):
            text = "".join([event.text for event in waiting.events if isinstance(event, Delta)])
            return self._call(ToolCall(block.id, block.name, block.arguments + text, block.kind))
        out = [self._begin(waiting.index, block)]
        out += [self._resume(waiting.index, event) for event in waiting.events]
        if waiting.ended:
            out.append(self._resume(waiting.index, BlockStop(waiting.index)))
        return b"".join(out)

    def _call(self, call: ToolCall) -> bytes:
        self._calls += 1
        block = call_block(call, self._names)
        arguments = bytes(block["input"]).decode()
        self._sent_bytes += len(arguments) + len(call.name)
        return b"".join(
            (
                self._close_open(),
                self._open_wire({**block, "input": {}}),
                self._delta_wire({"type": "input_json_delta", "partial_json": arguments}),
                self._stop_wire(),
            )
        )

    def _begin(self, index: int, block: Text | Reasoning | ToolCall | Refusal | Opaque) -> bytes:
        match block:
            case ToolCall():
                self._wait(index, block)
                return b""
            case Opaque():
                return b"".join((self._close_open(), self._open_wire(opaque_block(block)), self._stop_wire()))
            case Reasoning(redacted=True):
                if not block.encrypted:
                    return b""
                head = {"type": "redacted_thinking", "data": block.encrypted}
                return b"".join((self._close_open(), self._open_wire(head), self._stop_wire()))
            case Reasoning():
                self._lazy[index] = "thinking"
                out = [self._delta(Delta(index, text, True, n)) for n, text in enumerate(block.summary)]
                out.append(self._delta(Delta(index, block.text)))
                return b"".join([*out, self._seal(Sealed(index, block.signature))])
            case Text() | Refusal():
                self._lazy[index] = "text"
                notes = RAWS.decode(block.annotations) if isinstance(block, Text) and block.annotations else []
                cited = [self._resume(index, Annotated(index, bytes(note))) for note in notes]
                return self._delta(Delta(index, block.text)) + b"".join(cited)

    def _resume(self, index: int, event: Event) -> bytes:
        match event:
            case Delta() if index in self._lazy:
                return self._delta(event)
            case Sealed() if index in self._lazy:
                return self._seal(event)
            case Annotated(_, raw) if self._lazy.get(index) == "text" and citation(raw):
                return self._switch(index) + self._delta_wire({"type": "citations_delta", "citation": msgspec.Raw(raw)})
            case BlockStop():
                self._lazy.pop(index, None)
                return self._close_open() if self._open == index else b""
        return b""

    def _delta(self, event: Delta) -> bytes:
        text = event.text
        if not text:
            return b""
        if self._lazy[event.index] == "text":
            self._sent_bytes += len(text)
            return self._switch(event.index) + self._delta_wire({"type": "text_delta", "text": text})
        if event.summary:
            if self._parts.get(event.index, event.part) != event.part:
                text = "\n\n" + text
            self._parts[event.index] = event.part
        self._sent_bytes += len(text)
        return self._switch(event.index) + self._delta_wire({"type": "thinking_delta", "thinking": text})

    def _seal(self, event: Sealed) -> bytes:
        """Anthropic's seal; other vendors' encrypted reasoning has no place here (the ledger keeps it)."""
        if not event.signature or self._lazy[event.index] != "thinking":
            return b""
        return self._switch(event.index) + self._delta_wire({"type": "signature_delta", "signature": event.signature})

    def _switch(self, index: int) -> bytes:
        """Make `index` the open block."""
        if self._open == index:
            return b""
        closing = self._close_open()
        kind = self._lazy[index]
        head = {"type": "text", "text": ""} if kind == "text" else {"type": "thinking", "thinking": "", "signature": ""}
        opening = self._open_wire(head)
        self._open = index
        return closing + opening

    def _close_open(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return self._stop_wire()

    # --- wire -------------------------------------------------------------------------------------------------------

    def _open_wire(self, block: dict[str, Any] | msgspec.Raw) -> bytes:
        self._next += 1
        return _event("content_block_start", index=self._next - 1, content_block=block)

    def _delta_wire(self, delta: dict[str, Any]) -> bytes:
        payload = b'{"type":"content_block_delta","index":%d,"delta":%s}' % (self._next - 1, one_line(_encode(delta)))
        return _sse(b"content_block_delta", payload)

    def _stop_wire(self) -> bytes:
        return _event("content_block_stop", index=self._next - 1)


def failure(message: str, kind: str, code: str | None, request_id: str) -> bytes:
    """The one form of an error inside a stream; it ends the stream without `message_stop`, as at Anthropic."""
    return _sse(b"error", failure_body(message, kind, code, request_id))


def failure_body(message: str, kind: str, code: str | None, request_id: str) -> bytes:
    error: dict[str, Any] = {"type": kind, "message": message}
    if code and code != kind:
        error["details"] = {"error_code": code}
    body: dict[str, Any] = {"type": "error", "error": error}
    if request_id:
        body["request_id"] = request_id
    return _encode(body)


# --- whole -----------------------------------------------------------------------------------------------------------


def encode_response(response: Response, context: ReplyContext) -> bytes:
    names = long_names(context.request)
    blocks: list[Any] = []
    calls = sent_bytes = 0
    for part in response.parts:
        match part:
            case ToolCall():
                calls += 1
                sent_bytes += len(part.arguments) + len(part.name)
                blocks.append(call_block(part, names))
            case Opaque():
                blocks.append(opaque_block(part))
            case Text() | Refusal() | Reasoning():
                block = _prose_block(part)
                if block is not None:
                    sent_bytes += len(block.get("text") or block.get("thinking") or "")
                    blocks.append(block)
    usage = response.usage or estimated(context, sent_bytes)
    body = {
        "id": reply_id(response.id, context),
        "type": "message",
        "role": "assistant",
        "model": context.model,
        "content": blocks or [{"type": "text", "text": ""}],
        **stop_fields(response.finish, calls),
        "usage": wire_usage(usage, start=True),
    }
    return _encode(body)


def _prose_block(part: Text | Refusal | Reasoning) -> dict[str, Any] | None:
    match part:
        case Reasoning(redacted=True):
            return {"type": "redacted_thinking", "data": part.encrypted} if part.encrypted else None
        case Reasoning():
            text = "\n\n".join([piece for piece in part.summary if piece]) + part.text
            if not text and not part.signature:
                return None
            return {"type": "thinking", "thinking": text, "signature": part.signature or ""}
        case Refusal(text):
            return {"type": "text", "text": text} if text else None
    if not part.text:
        return None
    block: dict[str, Any] = {"type": "text", "text": part.text}
    if part.annotations and citation(part.annotations):
        block["citations"] = msgspec.Raw(part.annotations)
    return block
