"""Failover after the first byte: when a stream breaks after text, the next hop goes on with it, and the client sees one
stream.

The rules (docs/decisions/0022):
- only what the route allows (`continue_on`), only after text, never after a tool call, never in the middle of reasoning,
  and only where the answer is free text (no JSON schema, one choice);
- sealed reasoning that the client already has (a signature, encrypted content) can be replayed only to who sealed it, so
  only an endpoint of the same mint may go on; open reasoning is not replayed, and that of the next hop is not shown;
- the text is replayed as a prefix where the model continues one (Messages `prefill`, chat `continue_fields`), otherwise as
  its own last turn with the instruction to go on; what it then repeats is taken out (`seam`).

Everything is derived from the client's own bytes when the break happens: a stream that does not break pays for a list of
references to what was sent.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Final

import msgspec

from gateway.accounting.tally import BYTES_PER_TOKEN
from gateway.dialects import registry
from gateway.dialects.contract import ClientDialect, StreamEncoder
from gateway.endpoints import Endpoint, Wire
from gateway.errors import GatewayError, UpstreamConnect, UpstreamProtocol, UpstreamTimeout
from gateway.ir.events import (
    Annotated,
    BlockStart,
    BlockStop,
    Delta,
    Event,
    Finished,
    Sealed,
    Started,
    UsageReport,
    fold,
)
from gateway.ir.exchange import HopRow
from gateway.ir.profile import DEFAULT
from gateway.ir.request import Message, Reasoning, Request, Text
from gateway.ir.usage import Usage
from gateway.pipeline.flight import Flight
from gateway.pipeline.seam import Seam
from gateway.routing.table import Route
from gateway.wire import splice
from gateway.wire.sse import SseSplitter

INSTRUCTION: Final = (
    "Your last message was cut off by a network error. Go on with it from exactly where it stops: write only what comes "
    "next, beginning with the very next character. Repeat nothing, and say nothing about the interruption."
)

_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def word_of(error: GatewayError, *, told: bool) -> str:
    """How a stream broke, in the words of `continue_on`; "" for what is no break. `told`: the upstream said it itself."""
    match error:
        case UpstreamTimeout():
            return "stall" if error.phase == "idle" else ""
        case _ if told:
            return "error"
        case UpstreamProtocol() | UpstreamConnect():
            return "cut"
        case _:
            return ""


class Continuation:
    """What the client has of a broken stream, and an encoder that goes on with it."""

    def __init__(self, flight: Flight, reasoning: tuple[Reasoning, ...], text: str, mint: str) -> None:
        assert flight.kept is not None
        self._delivered = flight.kept.data()
        self._dialect: ClientDialect = flight.dialect
        self._sealed = tuple(block for block in reasoning if block.signature or block.encrypted)
        self._text = text
        self._mint = mint
        self.ttft_s = flight.ttft_s
        self.joined = False
        """Content of the hop that goes on has reached the client: from then on this hop cannot be replaced unnoticed."""

    def fits(self, endpoint: Endpoint) -> bool:
        """Sealed reasoning may only be continued by who sealed it."""
        return not self._sealed or endpoint.mint == self._mint

    def wire(self, endpoint: Endpoint, usual: Wire) -> Wire:
        """The wire on which the endpoint continues a prefix, if it has one; reasoning goes by the usual one."""
        return usual if self._sealed else next((wire for wire in endpoint.wires if _continues(wire)), usual)

    def change(self, wire: Wire) -> Change:
        return Change(self._text, self._sealed, wire, prefix=self._as_prefix(wire))

    def encoder(self, flight: Flight, wire: Wire) -> StreamEncoder:
        """Takes the events of the hop that goes on."""
        resumed = self._dialect.resumed(flight.context(), self._delivered)
        assert resumed is not None  # looked at before
        usage = _paid(flight.hops)
        seam = Seam(self._text, continued=self._as_prefix(wire))
        return _Joined(self, resumed.encoder, resumed.open_text, seam, usage)

    def _as_prefix(self, wire: Wire) -> bool:
        return not self._sealed and _continues(wire)


def begin(
    flight: Flight, route: Route | None, error: GatewayError, endpoint: Endpoint, *, told: bool
) -> Continuation | None:
    """What may go on; None where the rules forbid it. `endpoint` is the one that broke."""
    if route is None or flight.kept is None or word_of(error, told=told) not in route.source.continue_on:
        return None
    if flight.guard is not None and flight.guard.rulings:
        return None  # a call was released, or refused in words of ours that no model may take for its own
    if flight.kept.spoiled or not _free_text(flight.request()):
        return None
    try:
        whole = fold(_events(flight))
    except (UpstreamProtocol, KeyError, msgspec.DecodeError):
        return None  # what the client got of a mangled stream cannot be read back
    parts = getattr(whole, "parts", ())
    text = "".join(part.text for part in parts if isinstance(part, Text))
    if not text or any(not isinstance(part, Text | Reasoning) for part in parts):
        return None
    if flight.dialect.resumed(flight.context(), flight.kept.data()) is None:
        return None
    reasoning = tuple(part for part in parts if isinstance(part, Reasoning))
    return Continuation(flight, reasoning, text, endpoint.mint)


def _events(flight: Flight) -> list[Event]:
    assert flight.kept is not None
    decoder = registry.by_name(flight.dialect.name).stream_decoder(DEFAULT)
    return [event for raw in SseSplitter().feed(flight.kept.data()) for event in decoder.feed(raw)]


def _free_text(request: Request) -> bool:
    free = request.output_format is None or request.output_format.kind == "text"
    return free and (request.n or 1) == 1


def _continues(wire: Wire) -> bool:
    profile = wire.profile
    return (
        profile.continue_fields is not None
        if wire.dialect == "chat"
        else wire.dialect == "messages" and profile.prefill
    )


def _paid(hops: list[HopRow]) -> Usage:
    real = [hop.usage for hop in hops if hop.usage.source != "none"]
    return functools.reduce(Usage.plus, real) if real else Usage(source="none")


class Change:
    """See `prepare.Change`: the conversation with what was delivered at its end."""

    def __init__(self, text: str, reasoning: tuple[Reasoning, ...], wire: Wire, *, prefix: bool) -> None:
        self._text, self._reasoning, self._wire, self._prefix = text, reasoning, wire, prefix

    def request(self, request: Request) -> Request:
        text = self._text.rstrip() if self._prefix else self._text  # Messages refuses a prefix that ends in white space
        turns = [Message("assistant", (*self._reasoning, Text(text)))]
        if not self._prefix:
            turns.append(Message("user", (Text(INSTRUCTION),)))
        left = request.max_output_tokens
        if left is not None:
            left = max(1, left - len(self._text.encode()) // BYTES_PER_TOKEN)
        # A tool that had to be called may be what comes next, but a model that goes on with text must be free to write it.
        choice = request.tool_choice
        if choice is not None and choice.mode in ("required", "tool"):
            choice = None
        return replace(request, messages=(*request.messages, *turns), max_output_tokens=left, tool_choice=choice)

    def body(self, body: bytes) -> bytes:
        fields = self._wire.profile.continue_fields
        if not self._prefix or fields is None or self._wire.dialect != "chat":
            return body
        return splice.splice(body, {name: bytes(value) for name, value in _fields(fields).items()})


class _Joined:
    """contract.StreamEncoder: the events of the next hop, fitted to what the client has open."""

    def __init__(
        self, owner: Continuation, encoder: StreamEncoder, open_text: int | None, seam: Seam, paid: Usage
    ) -> None:
        self._owner, self._encoder, self._seam, self._paid = owner, encoder, seam, paid
        self._index = open_text
        """By which the encoder knows the text that goes on; None until the next hop begins one."""
        self._source: int | None = None
        """By which the next hop knows it."""
        self._done = False
        self._hidden: set[int] = set()
        self._usage: Usage | None = None
        self._reported = False

    def feed(self, event: Event) -> bytes:
        out = self._fed(event)
        if out:
            self._owner.joined = True
        return out

    def close(self) -> bytes:
        rest = self._end_text()
        if not self._reported and self._usage is not None:
            rest += self._encoder.feed(UsageReport(self._paid.plus(self._usage)))
        return rest + self._encoder.close()

    # --- inside -----------------------------------------------------------------------------------------------

    def _fed(self, event: Event) -> bytes:
        match event:
            case Started():
                self._usage = event.usage
                return b""
            case UsageReport(usage):
                self._usage = self._usage.merged(usage) if self._usage else usage
                self._reported = True
                return self._encoder.feed(UsageReport(self._paid.plus(self._usage)))
            case BlockStart():
                return self._start(event)
            case Delta(index) | Sealed(index) | Annotated(index) | BlockStop(index) if index in self._hidden:
                return b""
            case Delta(index, text) if index == self._source and not self._done:
                return self._say(self._seam.feed(text))
            case BlockStop(index) if index == self._source:
                return self._end_text()
            case Finished():
                return self._end_text() + self._encoder.feed(event)
        return self._encoder.feed(event)

    def _start(self, event: BlockStart) -> bytes:
        match event.block:
            case Reasoning():
                self._hidden.add(event.index)  # the client is past the thinking; a seal here would be of another turn
                return b""
            case Text(text) if self._source is None and not self._done:
                self._source = event.index
                if self._index is not None:
                    return self._say(self._seam.feed(text))
                self._index = event.index
                return self._encoder.feed(BlockStart(event.index, Text(""))) + self._say(self._seam.feed(text))
        return self._end_text() + self._encoder.feed(event)

    def _say(self, text: str) -> bytes:
        assert self._index is not None
        return self._encoder.feed(Delta(self._index, text)) if text else b""

    def _end_text(self) -> bytes:
        """What is held, and the end of the block; later text is a block of its own."""
        if self._done or self._index is None:
            self._done = True
            return b""
        self._done = True
        return self._say(self._seam.close()) + self._encoder.feed(BlockStop(self._index))
