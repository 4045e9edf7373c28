"""Replies of a Responses upstream, streamed or whole, as neutral events.

What a server leaves out is taken from the next place that tells it: an item from its `done` event, from the terminal
response at last. Where two places tell a tool call differently the stream is refused. A whole reply takes the same path: its
items are read as if each had just been done.

Each event goes to the reader of its kind: `_responses_in_message`, `_responses_in_reasoning`, `_responses_in_calls`,
`_responses_in_items`, `_responses_in_endings`. Here are the table of events and what is refused because nobody would judge
it. Sources: openai 3.52 `types/responses/*_event.py`; quirks as cited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from gateway.dialects._responses_decode import CALLS_OF_VENDOR_TOOLS
from gateway.dialects._responses_in_calls import CALLS, arguments_delta, arguments_done
from gateway.dialects._responses_in_endings import error_event, raised, terminal
from gateway.dialects._responses_in_items import item_event
from gateway.dialects._responses_in_json import EventJson, ReplyJson, a_reply, an_event, an_item
from gateway.dialects._responses_in_message import annotation_added, part_event, text_delta, text_done
from gateway.dialects._responses_in_reasoning import open_text, summary_text
from gateway.dialects._responses_in_slots import Reading
from gateway.dialects._shared import RAW_NULL, bytes_of, understood
from gateway.errors import UpstreamProtocol
from gateway.ir.events import Event, Failed, Response, fold
from gateway.wire.frame import Frame
from gateway.wire.sse import data_of, name_of

_CONTENT: Final[dict[str, Callable[[Reading, str, EventJson, list[Event]], None]]] = {
    "response.output_text.delta": text_delta,
    "response.refusal.delta": text_delta,
    "response.output_text.done": text_done,
    "response.refusal.done": text_done,
    "response.function_call_arguments.delta": arguments_delta,
    "response.custom_tool_call_input.delta": arguments_delta,
    "response.function_call_arguments.done": arguments_done,
    "response.custom_tool_call_input.done": arguments_done,
    "response.reasoning_summary_text.delta": summary_text,
    "response.reasoning_summary_text.done": summary_text,
    "response.reasoning_text.delta": open_text,
    "response.reasoning_text.done": open_text,
    "response.output_item.added": item_event,
    "response.output_item.done": item_event,
    "response.content_part.added": part_event,
    "response.content_part.done": part_event,
    "response.output_text.annotation.added": annotation_added,
}
"""Who reads which event about the content of the reply."""
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
_ITEM_EVENT: Final = "response.output_item."


class Decoder:
    """contract.StreamDecoder. In pass-through plain text deltas need not be fed: the text is then taken from `done`."""

    def __init__(self) -> None:
        self._reading = Reading()

    @property
    def call_pieces(self) -> int:
        return self._reading.call_pieces

    @property
    def calls_open(self) -> int:
        return sum(not slot.closed and slot.is_call for slot in self._reading.slots.values())

    @property
    def finished(self) -> bool:
        return self._reading.finished

    def frame(self, event: bytes) -> Frame | None:
        """None: every event has a sequence number, so no two differ in their text alone."""
        return None

    def more(self, frame: Frame, text: str) -> None:
        raise AssertionError("no frame was given")

    def feed(self, event: bytes) -> list[Event]:
        reading = self._reading
        if reading.finished:
            return []
        data = data_of(event)
        if data is None or not data.strip() or data.strip() == b"[DONE]":
            return []
        out: list[Event] = []
        told = understood(an_event, data, "an event of the reply")
        kind = told.type or ""
        if not event.startswith((b"data:", b"event: " + kind.encode() + b"\ndata:")):
            kind = _named(event, kind)
        if told.item is not RAW_NULL and not kind.startswith(_ITEM_EVENT) and bytes_of(told.item) is not None:
            _no_call(told.item, f"an event of the type {kind[:80]}")
        read = _CONTENT.get(kind)
        if read is None:
            self._about_the_reply(kind, told, data, out)
            return out
        if not reading.started:
            reading.begin(ReplyJson(), out)
        read(reading, kind, told, out)
        return out

    def close(self) -> list[Event]:
        if not self._reading.finished:
            raise UpstreamProtocol("the stream was cut before its terminal event")
        return []

    def _about_the_reply(self, kind: str, told: EventJson, data: bytes, out: list[Event]) -> None:
        match kind:
            case "response.reasoning_summary_part.added" | "response.reasoning_summary_part.done":
                pass
            case "response.created" | "response.in_progress":
                reply = _response(told)
                _nothing_to_do(reply)
                self._reading.begin(reply, out)
            case "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled":
                reply = _response(told)
                self._reading.begin(reply, out)
                terminal(self._reading, reply, kind.removeprefix("response."), out)
            case "error":
                error_event(self._reading, told, out)
            case _:
                self._unknown(kind, told, data, out)

    def _unknown(self, kind: str, told: EventJson, data: bytes, out: list[Event]) -> None:
        if bytes_of(told.error) is not None:
            error_event(self._reading, told, out)
            return
        if kind.startswith(_ACTS):
            self._reading.call_pieces += 1
            if not any(slot.is_call for slot in self._reading.slots.values()):
                raise UpstreamProtocol("a piece of a tool call that never began")
        if kind.startswith(_NO_CONTENT) or (kind in ("ping", "keepalive", "response.ping")):
            return
        if not kind or any(key in data for key in _CARRIERS):
            raise UpstreamProtocol(f'an event of the unknown type "{kind[:80]}" could carry a tool call')


def _named(event: bytes, kind: str) -> str:
    """The type by the event's name where the data tell none; two different ones are refused, because clients differ in
    which of them they believe."""
    name = (name_of(event) or b"").decode("utf-8", "replace")
    if kind and name != kind and name.startswith("response."):
        raise UpstreamProtocol("an event is named differently in its frame and in its data")
    return kind or name


def _response(told: EventJson) -> ReplyJson:
    """The response object of an event; an empty one where it has none."""
    raw = bytes_of(told.response)
    return ReplyJson() if raw is None else understood(a_reply, raw, "the response of an event")


def _nothing_to_do(reply: ReplyJson) -> None:
    """An announcement of the response (created, in progress) must not bring a call: nobody would look at it there."""
    for raw in reply.output or ():
        _no_call(raw, "an announcement of the response")


def _no_call(raw: msgspec.Raw, where: str) -> None:
    kind = understood(an_item, raw, "an output item").type
    if kind in CALLS or kind in CALLS_OF_VENDOR_TOOLS:
        raise UpstreamProtocol(f"{where} holds a {kind}")


def decode_response(body: bytes) -> Response:
    """A whole reply. UpstreamProtocol for what is none; UpstreamError's other leaves for one that failed."""
    reply = understood(a_reply, body, "the reply")
    if reply.output is None and reply.error is None and reply.status is None:
        raise UpstreamProtocol("the reply is no response object")
    if reply.status in ("queued", "in_progress"):
        raise UpstreamProtocol(f"the reply is not ready: {reply.status}")
    reading = Reading()
    events: list[Event] = []
    reading.begin(reply, events)
    terminal(reading, reply, "failed" if reply.error is not None and reply.status is None else "completed", events)
    folded = fold(events)
    if isinstance(folded, Failed):
        raise raised(folded, body)
    return folded
