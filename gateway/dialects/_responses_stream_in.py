"""Replies of a Responses upstream, streamed or whole, as neutral events.

Items are known by `output_index` (some servers change the item id between `added` and `done`; items may end out of order,
protocols.md 1.2). What a server leaves out is taken from the next place that tells it: an item from its `done` event, from
the terminal response at last. Where two places tell a tool call differently the stream is refused, because the harness may
run the version that was not judged. A whole reply takes the same path: its items are read as if each had just been done.
Sources: openai 3.52 `types/responses/*_event.py`; quirks as cited.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._responses_decode import CALLS_OF_VENDOR_TOOLS
from gateway.dialects._responses_read import UsageJson, usage
from gateway.dialects._shared import (
    RAW_NULL,
    Bad,
    bytes_of,
    minted,
    one_line,
    status_of_words,
    type_of_status,
    understood,
)
from gateway.errors import UpstreamError, UpstreamOverloaded, UpstreamProtocol, UpstreamRateLimited, UpstreamRejected
from gateway.ir.events import (
    Annotated,
    BlockStart,
    BlockStop,
    Delta,
    Event,
    Failed,
    Finished,
    ReplyPart,
    Response,
    Sealed,
    Started,
    UsageReport,
    fold,
)
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall, ToolKind
from gateway.wire.frame import Frame
from gateway.wire.sse import data_of, name_of


class _Error(msgspec.Struct):
    message: str | None = None
    code: str | int | None = None
    type: str | None = None


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Reply(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created_at: float | None = None
    status: str | None = None
    error: _Error | str | None = None
    incomplete_details: _Incomplete | None = None
    output: list[msgspec.Raw] | None = None
    usage: UsageJson | None = None


class _Event(msgspec.Struct):
    type: str | None = None
    response: msgspec.Raw = RAW_NULL
    item: msgspec.Raw = RAW_NULL
    part: msgspec.Raw = RAW_NULL
    annotation: msgspec.Raw = RAW_NULL
    error: msgspec.Raw = RAW_NULL
    item_id: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    delta: msgspec.Raw = RAW_NULL
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    message: str | None = None
    code: str | int | None = None


class _Part(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    annotations: list[msgspec.Raw] | None = None


class _Item(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None


class _Call(msgspec.Struct):
    arguments: str | None = None
    input: str | None = None


_event: Final = msgspec.json.Decoder(_Event)
_reply: Final = msgspec.json.Decoder(_Reply)
_item: Final = msgspec.json.Decoder(_Item)
_part: Final = msgspec.json.Decoder(_Part | None)
_message: Final = msgspec.json.Decoder(_Message)
_call: Final = msgspec.json.Decoder(_Call)
_string: Final = msgspec.json.Decoder(str | None)
_any_error: Final = msgspec.json.Decoder(_Error | str | None)
_json: Final = msgspec.json.Decoder()

_CALLS: Final = {"function_call": "function", "custom_tool_call": "custom"}
_NO_CONTENT: Final = (
    "response.queued",
    "response.web_search_call.",
    "response.file_search_call.",
    "response.code_interpreter_call",
    "response.image_generation_call.",
    "response.mcp_call",
    "response.mcp_list_tools.",
    "response.shell_call",
    "response.apply_patch_call",
    "response.local_shell_call",
    "response.compaction",
    "response.audio.",
    "response.steer.",
    "response.metadata",
    "response.rate_limits",
    "codex.",
)
"""Events about items whose full content comes with `output_item.done`, and events without content of the reply."""
_ACTS: Final = ("response.shell_call", "response.apply_patch_call", "response.local_shell_call")
"""Those of them that are about what the client is to do."""
_CARRIERS: Final = (
    b'"item"',
    b'"arguments"',
    b'"call_id"',
    b'"tool_calls"',
    b'"function_call"',
    b'"output"',
    b'"input"',
)
"""An unknown event that has one of these keys could carry a tool call past the gate: it is refused."""


class _Slot:
    """What is known of one output item."""

    __slots__ = (
        *(
            "announced",
            "arguments",
            "block",
            "call",
            "call_id",
            "closed",
            "final",
            "item_id",
            "kind",
            "name",
            "namespace",
        ),
        *("parts", "raw", "started"),
    )

    def __init__(self) -> None:
        self.item_id: str | None = None
        self.kind: str | None = None  # the item's type, as far as known
        self.call: ToolKind | None = None
        self.call_id: str | None = None
        self.name: str | None = None
        self.namespace: str | None = None
        self.arguments: list[str] = []  # all that came; emitted once name and id are known
        self.announced = ""  # arguments that came with the item's announcement
        self.raw = b""  # the item of a vendor's tool that the client is to act on
        self.started = False
        self.closed = False
        self.final = False  # met in the terminal response
        self.block: int | None = None  # of a call or a reasoning item
        self.parts: dict[int | tuple[str, int], _Run] = {}

    @property
    def is_call(self) -> bool:
        """The client is to act on it."""
        return self.call is not None or self.kind in CALLS_OF_VENDOR_TOOLS


class _Run:
    """One run of text inside an item: a content part, or a part of a summary."""

    __slots__ = ("block", "closed", "notes", "spoken", "text")

    def __init__(self, block: int) -> None:
        self.block = block
        self.text: list[str] = []  # of reasoning
        self.spoken = False
        self.notes: set[bytes] = set()
        self.closed = False


class Decoder:
    """contract.StreamDecoder. In pass-through plain text deltas need not be fed: the text is then taken from `done`."""

    def __init__(self) -> None:
        self._slots: dict[int | str, _Slot] = {}
        self._last: int | str = 0
        self._blocks = 0
        self._reply_id = ""
        self._started = False
        self._finished = False
        self._refused = self._spoke = self._called = False
        self._call_pieces = 0

    @property
    def call_pieces(self) -> int:
        return self._call_pieces

    @property
    def calls_open(self) -> int:
        return sum(not slot.closed and slot.is_call for slot in self._slots.values())

    @property
    def finished(self) -> bool:
        return self._finished

    # --- framing ---

    def frame(self, event: bytes) -> Frame | None:
        """None: every event has a sequence number, so no two differ in their text alone."""
        return None

    def more(self, frame: Frame, text: str) -> None:
        raise AssertionError("no frame was given")

    def feed(self, event: bytes) -> list[Event]:
        if self._finished:
            return []
        data = data_of(event)
        if data is None or not data.strip() or data.strip() == b"[DONE]":
            return []
        out: list[Event] = []
        told = understood(_event, data, "an event of the reply")
        kind = told.type or ""
        if not event.startswith((b"data:", b"event: " + kind.encode() + b"\ndata:")):
            kind = self._named(event, kind)
        self._dispatch(kind, told, data, out)
        return out

    @staticmethod
    def _named(event: bytes, kind: str) -> str:
        """The type by the event's name where the data tell none; two different ones are refused, because clients differ
        in which of them they believe."""
        name = (name_of(event) or b"").decode("utf-8", "replace")
        if kind and name != kind and name.startswith("response."):
            raise UpstreamProtocol("an event is named differently in its frame and in its data")
        return kind or name

    def close(self) -> list[Event]:
        if not self._finished:
            raise UpstreamProtocol("the stream was cut before its terminal event")
        return []

    def _dispatch(self, kind: str, told: _Event, data: bytes, out: list[Event]) -> None:
        if not kind.startswith("response.output_item.") and bytes_of(told.item) is not None:
            self._no_call(told.item, f"an event of the type {kind[:80]}")
        match kind:
            case "response.output_text.delta" | "response.refusal.delta":
                self._start(None, out)
                self._text(told, _delta(told), kind == "response.refusal.delta", out)
            case "response.output_text.done" | "response.refusal.done":
                self._start(None, out)
                refusal = kind == "response.refusal.done"
                self._text_done(told, (told.refusal if refusal else told.text) or "", refusal, out)
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                self._start(None, out)
                self._arguments(self._call_slot(told, kind), _delta(told), out)
            case "response.function_call_arguments.done" | "response.custom_tool_call_input.done":
                self._start(None, out)
                full = told.input if "custom" in kind else told.arguments
                slot = self._call_slot(told, kind)
                if full is not None:
                    self._complete(slot, full, out)
            case "response.reasoning_summary_text.delta" | "response.reasoning_summary_text.done":
                self._start(None, out)
                self._think(told, _said(told), True, kind.endswith("done"), out)
            case "response.reasoning_text.delta" | "response.reasoning_text.done":
                self._start(None, out)
                self._think(told, _said(told), False, kind.endswith("done"), out)
            case "response.output_item.added" | "response.output_item.done":
                self._start(None, out)
                self._item_event(told, kind.endswith("done"), out)
            case "response.content_part.added" | "response.content_part.done":
                self._start(None, out)
                self._part_event(told, kind.endswith("done"), out)
            case "response.output_text.annotation.added":
                self._start(None, out)
                self._annotation(told, out)
            case "response.reasoning_summary_part.added" | "response.reasoning_summary_part.done":
                pass
            case "response.created" | "response.in_progress":
                reply = self._response(told, out)
                self._nothing_to_do(reply)
                self._start(reply, out)
            case "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled":
                reply = self._response(told, out) or _Reply()
                self._start(reply, out)
                self._terminal(reply, kind.removeprefix("response."), out)
            case "error":
                self._failed(self._error(told), out)
            case _:
                self._unknown(kind, told, data, out)

    def _response(self, told: _Event, out: list[Event]) -> _Reply | None:
        raw = bytes_of(told.response)
        return None if raw is None else understood(_reply, raw, "the response of an event")

    def _start(self, reply: _Reply | None, out: list[Event]) -> None:
        if self._started:
            return
        self._started = True
        reply = reply or _Reply()
        self._reply_id = reply.id or ""
        created = int(reply.created_at) if reply.created_at is not None and abs(reply.created_at) < 1 << 53 else None
        out.append(Started(self._reply_id, reply.model or "", created))

    @staticmethod
    def _nothing_to_do(reply: _Reply | None) -> None:
        """An announcement of the response (created, in progress) must not bring a call: nobody would look at it there."""
        for raw in (reply and reply.output) or ():
            Decoder._no_call(raw, "an announcement of the response")

    @staticmethod
    def _no_call(raw: msgspec.Raw, where: str) -> None:
        kind = understood(_item, raw, "an output item").type
        if kind in _CALLS or kind in CALLS_OF_VENDOR_TOOLS:
            raise UpstreamProtocol(f"{where} holds a {kind}")

    def _unknown(self, kind: str, told: _Event, data: bytes, out: list[Event]) -> None:
        if bytes_of(told.error) is not None:
            self._failed(self._error(told), out)
            return
        if kind.startswith(_ACTS):
            self._call_pieces += 1
            if not any(slot.is_call for slot in self._slots.values()):
                raise UpstreamProtocol("a piece of a tool call that never began")
        if kind.startswith(_NO_CONTENT) or (kind in ("ping", "keepalive", "response.ping")):
            return
        if not kind or any(key in data for key in _CARRIERS):
            raise UpstreamProtocol(f'an event of the unknown type "{kind[:80]}" could carry a tool call')

    # --- errors and endings ---

    def _error(self, told: _Event) -> Failed:
        error = understood(_any_error, told.error, "an error event")
        if isinstance(error, str):
            error = _Error(message=error)
        return failure(error or _Error(told.message, told.code))

    def _failed(self, failed: Failed, out: list[Event]) -> None:
        self._finished = True
        out.append(failed)

    def _terminal(self, reply: _Reply, kind: str, out: list[Event]) -> None:
        for index, raw in enumerate(reply.output or []):
            self._final_item(index, raw, out)
        for slot in self._slots.values():
            self._close(slot, out)
        counts = usage(reply.usage)
        if counts is not None:
            out.append(UsageReport(counts))
        status = reply.status if reply.status in ("failed", "cancelled", "incomplete") else kind
        if status in ("failed", "cancelled"):
            error = reply.error if isinstance(reply.error, _Error) else _Error(reply.error)
            self._failed(failure(error, f"the response was {status}"), out)
            return
        self._finished = True
        out.append(self._finish(reply, status))

    def _finish(self, reply: _Reply, status: str) -> Finished:
        if status == "incomplete":
            reason = (reply.incomplete_details or _Incomplete()).reason
            return Finished("content_filter" if reason == "content_filter" else "length", detail=reason)
        if self._called:
            return Finished("tool_calls")
        if self._refused and not self._spoke:
            return Finished("refusal")
        return Finished("stop")

    def _final_item(self, index: int, raw: msgspec.Raw, out: list[Event]) -> None:
        """An item of the terminal response: news if it was not streamed; else its call must be the one that was."""
        item = understood(_item, raw, "an output item")
        slot = self._slots.get(index) if item.type in _CALLS else self._seen(index, item)
        if item.type in _CALLS:
            slot = next(
                (s for s in self._slots.values() if s.call and item.call_id and s.call_id == item.call_id), slot
            )
        if slot is not None and slot.call is None and item.type in _CALLS:
            slot = None  # the place is taken by another kind of item: this call was never streamed
        key: int | str = index
        if slot is None:
            key = index if index not in self._slots else f"final-{index}"
            slot = self._slots[key] = _Slot()
            slot.item_id, slot.kind = item.id, item.type
        slot.final = True
        if not slot.closed and item.type in CALLS_OF_VENDOR_TOOLS:
            self._call_pieces += 1
        self._item_done(slot, item, raw, out)

    def _seen(self, index: int, item: _Item) -> _Slot | None:
        """The slot of an item of the terminal response: by id, by place, by kind. Some servers change ids, some leave
        items out of the terminal response, so that places shift."""
        open_ = [slot for slot in self._slots.values() if not slot.final and slot.kind in (None, item.type)]
        named = next((slot for slot in open_ if item.id and slot.item_id == item.id), None)
        if named is not None:
            return named
        here = self._slots.get(index)
        return here if here in open_ else next(iter(open_), None)

    # --- items ---

    def _slot(self, told: _Event) -> _Slot:
        key: int | str
        if told.output_index is not None:
            key = told.output_index
        elif told.item_id:
            found = next((k for k, s in self._slots.items() if s.item_id == told.item_id), None)
            key = told.item_id if found is None else found
        else:
            key = self._last
        self._last = key
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = _Slot()
        if slot.item_id is None:
            slot.item_id = told.item_id
        return slot

    def _item_event(self, told: _Event, done: bool, out: list[Event]) -> None:
        if bytes_of(told.item) is None:
            return
        item = understood(_item, told.item, "an output item")
        if told.item_id is None:
            told.item_id = item.id
        slot = self._slot(told)
        slot.item_id = item.id or slot.item_id
        slot.kind = item.type or slot.kind
        self._call_pieces += item.type in CALLS_OF_VENDOR_TOOLS
        if done:
            self._item_done(slot, item, told.item, out)
        elif item.type in _CALLS:
            self._meet_call(slot, item, out)
            told_call = understood(_call, told.item, "a tool call")
            slot.announced = told_call.input or told_call.arguments or ""
        elif item.type == "reasoning" and slot.block is None:
            slot.block = self._open(Reasoning(id=item.id), out)

    def _item_done(self, slot: _Slot, item: _Item, raw: msgspec.Raw, out: list[Event]) -> None:
        if item.type in _CALLS:
            self._meet_call(slot, item, out)
            told = understood(_call, raw, "a tool call")
            full = told.input if slot.call == "custom" else told.arguments
            self._begin(slot, out, certain=True)
            if full is not None:
                self._complete(slot, full, out)
        elif item.type == "message":
            self._message_done(slot, raw, out)
        elif item.type == "reasoning":
            self._reasoning_done(slot, raw, out)
        elif slot.closed:
            if slot.raw and not _same_item(slot.raw, bytes(raw)):
                raise UpstreamProtocol("an item that the client is to act on was told twice, differently")
        else:
            if not item.type:
                raise UpstreamProtocol("an output item without a type")
            slot.raw = bytes(raw) if item.type in CALLS_OF_VENDOR_TOOLS else b""
            index = self._open(Opaque("responses", item.type, one_line(bytes(raw))), out)
            out.append(BlockStop(index))
        self._close(slot, out)

    def _close(self, slot: _Slot, out: list[Event]) -> None:
        if slot.closed:
            return
        slot.closed = True
        if slot.call is not None:
            self._begin(slot, out, certain=True)
            said = "".join(slot.arguments)
            if slot.announced and slot.announced != said and not _same_json(slot.announced, said):
                raise UpstreamProtocol("a tool call was announced with other arguments than it had")
        for run in slot.parts.values():
            if run.block != slot.block and not run.closed:
                run.closed = True
                out.append(BlockStop(run.block))
        if slot.block is not None:
            out.append(BlockStop(slot.block))

    def _open(self, block: ReplyPart, out: list[Event]) -> int:
        index = self._blocks
        self._blocks += 1
        out.append(BlockStart(index, block))
        return index

    # --- tool calls ---

    def _call_slot(self, told: _Event, kind: str) -> _Slot:
        self._call_pieces += 1
        slot = self._slot(told)
        if slot.call is None:
            slot.call = "custom" if "custom" in kind else "function"
        return slot

    def _meet_call(self, slot: _Slot, item: _Item, out: list[Event]) -> None:
        self._call_pieces += not slot.final or not slot.closed
        kind: ToolKind = "custom" if item.type == "custom_tool_call" else "function"
        if slot.call not in (None, kind) or (slot.name and item.name and slot.name != item.name):
            raise UpstreamProtocol("a tool call changed its name or type while it was streamed")
        if slot.started and item.call_id and slot.call_id and item.call_id != slot.call_id:
            raise UpstreamProtocol("a tool call changed its call_id while it was streamed")
        if slot.started and item.namespace and slot.namespace != item.namespace:
            raise UpstreamProtocol("a tool call changed its namespace while it was streamed")
        slot.call = kind
        slot.name = slot.name or item.name
        slot.namespace = slot.namespace or item.namespace
        slot.call_id = slot.call_id or item.call_id
        self._begin(slot, out, certain=False)

    def _begin(self, slot: _Slot, out: list[Event], *, certain: bool) -> None:
        """Opens the block once name and id are known; `certain`: nothing more will come, so an id is made up."""
        if slot.started or slot.call is None:
            return
        if not certain and not (slot.name and slot.call_id):
            return
        if not slot.name:
            raise UpstreamProtocol("a tool call without a name")
        if not slot.call_id:
            slot.call_id = minted("call_", self._reply_id, slot.item_id or "", self._blocks)
        slot.started = self._called = True
        block = ToolCall(slot.call_id, slot.name, "", slot.call, slot.namespace, slot.item_id)
        slot.block = self._open(block, out)
        if slot.arguments:
            out.append(Delta(slot.block, "".join(slot.arguments)))

    def _arguments(self, slot: _Slot, text: str, out: list[Event]) -> None:
        if not text:
            return
        if slot.closed:
            raise UpstreamProtocol("arguments of a tool call after its end")
        slot.arguments.append(text)
        if slot.started and slot.block is not None:
            out.append(Delta(slot.block, text))

    def _complete(self, slot: _Slot, full: str, out: list[Event]) -> None:
        """The whole arguments, told again: what is missing is added, a contradiction is refused."""
        so_far = "".join(slot.arguments)
        if full == so_far:
            return
        if full.startswith(so_far) and not slot.closed:
            self._arguments(slot, full[len(so_far) :], out)
        elif not (slot.call == "function" and _same_json(full, so_far)):
            raise UpstreamProtocol("a tool call was told twice, with different arguments")

    # --- text ---

    def _message(self, told: _Event) -> _Slot:
        slot = self._slot(told)
        slot.kind = slot.kind or "message"
        return slot

    def _run(self, slot: _Slot, index: int, refusal: bool, out: list[Event]) -> _Run:
        run = slot.parts.get(index)
        if run is None:
            run = slot.parts[index] = _Run(self._open(Refusal("") if refusal else Text(""), out))
        return run

    def _text(self, told: _Event, text: str, refusal: bool, out: list[Event]) -> None:
        if not text:
            return
        run = self._run(self._message(told), told.content_index or 0, refusal, out)
        self._add_text(run, text, refusal, out)

    def _add_text(self, run: _Run, text: str, refusal: bool, out: list[Event]) -> None:
        if not text or run.closed:
            return
        self._refused |= refusal
        self._spoke |= not refusal
        run.spoken = True
        out.append(Delta(run.block, text))

    def _text_done(self, told: _Event, full: str, refusal: bool, out: list[Event]) -> None:
        if full:
            run = self._run(self._message(told), told.content_index or 0, refusal, out)
            self._whole_text(run, full, refusal, out)

    def _whole_text(self, run: _Run, full: str, refusal: bool, out: list[Event]) -> None:
        """Only where no delta told it: in pass-through some deltas are not fed, and must not count twice."""
        if not run.spoken:
            self._add_text(run, full, refusal, out)

    def _part_event(self, told: _Event, done: bool, out: list[Event]) -> None:
        part = understood(_part, told.part, "a content part") or _Part()
        if part.type in ("output_text", "refusal", "text"):
            self._part(self._message(told), told.content_index or 0, part, done, out)

    def _part(self, slot: _Slot, index: int, part: _Part, done: bool, out: list[Event]) -> None:
        refusal = part.type == "refusal"
        full = (part.refusal if refusal else part.text) or ""
        if not full and index not in slot.parts:
            return
        run = self._run(slot, index, refusal, out)
        self._whole_text(run, full, refusal, out)
        for raw in part.annotations or []:
            self._annotate(run, one_line(bytes(raw)), out)
        if done and not run.closed:
            run.closed = True
            out.append(BlockStop(run.block))

    def _annotation(self, told: _Event, out: list[Event]) -> None:
        run = self._slot(told).parts.get(told.content_index or 0)
        if run is not None:
            self._annotate(run, one_line(bytes(told.annotation)), out)

    def _annotate(self, run: _Run, raw: bytes, out: list[Event]) -> None:
        key = msgspec.json.format(raw, indent=-1)
        if run.closed or key in run.notes or raw == b"null":
            return
        run.notes.add(key)
        out.append(Annotated(run.block, raw))

    def _message_done(self, slot: _Slot, raw: msgspec.Raw, out: list[Event]) -> None:
        content = understood(_message, raw, "a message").content
        parts = [_Part("output_text", content)] if isinstance(content, str) else content or []
        for index, part in enumerate(parts):
            self._part(slot, index, part, True, out)

    # --- reasoning ---

    def _think(self, told: _Event, text: str, summary: bool, done: bool, out: list[Event]) -> None:
        slot = self._slot(told)
        slot.kind = slot.kind or "reasoning"
        if not text or slot.closed:
            return
        part = (told.summary_index if summary else told.content_index) or 0
        self._thought(slot, summary, part, text, done, out)

    def _thought(self, slot: _Slot, summary: bool, part: int, text: str, full: bool, out: list[Event]) -> None:
        if slot.block is None:
            slot.block = self._open(Reasoning(id=slot.item_id), out)
        key = ("summary" if summary else "text", part)
        run = slot.parts.get(key)
        if run is None:
            run = slot.parts[key] = _Run(slot.block)
        if full:
            so_far = "".join(run.text)
            text = text[len(so_far) :] if text.startswith(so_far) else ""
        if text:
            run.text.append(text)
            out.append(Delta(slot.block, text, summary, part if summary else 0))

    def _reasoning_done(self, slot: _Slot, raw: msgspec.Raw, out: list[Event]) -> None:
        if slot.closed:
            return
        told = understood(_thoughts, raw, "a reasoning item")
        if slot.block is None:
            slot.block = self._open(Reasoning(id=slot.item_id), out)
        for index, part in enumerate(told.summary or []):
            self._thought(slot, True, index, part.text or "", True, out)
        for index, part in enumerate(told.content or []):
            self._thought(slot, False, index, part.text or "", True, out)
        if told.encrypted_content:
            out.append(Sealed(slot.block, encrypted=told.encrypted_content))


class _Thoughts(msgspec.Struct):
    summary: list[_Part] | None = None
    content: list[_Part] | None = None
    encrypted_content: str | None = None


_thoughts: Final = msgspec.json.Decoder(_Thoughts)


def _delta(told: _Event) -> str:
    return understood(_string, told.delta, "a delta") or ""


def _said(told: _Event) -> str:
    return _delta(told) or told.text or ""


def _same_json(one: str, other: str) -> bool:
    try:
        left: Any = _json.decode(one)
        return bool(left == _json.decode(other))
    except (*Bad, UnicodeEncodeError):
        return False


# --- errors ------------------------------------------------------------------------------------------------------

_OURS_TO_MEND: Final = ("invalid", "policy", "image", "unsupported")
"""Words in codes of this dialect that mean a bad request (openai 3.52 `response_error.py`)."""


def _same_item(one: bytes, other: bytes) -> bool:
    """But for its status, which changes while it is streamed."""
    first, second = _json.decode(one), _json.decode(other)
    return bool({**first, "status": None} == {**second, "status": None})


def failure(error: _Error, otherwise: str = "the upstream reported an error") -> Failed:
    """An error told inside a reply. The status is the one that the same words would have had outside."""
    code = None if error.code is None else str(error.code)
    status = status_of_words(error.type, error.code, error.message or "")
    if status == 500 and code and any(word in code for word in _OURS_TO_MEND):
        status = 400
    return Failed(error.message or otherwise, error.type or type_of_status(status), code, status)


def raised(failed: Failed, body: bytes) -> UpstreamError:
    """The error that a failed whole reply (HTTP 200, status "failed") amounts to."""
    if failed.status == 429:
        quota = failed.code is not None and "quota" in failed.code
        return UpstreamRateLimited(failed.message, quota=quota, body=body)
    if 400 <= failed.status < 500:
        return UpstreamRejected(failed.message, status=failed.status, body=body, upstream_code=failed.code)
    return UpstreamOverloaded(failed.message, status=failed.status, body=body)


def decode_response(body: bytes) -> Response:
    reply = understood(_reply, body, "the reply")
    if reply.output is None and reply.error is None and reply.status is None:
        raise UpstreamProtocol("the reply is no response object")
    if reply.status in ("queued", "in_progress"):
        raise UpstreamProtocol(f"the reply is not ready: {reply.status}")
    decoder = Decoder()
    events: list[Event] = []
    decoder._start(reply, events)
    decoder._terminal(reply, "failed" if reply.error is not None and reply.status is None else "completed", events)
    folded = fold(events)
    if isinstance(folded, Failed):
        raise raised(folded, body)
    return folded
