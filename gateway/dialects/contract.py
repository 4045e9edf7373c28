"""What a wire dialect is. A dialect knows bytes of one protocol and the neutral form; it knows no socket, no provider,
no other dialect.

Three uses:
- *reading*: `read` gives the cheap view that every request gets (one partial parse, messages stay raw bytes);
- *passing through*: same dialect on both sides; events are forwarded as bytes, `is_plain` is the cheap test that says an
  event needs no decoding, the others go through a `StreamDecoder` for what the gateway must know;
- *translating*: decode to the neutral form on one side, encode on the other. What cannot survive is refused with
  UnsupportedFeature (content) or listed as a loss (tuning knobs); the pipeline reports losses to the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from gateway.errors import GatewayError
from gateway.ir.events import Event, Finished, Response
from gateway.ir.profile import Profile
from gateway.ir.request import DialectName, Reasoning, Request
from gateway.ir.usage import Usage
from gateway.wire.frame import Frame


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What routing, sessions and accounting need of a request, without decoding its content.

    `messages` are the raw JSON slices of the conversation items, in order (chat messages, Messages messages, Responses
    input items; a Responses string input is one synthesized user message). `system` is the raw JSON of the separate
    system field, if the dialect has one and it is set. `tools` are raw tool entries. `tool_names` are in order, inner
    names of Responses namespaces included. `span_model` is the byte range of the JSON value of `model` in the body, so
    that it can be replaced without touching anything else.
    """

    model: str
    stream: bool
    messages: tuple[msgspec.Raw, ...]
    system: msgspec.Raw | None = None
    tools: tuple[msgspec.Raw, ...] = ()
    tool_names: tuple[str, ...] = ()
    include_usage: bool = False
    max_output_tokens: int | None = None
    user_id: str | None = None
    """chat/responses `user` or `safety_identifier`, Messages `metadata.user_id`."""
    cache_key: str | None = None
    metadata: Mapping[str, str] | None = None
    """String values of `metadata` / `client_metadata`, for session ids; None if absent."""
    previous_response_id: str | None = None
    background: bool = False
    store: bool | None = None
    span_model: tuple[int, int] = (0, 0)
    messages_end: int = 0
    """Where the last conversation item ends in the body; 0 where that is not known (the view cannot be continued)."""


class Encoded(msgspec.Struct, frozen=True):
    """Bytes for an upstream, and what was left out: names of tuning knobs that the target has no word for."""

    body: bytes
    losses: tuple[str, ...] = ()


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a request is encoded for: the upstream's own model name, how it speaks, and its window."""

    model: str
    profile: Profile
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyContext:
    """What an encoder of replies must know of the request: the model name to show, the reply id to use when the upstream
    gave none in this dialect's form, the creation time, whether usage was asked for (chat), an estimate of input tokens
    for `message_start` (Messages, when the upstream tells its count only at the end), names of custom tools (calls to
    them are free text) with their namespaces, and the client's request (Responses echoes several fields)."""

    reply_id: str
    model: str
    created_s: int
    include_usage: bool = True
    input_tokens_estimate: int = 0
    custom_tools: frozenset[str] = frozenset()
    namespaces: Mapping[str, str] = field(default_factory=dict)
    request: Request | None = None


class SeenReasoning(msgspec.Struct, frozen=True):
    """One reasoning trace in a request: where it stands, and the keys under which the ledger knows it.

    `path` = (message index, block index or -1 for a field of the message). `seal` = signature, encrypted content or
    redacted data; None if unsigned. `tool_call_ids` = the calls of the same assistant turn. `missing` = an assistant turn
    with tool calls that carries no reasoning at all (path's block is -1)."""

    path: tuple[int, int]
    seal: str | None
    tool_call_ids: tuple[str, ...]
    missing: bool = False


class Glance(msgspec.Struct, frozen=True):
    """A whole reply that is one text and nothing else: what the bill needs of it. `text_bytes` is the size of the text."""

    usage: Usage | None
    finish: Finished
    text_bytes: int
    id: str = ""
    model: str = ""


class StreamDecoder(Protocol):
    """Raw SSE events of an upstream to neutral events. One instance per reply."""

    def feed(self, event: bytes) -> list[Event]:
        """`event` is one complete raw SSE event. An event that cannot be parsed raises UpstreamProtocol."""

    def close(self) -> list[Event]:
        """End of the byte stream. Closes open blocks; if no terminal event was seen returns what the dialect allows
        (chat without [DONE] but with finish_reason is complete) or raises UpstreamProtocol("cut …")."""

    @property
    def finished(self) -> bool:
        """The terminal event of the dialect was seen: anything later is ignored."""

    @property
    def call_pieces(self) -> int:
        """Counts every piece of a tool call that was fed, of calls that have no name yet too: an event that does not move
        this number holds nothing of a call (but may end one, see the events). Items of vendor tools that ask the client
        to act count as calls."""

    @property
    def calls_open(self) -> int:
        """Calls that have begun, named or not, and not ended."""

    def frame(self, event: bytes) -> Frame | None:
        """`event` was plain or was just fed and gave one Delta: what recognises further events that differ from it in the
        text alone, proven by decoding it with another text. Valid until an event gives anything but Deltas. None where
        this event is of no such kind."""

    def more(self, frame: Frame, text: str) -> None:
        """An event of this frame (kind `call` or `reasoning`) went by with this text: what `feed` would have noted."""


class StreamEncoder(Protocol):
    """Neutral events to the client's SSE bytes. One instance per reply; every output is zero or more whole events."""

    def feed(self, event: Event) -> bytes: ...

    def close(self) -> bytes:
        """Closing bytes (chat `[DONE]`); a stream without Finished gets an error event, never silence."""


class Resumed(NamedTuple):
    """An encoder in the middle of a stream. `open_text` is the index by which it knows the text block that the client has
    open; None where none is."""

    encoder: StreamEncoder
    open_text: int | None


class ClientDialect(Protocol):
    """The half that faces clients: legacy completions have only this one, since nothing is sent upstream in that shape."""

    name: DialectName
    keepalive: bytes
    """Bytes that keep a silent stream alive: an SSE comment, or `event: ping` (Messages)."""
    terminal: bytes
    """Raw event that closes a complete stream whose upstream forgot to (`data: [DONE]`, `message_stop`); empty where it
    cannot be known without the whole reply (Responses)."""

    def read(self, body: bytes) -> View:
        """One partial parse. Wrong JSON, wrong types, missing fields, duplicate known keys, invalid UTF-8, nesting over
        the parser's bound: MalformedRequest that names the JSON path. Unknown fields are fine."""

    def continued(self, body: bytes, earlier: bytes, view: View) -> View | None:
        """The view of a body that repeats an `earlier` one (of which `view` is) byte for byte and has messages appended:
        only those are parsed. None if it does anything else: then `read` it. The new messages are copies, so that a long
        session does not keep all its bodies."""

    def decode_request(self, body: bytes) -> Request: ...

    def encode_response(self, response: Response, context: ReplyContext) -> bytes: ...

    def stream_encoder(self, context: ReplyContext) -> StreamEncoder: ...

    def resumed(self, context: ReplyContext, delivered: bytes) -> Resumed | None:
        """An encoder that goes on where `delivered`, this dialect's stream as the client has it, stops: the same ids and
        counters, no second prelude. None where it stops in anything but text, or cannot be gone on with."""

    def error_body(self, error: GatewayError, request_id: str) -> bytes:
        """The whole error answer in this dialect's shape."""

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        """The same inside a stream that has begun, including what ends a stream in this dialect."""


class Dialect(ClientDialect, Protocol):
    """Both halves."""

    paths: tuple[str, ...]

    def needs_translation(self, view: View, profile: Profile) -> bool:
        """Both sides speak this dialect, yet the request holds what this upstream's profile has no word for and translation
        has a stand-in for (custom tools): it cannot pass as bytes."""

    def encode_request(self, request: Request, target: Target) -> Encoded:
        """UnsupportedFeature for content that the dialect or the profile cannot carry."""

    def glance(self, body: bytes) -> Glance | None:
        """A whole reply seen without decoding its content; None for anything but one plain text (a tool call, reasoning, an
        error, several answers, a shape that is not well known): then `decode_response` it."""

    def decode_response(self, body: bytes, profile: Profile) -> Response:
        """A whole upstream reply. Not this dialect's JSON: UpstreamProtocol."""

    def stream_decoder(self, profile: Profile) -> StreamDecoder: ...

    def is_plain(self, event: bytes) -> bool:
        """True if the raw event carries only text, a comment or a ping: no tool call, usage, reasoning, finish, error.
        A substring test; when unsure False."""

    def usage_of(self, body: bytes) -> Usage | None:
        """Usage of a whole reply, without decoding the rest."""

    def adapt(self, body: bytes, view: View, target: Target, *, ask_usage: bool) -> bytes:
        """Pass-through edit of a same-dialect request: replaces the model name, applies what the profile demands
        (max_tokens field, developer role, billing block, cache marks …) and, if `ask_usage` and the dialect needs to be
        asked for usage in streams, asks. Everything else stays byte-identical; with nothing to change the body is
        returned as it is."""

    def seen_reasoning(self, view: View, since: int = 0) -> list[SeenReasoning]:
        """Reasoning traces and gaps in a request, from message `since` on, which must begin a turn. Must cost one substring
        test when there is nothing of the kind."""

    def rewrite_reasoning(
        self,
        body: bytes,
        view: View,
        drop: Iterable[tuple[int, int]],
        restore: Mapping[int, tuple[Reasoning, ...]],
        profile: Profile,
    ) -> bytes:
        """The body with the traces at `drop` removed and, per message index, traces put back in the place the profile
        wants them. Only the touched messages change. An assistant message left empty is removed with its place kept
        legal (Messages: an empty assistant turn is merged away)."""

    def without_reasoning(self, body: bytes, view: View, profile: Profile) -> bytes:
        """The request with all reasoning traces removed and thinking switched off if the profile says how
        (`disable_thinking`, `thinking_modes`); used to repair a 400 about reasoning, once."""

    def error_of(self, status: int, body: bytes) -> tuple[str, str | None]:
        """(message, code) of an upstream's error body in this dialect's shape; best effort on anything else."""
