"""Deltas of one chat choice to blocks: text, reasoning, refusal and tool calls, told apart and numbered.

Tool calls are put together by `index`, never by id (protocols.md 1.1). Several may be open at once; they end with the reply,
because chat has no word for the end of one. Text kinds close each other.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from gateway.dialects._chat_words import finish_in
from gateway.dialects._shared import RAW_NULL, Bad, bytes_of, minted, understood
from gateway.errors import UpstreamProtocol
from gateway.ir.events import Annotated, BlockStart, BlockStop, Delta, Event, Finished, Sealed
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall, ToolKind


class FunctionShape(msgspec.Struct):
    name: str | None = None
    arguments: msgspec.Raw = RAW_NULL  # text; some servers send the object itself
    input: str | None = None


class CallShape(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: FunctionShape | None = None
    custom: FunctionShape | None = None


class DetailShape(msgspec.Struct):
    """One of OpenRouter's `reasoning_details`."""

    type: str | None = None
    text: str | None = None
    summary: str | None = None
    signature: str | None = None
    data: str | None = None


class ThoughtShape(msgspec.Struct):
    text: str | None = None


class ContentShape(msgspec.Struct):
    """A part of content sent as an array (Mistral)."""

    type: str = "text"
    text: str | None = None
    thinking: str | list[ThoughtShape] | None = None


class DeltaShape(msgspec.Struct):
    """A streamed delta, or the message of a whole reply: the same fields."""

    content: str | list[ContentShape] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[DetailShape] | None = None
    refusal: str | None = None
    tool_calls: list[CallShape] | None = None
    function_call: FunctionShape | None = None
    audio: msgspec.Raw = RAW_NULL
    annotations: list[msgspec.Raw] | None = None


_LEGACY: Final = -1  # key of `function_call`, which has no index
_text: Final = msgspec.json.Decoder(str)
_json: Final = msgspec.json.Decoder(msgspec.Raw)

_Kind = Literal["text", "reasoning", "refusal"]
_EMPTY: Final[dict[_Kind, Text | Reasoning | Refusal]] = {
    "text": Text(""),
    "reasoning": Reasoning(),
    "refusal": Refusal(""),
}


class _Call:
    """A tool call under way. `index` is the block's, None until the name is known and the block can begin."""

    __slots__ = ("block", "id", "kind", "name", "pieces")

    def __init__(self) -> None:
        self.block: int | None = None
        self.id = ""
        self.name = ""
        self.kind: ToolKind = "function"
        self.pieces: list[str] = []


class Assembler:
    """One choice. `seed` is any bytes of the reply: ids that the vendor left out are minted from it."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._next = 0
        self._open: tuple[_Kind, int] | None = None
        self._calls: dict[int, _Call] = {}
        self._order: list[_Call] = []
        self._called = False
        self._refused = False
        self.pieces = 0

    def delta(self, delta: DeltaShape, out: list[Event]) -> None:
        """Events of one delta; of a mixed one reasoning first, then text, then calls (gateways.md 3A.25)."""
        self._thoughts(delta, out)
        content = delta.content
        if content:
            if isinstance(content, str):
                self._say("text", content, out)
            else:
                self._parts(content, out)
        if delta.annotations:
            at = self._block("text", out)
            out += [Annotated(at, bytes(note)) for note in delta.annotations]
        if delta.refusal:
            self._refused = True
            self._say("refusal", delta.refusal, out)
        if delta.tool_calls:
            for call in delta.tool_calls:
                self._call(call, out)
        if delta.function_call:
            self._piece(_LEGACY, CallShape(function=delta.function_call), out)
        audio = bytes_of(delta.audio)
        if audio:
            self._close_text(out)
            out += [BlockStart(self._next, Opaque("chat", "audio", audio)), BlockStop(self._next)]
            self._next += 1

    def close(self, out: list[Event]) -> None:
        """End every open block. A call that never got a name cannot be judged or run: UpstreamProtocol."""
        self._close_text(out)
        for call in self._order:
            if call.block is None:
                raise UpstreamProtocol("a tool call without a name")
            out.append(BlockStop(call.block))
        self._order = []
        self._calls = {}

    def finished(self, word: str, stop_reason: str | int | None) -> Finished:
        return finish_in(word, called=self._called, refused=self._refused, stop_reason=stop_reason)

    # --- frames ---------------------------------------------------------------------------------------------------

    @property
    def open_calls(self) -> int:
        return len(self._order)

    def call_block(self, number: int, delta: DeltaShape) -> int | None:
        """The block of the call that this number names, if the delta's only piece belongs to it."""
        call = self._calls.get(number)
        shape = delta.tool_calls[0] if delta.tool_calls else None
        if call is None or shape is None or (shape.id and shape.id != call.id):
            return None
        return call.block

    def reasoning_block(self) -> int | None:
        return self._open[1] if self._open and self._open[0] == "reasoning" else None

    def more(self, number: int, text: str) -> None:
        self.pieces += 1
        self._calls[number].pieces.append(text)

    # --- text -----------------------------------------------------------------------------------------------------

    def _block(self, kind: _Kind, out: list[Event]) -> int:
        if self._open and self._open[0] == kind:
            return self._open[1]
        self._close_text(out)
        at = self._next
        self._next += 1
        self._open = (kind, at)
        out.append(BlockStart(at, _EMPTY[kind]))
        return at

    def _say(self, kind: _Kind, text: str, out: list[Event]) -> None:
        out.append(Delta(self._block(kind, out), text))

    def _close_text(self, out: list[Event]) -> None:
        if self._open:
            out.append(BlockStop(self._open[1]))
            self._open = None

    def _parts(self, parts: list[ContentShape], out: list[Event]) -> None:
        for part in parts:
            thought = part.thinking
            if thought:
                text = thought if isinstance(thought, str) else "".join(piece.text or "" for piece in thought)
                if text:
                    self._say("reasoning", text, out)
            if part.text:
                self._say("text", part.text, out)

    def _thoughts(self, delta: DeltaShape, out: list[Event]) -> None:
        details = delta.reasoning_details or ()
        # Servers that send two of the names send the same text under both.
        text = delta.reasoning_content or delta.reasoning
        if not text and details:
            text = "".join(detail.text or detail.summary or "" for detail in details)
        if text:
            self._say("reasoning", text, out)
        for detail in details:
            if detail.signature or detail.data:
                out.append(Sealed(self._block("reasoning", out), detail.signature, detail.data))

    # --- tool calls -----------------------------------------------------------------------------------------------

    def _call(self, shape: CallShape, out: list[Event]) -> None:
        key = shape.index
        if key is None:
            key = self._unnumbered(shape)
        elif self._begins_anew(key, shape):
            self._calls.pop(key)
        self._piece(key, shape, out)

    def _unnumbered(self, shape: CallShape) -> int:
        """A piece without an index: one that names a tool begins a call, any other continues the last."""
        for key, call in self._calls.items():
            if shape.id and call.id == shape.id:
                return key
        function = shape.function or shape.custom
        if shape.id or (function and function.name):
            return max(self._calls, default=-1) + 1
        if not self._calls:
            raise UpstreamProtocol("a piece of a tool call that never began")
        return next(reversed(self._calls))

    def _begins_anew(self, key: int, shape: CallShape) -> bool:
        """Some servers send every complete call under index 0 (Gemini's compatible API): a named piece with another id
        behind arguments that are already complete is a call of its own."""
        call = self._calls.get(key)
        function = shape.function or shape.custom
        if call is None or not shape.id or shape.id == call.id or not (function and function.name):
            return False
        try:
            _json.decode("".join(call.pieces))
        except (*Bad, UnicodeEncodeError):
            return False
        return True

    def _piece(self, key: int, shape: CallShape, out: list[Event]) -> None:
        self.pieces += 1
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = _Call()
            self._order.append(call)
            self._called = True
        function = shape.function or shape.custom
        if shape.custom and not shape.function:
            call.kind = "custom"
        if shape.id and call.block is None:
            call.id = shape.id
        if function and function.name and call.block is None:
            call.name = function.name
        text = _arguments(function)
        if text:
            call.pieces.append(text)
        if call.block is not None:
            if text:
                out.append(Delta(call.block, text))
        elif call.name:
            self._begin(call, out)

    def _begin(self, call: _Call, out: list[Event]) -> None:
        self._close_text(out)
        call.block = self._next
        self._next += 1
        call.id = call.id or minted("call_", self._seed, call.block, call.name)
        out.append(BlockStart(call.block, ToolCall(call.id, call.name, "", call.kind)))
        if call.pieces:
            out.append(Delta(call.block, "".join(call.pieces)))


def _arguments(function: FunctionShape | None) -> str:
    if function is None:
        return ""
    raw = bytes_of(function.arguments)
    if raw is None:
        return function.input or ""
    return understood(_text, raw, "a tool call's arguments") if raw.startswith(b'"') else raw.decode()
