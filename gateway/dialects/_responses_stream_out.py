"""Neutral events to the bytes of a Responses stream, in the order that Codex insists on (protocols.md 1.2).

One item is open at a time: what belongs to other blocks waits in its own queue and is replayed in order, nothing lost.
An item is announced with its first content, so a block that stays empty leaves no trace. Open reasoning text of other
dialects is shown as a reasoning summary, which is what clients of this dialect display; it carries no encrypted content.
Calls of custom tools that came back as functions are free text again. A whole reply is the response object of the terminal
event. Source of the events' fields: openai 3.52 `types/responses/*_event.py`.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import msgspec

from gateway.dialects._responses_custom import InputExtractor
from gateway.dialects._responses_names import Directory, Known
from gateway.dialects._responses_reply import Frame, item_id, reply_id, sse, stream_error
from gateway.dialects._shared import encode, minted, one_line
from gateway.dialects.contract import ReplyContext
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
    unfold,
)
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage

_INCOMPLETE: Final = {
    "length": "max_output_tokens",
    "context_window": "max_output_tokens",
    "pause": "max_output_tokens",
    "content_filter": "content_filter",
}
_TERMINAL: Final = "terminal"


class Encoder:
    """contract.StreamEncoder. `response` is the final response object (raw JSON) once the stream has ended."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._directory = Directory.of_context(context)
        self._frame: Frame | None = None
        self._sequence = 0
        self._output: list[Any] = []
        self._usage: Usage | None = None
        self._writer: _Writer | None = None
        self._current: int | None = None
        self._queues: dict[int, deque[Event]] = {}
        self._refused = False
        self._ended = False
        self.response: bytes | None = None

    # --- contract ---

    def feed(self, event: Event) -> bytes:
        if type(event) is Delta and self._writer is not None and event.index == self._current:
            return self._writer.add(event)
        if self._ended:
            return b""
        match event:
            case Started():
                return self._begin(event)
            case UsageReport(counts):
                self._usage = self._usage.merged(counts) if self._usage else counts
                return b""
            case Finished():
                return self._begin() + self._drain() + self._finish(event)
            case Failed():
                return self._begin() + self._drain() + self._fail(event)
            case BlockStart() | Delta() | Sealed() | Annotated() | BlockStop():
                return self._begin() + self._block(event)

    def close(self) -> bytes:
        if self._ended:
            return b""
        return self.feed(Failed("the stream of the upstream was cut", "api_error", "upstream_protocol", 502))

    # --- frame ---

    def emit(self, kind: str, fields: dict[str, Any]) -> bytes:
        payload = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return sse(kind, payload)

    def _begin(self, started: Started | None = None) -> bytes:
        if self._frame is not None:
            return b""
        started = started or Started("", "")
        if started.usage is not None:
            self._usage = started.usage
        self._frame = Frame(reply_id(started.id, self._context), self._context, started.created_s)
        response = self._frame.build("in_progress", [])
        raw = msgspec.Raw(encode(response))
        return self.emit("response.created", {"response": raw}) + self.emit("response.in_progress", {"response": raw})

    @property
    def response_id(self) -> str:
        return self._frame.id if self._frame else reply_id("", self._context)

    def _finish(self, event: Finished) -> bytes:
        reason = _INCOMPLETE.get(event.reason)
        if event.reason == "refusal" and not self._refused:
            reason = "content_filter"
        if reason is None:
            return self._end("response.completed", "completed")
        return self._end("response.incomplete", "incomplete", incomplete=reason)

    def _fail(self, event: Failed) -> bytes:
        return self._end("response.failed", "failed", error=stream_error(event))

    def _end(self, kind: str, status: str, **details: Any) -> bytes:
        assert self._frame is not None
        self._ended = True
        self.response = encode(self._frame.build(status, self._output, self._usage, **details))
        return self.emit(kind, {"response": msgspec.Raw(self.response)})

    # --- blocks ---

    def _block(self, event: BlockStart | Delta | Sealed | Annotated | BlockStop) -> bytes:
        index = event.index
        if self._current is None and isinstance(event, BlockStart):
            self._current = index
        if index != self._current:
            self._queues.setdefault(index, deque()).append(event)
            return b""
        out = [self._write(event)]
        while isinstance(event, BlockStop):
            event = self._next(out)
            if event is None:
                break
        return b"".join(out)

    def _next(self, out: list[bytes]) -> Any:
        """After a block ended: replays the next one that waits. The last event replayed; None if nothing waits."""
        self._current = None
        if not self._queues:
            return None
        self._current = min(self._queues)
        event: Any = None
        for event in self._queues.pop(self._current):
            out.append(self._write(event))
        return event

    def _drain(self) -> bytes:
        """Everything still open or waiting, closed: the terminal event comes next."""
        out: list[bytes] = []
        while self._current is not None:
            out.append(self._block(BlockStop(self._current)))
        return b"".join(out)

    def _write(self, event: Event) -> bytes:
        match event:
            case BlockStart(_, block):
                self._writer = self._writer_for(block)
                return self._writer.begin()
            case BlockStop():
                writer, self._writer = self._writer, None
                return writer.end() if writer else b""
            case _:
                return self._writer.add(event) if self._writer else b""

    def _writer_for(self, block: Any) -> _Writer:
        match block:
            case ToolCall():
                known = self._directory.find(block.name, block.namespace)
                if block.kind == "custom" or known.kind == "custom":
                    return _Custom(self, block, known)
                return _Function(self, block, known)
            case Reasoning():
                return _Thinking(self, block)
            case Refusal(text):
                return _Spoken(self, text, refusal=True)
            case Text(text):
                return _Spoken(self, text, annotations=block.annotations)
            case Opaque("responses", _, raw):
                return _Other(self, raw)
            case _:
                return _Writer(self)  # a server tool of another vendor: its record means nothing to this client

    # --- items ---

    def place(self) -> int:
        return len(self._output)

    def new_id(self, prefix: str, told: str | None = None) -> str:
        if told and told.startswith(prefix) and len(told) <= 64:
            return told
        return item_id(prefix, self.response_id, self.place())

    def keep(self, item: Any) -> int:
        """Stores a finished item; its place in the output."""
        self._output.append(item)
        return len(self._output) - 1

    def refused(self) -> None:
        self._refused = True


class _Writer:
    """One block. The base writes nothing."""

    def __init__(self, out: Encoder) -> None:
        self.out = out

    def begin(self) -> bytes:
        return b""

    def add(self, event: Event) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""


class _Other(_Writer):
    """An item of this dialect that passes through as it is."""

    def __init__(self, out: Encoder, raw: bytes) -> None:
        super().__init__(out)
        self._item = msgspec.Raw(one_line(raw))

    def begin(self) -> bytes:
        fields = {"output_index": self.out.place(), "item": self._item}
        added = self.out.emit("response.output_item.added", fields)
        self.out.keep(self._item)
        return added + self.out.emit("response.output_item.done", fields)


class _Spoken(_Writer):
    """A message with one content part: text or a refusal."""

    def __init__(self, out: Encoder, text: str, *, refusal: bool = False, annotations: bytes | None = None) -> None:
        super().__init__(out)
        self._refusal = refusal
        self._first = text
        self._notes: list[msgspec.Raw] = _list(annotations)
        self._text: list[str] = []
        self._at: dict[str, Any] | None = None

    def begin(self) -> bytes:
        return self._say(self._first)

    def add(self, event: Event) -> bytes:
        match event:
            case Delta(_, text):
                return self._say(text)
            case Annotated(_, raw):
                return self._note(raw)
            case _:
                return b""

    def _say(self, text: str) -> bytes:
        if not text:
            return b""
        head = self._open() if self._at is None else b""
        assert self._at is not None
        self._text.append(text)
        if self._refusal:
            self.out.refused()
            return head + self.out.emit("response.refusal.delta", {**self._at, "delta": text})
        return head + self.out.emit("response.output_text.delta", {**self._at, "delta": text, "logprobs": []})

    def _open(self) -> bytes:
        place, name = self.out.place(), self.out.new_id("msg_")
        self._at = {"item_id": name, "output_index": place, "content_index": 0}
        item = {"id": name, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        added = self.out.emit("response.output_item.added", {"output_index": place, "item": item})
        return added + self.out.emit("response.content_part.added", {**self._at, "part": self._part("", [])})

    def _part(self, text: str, notes: list[msgspec.Raw]) -> dict[str, Any]:
        if self._refusal:
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "annotations": notes, "logprobs": [], "text": text}

    def _note(self, raw: bytes) -> bytes:
        note = citation(raw, sum(map(len, self._text)))
        if note is None or self._at is None or self._refusal:
            return b""
        self._notes.append(note)
        fields = {**self._at, "annotation_index": len(self._notes) - 1, "annotation": note}
        return self.out.emit("response.output_text.annotation.added", fields)

    def end(self) -> bytes:
        if self._at is None:
            return b""
        text = "".join(self._text)
        part = self._part(text, self._notes)
        word, kind = ("refusal", "response.refusal.done") if self._refusal else ("text", "response.output_text.done")
        done = {**self._at, word: text} if self._refusal else {**self._at, word: text, "logprobs": []}
        item = {
            "id": self._at["item_id"],
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }
        place = self.out.keep(item)
        return b"".join(
            (
                self.out.emit(kind, done),
                self.out.emit("response.content_part.done", {**self._at, "part": part}),
                self.out.emit("response.output_item.done", {"output_index": place, "item": item}),
            )
        )


class _Function(_Writer):
    """A function call; its item is announced at once, because its name and id are known."""

    ITEM = "function_call"
    PREFIX = "fc_"
    FIELD = "arguments"
    EVENT = "response.function_call_arguments"

    def __init__(self, out: Encoder, call: ToolCall, known: Known) -> None:
        super().__init__(out)
        self._first = call.arguments
        self._kind = call.kind
        self._text: list[str] = []
        self._place = out.place()
        self._item: dict[str, Any] = {
            "id": out.new_id(self.PREFIX, call.item_id),
            "type": self.ITEM,
            "call_id": call.id or minted("call_", out.response_id, self._place),
            "name": known.name,
        }
        if known.namespace is not None:
            self._item["namespace"] = known.namespace

    def begin(self) -> bytes:
        item = {**self._item, "status": "in_progress", self.FIELD: ""}
        added = self.out.emit("response.output_item.added", {"output_index": self._place, "item": item})
        return added + self._more(self._first)

    def add(self, event: Event) -> bytes:
        return self._more(event.text) if isinstance(event, Delta) else b""

    def _more(self, text: str) -> bytes:
        return self._piece(text)

    def _piece(self, text: str) -> bytes:
        if not text:
            return b""
        self._text.append(text)
        fields = {"item_id": self._item["id"], "output_index": self._place, "delta": text}
        return self.out.emit(f"{self.EVENT}.delta", fields)

    def _last(self) -> bytes:
        """A call without arguments is a call with none: harnesses parse the text as JSON."""
        return b"" if self._text else self._piece("{}")

    def end(self) -> bytes:
        last = self._last()
        text = "".join(self._text)
        item = {**self._item, "status": "completed", self.FIELD: text}
        done: dict[str, Any] = {"item_id": self._item["id"], "output_index": self._place, self.FIELD: text}
        if self.FIELD == "arguments":
            done["name"] = self._item["name"]
        self.out.keep(item)
        return b"".join(
            (
                last,
                self.out.emit(f"{self.EVENT}.done", done),
                self.out.emit("response.output_item.done", {"output_index": self._place, "item": item}),
            )
        )


class _Custom(_Function):
    """A call of a custom tool: free text, taken out of JSON arguments where the model only knows functions."""

    ITEM = "custom_tool_call"
    PREFIX = "ctc_"
    FIELD = "input"
    EVENT = "response.custom_tool_call_input"

    def __init__(self, out: Encoder, call: ToolCall, known: Known) -> None:
        super().__init__(out, call, known)
        self._extractor = None if call.kind == "custom" else InputExtractor()

    def _more(self, text: str) -> bytes:
        return self._piece(self._extractor.feed(text) if self._extractor else text)

    def _last(self) -> bytes:
        return self._piece(self._extractor.close()) if self._extractor else b""


class _Thinking(_Writer):
    """A reasoning item. Each part of the summary, and each run of open text, is one summary part."""

    def __init__(self, out: Encoder, block: Reasoning) -> None:
        super().__init__(out)
        self._block = block
        self._id = ""
        self._place = -1
        self._parts: list[list[str]] = []
        self._key: tuple[bool, int] | None = None
        self._sealed = None if block.redacted else block.encrypted

    def begin(self) -> bytes:
        pieces = [self._think(text, (True, n)) for n, text in enumerate(self._block.summary)]
        return b"".join([*pieces, self._think(self._block.text, (False, 0))])

    def add(self, event: Event) -> bytes:
        match event:
            case Delta(_, text, summary, part):
                return self._think(text, (summary, part if summary else 0))
            case Sealed() if event.encrypted and not self._block.redacted:
                self._sealed = event.encrypted
                return b""
            case _:
                return b""

    def _open(self) -> bytes:
        if self._id:
            return b""
        self._place, self._id = self.out.place(), self.out.new_id("rs_", self._block.id)
        item = {"id": self._id, "type": "reasoning", "summary": []}
        return self.out.emit("response.output_item.added", {"output_index": self._place, "item": item})

    def _where(self) -> dict[str, Any]:
        return {"item_id": self._id, "output_index": self._place, "summary_index": len(self._parts) - 1}

    def _think(self, text: str, key: tuple[bool, int]) -> bytes:
        if not text:
            return b""
        out = [self._open()]
        if key != self._key:
            out.append(self._end_part())
            self._key = key
            self._parts.append([])
            part = {"type": "summary_text", "text": ""}
            out.append(self.out.emit("response.reasoning_summary_part.added", {**self._where(), "part": part}))
        self._parts[-1].append(text)
        out.append(self.out.emit("response.reasoning_summary_text.delta", {**self._where(), "delta": text}))
        return b"".join(out)

    def _end_part(self) -> bytes:
        if self._key is None:
            return b""
        text = "".join(self._parts[-1])
        part = {"type": "summary_text", "text": text}
        done = self.out.emit("response.reasoning_summary_text.done", {**self._where(), "text": text})
        return done + self.out.emit("response.reasoning_summary_part.done", {**self._where(), "part": part})

    def end(self) -> bytes:
        if not self._id and not self._sealed:
            return b""
        head = self._open() + self._end_part()
        item: dict[str, Any] = {
            "id": self._id,
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "".join(part)} for part in self._parts],
        }
        if self._sealed:
            item["encrypted_content"] = self._sealed
        self.out.keep(item)
        return head + self.out.emit("response.output_item.done", {"output_index": self._place, "item": item})


# --- citations ---------------------------------------------------------------------------------------------------

_OWN: Final = frozenset({"url_citation", "file_citation", "container_file_citation", "file_path"})


class _Note(msgspec.Struct):
    type: str | None = None
    url: str | None = None
    title: str | None = None
    url_citation: dict[str, msgspec.Raw] | None = None


_note: Final = msgspec.json.Decoder(_Note)
_notes: Final = msgspec.json.Decoder(list[msgspec.Raw])


def _list(raw: bytes | None) -> list[msgspec.Raw]:
    if raw is None:
        return []
    notes = [citation(bytes(note), 0) for note in _notes.decode(raw)]
    return [note for note in notes if note is not None]


def citation(raw: bytes, end: int) -> msgspec.Raw | None:
    """A citation in this dialect's shape: its own as it is; chat's nested one flattened; a page named by another vendor
    as a citation of all `end` characters so far; None for what has no counterpart."""
    try:
        note = _note.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if note.url_citation is not None:
        return msgspec.Raw(one_line(encode({"type": "url_citation", **note.url_citation})))
    if note.type in _OWN:
        return msgspec.Raw(one_line(raw))
    if note.url is None:
        return None
    title = note.title or note.url
    return msgspec.Raw(
        encode({"type": "url_citation", "url": note.url, "title": title, "start_index": 0, "end_index": end})
    )


# --- whole replies -----------------------------------------------------------------------------------------------


def encode_response(response: Response, context: ReplyContext) -> bytes:
    encoder = Encoder(context)
    for event in unfold(response):
        encoder.feed(event)
    encoder.close()
    assert encoder.response is not None
    return encoder.response


__all__ = ["Encoder", "encode_response"]
