"""Chat replies of upstreams to neutral events: streams, and whole replies as one big chunk through the same machine.

Vendors differ widely, so this side is tolerant (protocols.md 1.1; clients.md section 4): ids may be missing, empty or
repeated, indices may be missing or start anywhere, usage may come in any chunk, errors come as objects inside a 200. What is
never tolerated is a tool call that cannot be put together: that is UpstreamProtocol, because a gate must see every call.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from gateway.dialects._chat_assemble import Assembler, DeltaShape
from gateway.dialects._chat_words import BROKEN_FINISH, usage_in
from gateway.dialects._shared import (
    RAW_NULL,
    Bad,
    bytes_of,
    error_of_failed,
    read_error_value,
    status_of_words,
    understood,
)
from gateway.dialects.contract import Glance
from gateway.errors import UpstreamProtocol
from gateway.ir.events import Event, Failed, Finished, Response, Started, UsageReport, fold
from gateway.ir.usage import Usage
from gateway.wire.frame import Frame, FrameKind, hole
from gateway.wire.sse import data_of


class _Choice(msgspec.Struct):
    index: int | None = None
    delta: DeltaShape | None = None
    message: DeltaShape | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None  # vLLM: the stop string that matched, or a token's number
    usage: msgspec.Raw = RAW_NULL  # Moonshot
    error: msgspec.Raw = RAW_NULL  # OpenRouter


class _Groq(msgspec.Struct):
    usage: msgspec.Raw = RAW_NULL
    error: msgspec.Raw = RAW_NULL


class _Chunk(msgspec.Struct):
    id: str | int | None = None
    model: str | None = None
    created: float | str | None = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = RAW_NULL
    error: msgspec.Raw = RAW_NULL
    x_groq: _Groq | None = None
    object: str | None = None
    message: msgspec.Raw = RAW_NULL
    detail: msgspec.Raw = RAW_NULL


_chunk: Final = msgspec.json.Decoder(_Chunk)
_any: Final = msgspec.json.Decoder()


def _decoded(data: bytes, what: str) -> _Chunk:
    if not data.isascii():
        # The decoder does not look into what it skips or hands out raw.
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise UpstreamProtocol(f"{what} is not valid UTF-8") from error
    return understood(_chunk, data, what)


class ChatDecoder:
    """See StreamDecoder. Finished is held until `[DONE]`, so that a usage chunk behind the finishing one comes before it;
    a chunk that brings both is final at once."""

    def __init__(self) -> None:
        self._assembler: Assembler | None = None
        self._started = False
        self._usage: Usage | None = None
        self._ending: tuple[str, str | int | None] | None = None
        self._sent_end = False
        self._done = False

    @property
    def finished(self) -> bool:
        return self._done

    @property
    def call_pieces(self) -> int:
        return self._assembler.pieces if self._assembler is not None else 0

    @property
    def calls_open(self) -> int:
        return self._assembler.open_calls if self._assembler is not None else 0

    def feed(self, event: bytes) -> list[Event]:
        data = data_of(event)
        if self._done or not data or data.isspace():
            return []
        if data.startswith(b"[DONE]"):
            return self._terminal()
        return self._chunk(_decoded(data, "a chunk of the stream"), data)

    def close(self) -> list[Event]:
        """The stream ended. A finish reason without `[DONE]` is a complete reply (clients tolerate it, vendors do it)."""
        if self._done:
            return []
        if self._ending is None:
            raise UpstreamProtocol("the stream was cut: it ended without a finish reason")
        return self._terminal()

    def whole(self, body: bytes) -> Response:
        """A whole reply, by way of the same events."""
        reply = _decoded(body, "the reply")
        for choice in reply.choices or ():
            for position, call in enumerate((choice.message and choice.message.tool_calls) or ()):
                call.index = position  # each is complete, whatever its id
        events = self._chunk(reply, body)
        if not reply.choices and not self._done:
            raise UpstreamProtocol("the reply holds no choices")
        if self._ending is None:
            self._ending = ("stop", None)
        if not self._done:
            events += self._terminal()
        folded = fold(events)
        if isinstance(folded, Failed):
            raise error_of_failed(folded)
        return folded

    # --- frames ---------------------------------------------------------------------------------------------------

    def frame(self, event: bytes) -> Frame | None:
        for key, kind in _HOLES:
            place = hole(event, key)
            if place is not None:
                before, after = event[: place[0]], event[place[1] :]
                return self._proven(before, after, kind)
        return None

    def _proven(self, before: bytes, after: bytes, kind: FrameKind) -> Frame | None:
        if kind == "text":
            return Frame(before, after, kind) if is_plain(before + after) else None
        try:
            chunk = _chunk.decode(data_of(before + _PROBE + after) or b"")
        except Bad:
            return None
        told = _only_delta(chunk)
        if told is None or self._assembler is None:
            return None
        if kind == "call":
            number = _only_arguments(told)
            index = None if number is None else self._assembler.call_block(number, told)
            return None if number is None or index is None else Frame(before, after, kind, index, number)
        index = self._assembler.reasoning_block()
        return None if index is None or not _only_reasoning(told) else Frame(before, after, kind, index)

    def more(self, frame: Frame, text: str) -> None:
        if frame.kind == "call" and self._assembler is not None:
            self._assembler.more(frame.key, text)

    # --- chunks ---------------------------------------------------------------------------------------------------

    def _chunk(self, chunk: _Chunk, data: bytes) -> list[Event]:
        failed = self._error(chunk, data)
        if failed:
            self._done = True
            return [failed]
        out: list[Event] = []
        if not self._started and (chunk.id or chunk.choices):
            # Azure begins with a chunk of filter results that has neither.
            self._started = True
            created_s = int(chunk.created) if isinstance(chunk.created, float) and 0 < chunk.created < 1e12 else None
            out.append(Started(str(chunk.id or ""), chunk.model or "", created_s))
        if self._assembler is None:
            self._assembler = Assembler(data)
        for choice in chunk.choices or ():
            self._choice(choice, out)
            if self._done:
                return out
        self._usages(chunk, out)
        if self._ending and not self._sent_end and out and isinstance(out[-1], UsageReport) and chunk.choices:
            self._end(out)
        return out

    def _choice(self, choice: _Choice, out: list[Event]) -> None:
        assert self._assembler is not None
        delta = choice.delta or choice.message
        if choice.index:
            # Only the first of several answers exists in the neutral form, but no tool call may slip past it.
            if delta and (delta.tool_calls or delta.function_call):
                raise UpstreamProtocol(f"a tool call in choice {choice.index}: only choice 0 may call tools")
            return
        if delta:
            if self._sent_end:
                if delta.tool_calls or delta.function_call:
                    raise UpstreamProtocol("a tool call after the end of the reply")
            else:
                self._assembler.delta(delta, out)
        if choice.finish_reason and self._ending is None:
            self._finish(choice, out)

    def _finish(self, choice: _Choice, out: list[Event]) -> None:
        assert self._assembler is not None
        word = choice.finish_reason or "stop"
        status = BROKEN_FINISH.get(word)
        if status is not None:
            out.append(Failed(f"the upstream broke off: finish_reason {word}", code=word, status=status))
            self._done = True
            return
        self._ending = (word, choice.stop_reason)
        self._assembler.close(out)

    def _usages(self, chunk: _Chunk, out: list[Event]) -> None:
        if chunk.usage is RAW_NULL and chunk.x_groq is None:
            for choice in chunk.choices or ():
                if choice.usage is not RAW_NULL:
                    break
            else:
                return  # as nearly every chunk: absent fields keep the default itself
        told = [chunk.usage, *(choice.usage for choice in chunk.choices or ())]
        if chunk.x_groq:
            told.append(chunk.x_groq.usage)
        for raw in told:
            usage = usage_in(raw) if bytes_of(raw) else None
            if usage and usage != self._usage:
                self._usage = usage
                out.append(UsageReport(usage))

    def _end(self, out: list[Event]) -> None:
        assert self._assembler is not None
        word, stop_reason = self._ending or ("stop", None)
        self._assembler.close(out)
        out.append(self._assembler.finished(word, stop_reason))
        self._sent_end = True

    def _terminal(self) -> list[Event]:
        if self._assembler is None or not self._started:
            raise UpstreamProtocol("the stream ended without a reply")
        self._done = True
        out: list[Event] = []
        if not self._sent_end:
            self._end(out)
        return out

    # --- errors ---------------------------------------------------------------------------------------------------

    def _error(self, chunk: _Chunk, data: bytes) -> Failed | None:
        if chunk.error is RAW_NULL and chunk.x_groq is None and chunk.object != "error" and chunk.choices:
            for choice in chunk.choices:
                if choice.error is not RAW_NULL:
                    break
            else:
                return None
        told = bytes_of(chunk.error)
        for choice in chunk.choices or ():
            told = told or bytes_of(choice.error)
        if chunk.x_groq:
            told = told or bytes_of(chunk.x_groq.error)
        if told and told not in (b"{}", b'""', b"false"):
            return _failed(b'{"error":' + told + b"}")
        # Older vLLM, and servers on FastAPI, send the error itself instead of an object around it.
        bare = not chunk.choices and (bytes_of(chunk.message) or bytes_of(chunk.detail))
        return _failed(data) if chunk.object == "error" or bare else None


class _TextMessage(msgspec.Struct, forbid_unknown_fields=True):
    content: str
    role: str = "assistant"
    refusal: None = None
    annotations: tuple[()] | None = None
    audio: None = None
    function_call: None = None
    tool_calls: tuple[()] | None = None
    reasoning: None = None
    reasoning_content: None = None


class _TextChoice(msgspec.Struct, forbid_unknown_fields=True):
    message: _TextMessage
    finish_reason: Literal["stop", "length"]
    index: Literal[0] = 0
    logprobs: None = None
    stop_reason: None = None
    token_ids: None = None


class _TextReply(msgspec.Struct):
    id: str
    choices: tuple[_TextChoice]
    usage: msgspec.Raw = RAW_NULL
    model: str = ""
    object: Literal["chat.completion"] = "chat.completion"
    error: None = None


_text_reply: Final = msgspec.json.Decoder(_TextReply)


def glance(body: bytes) -> Glance | None:
    """See Dialect.glance. Types say what may be there: a call in any spelling makes this fail and the reply is decoded."""
    try:
        if not body.isascii():
            body.decode()
        reply = _text_reply.decode(body)
    except Bad:
        return None
    choice = reply.choices[0]
    text = choice.message.content
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return Glance(usage_in(reply.usage), _ENDS[choice.finish_reason], size, reply.id, reply.model)


_ENDS: Final = {"stop": Finished("stop"), "length": Finished("length")}


def _failed(data: bytes) -> Failed:
    try:
        found = read_error_value(_any.decode(data))
    except Bad:
        found = None
    message, code, kind = found or ("the upstream reported an error", None, None)
    return Failed(message, kind or "api_error", code, status_of_words(kind, code, message))


# --- frames ------------------------------------------------------------------------------------------------------

_HOLES: Final[tuple[tuple[bytes, FrameKind], ...]] = (
    (b'"arguments":', "call"),
    (b'"reasoning_content":', "reasoning"),
    (b'"reasoning":', "reasoning"),
    (b'"content":', "text"),
)
_PROBE: Final = b"-probe-"
_PROBED: Final = _PROBE.decode()


def _only_delta(chunk: _Chunk) -> DeltaShape | None:
    """The delta of a chunk that holds one and nothing else that a decoder would look at."""
    if not chunk.choices or len(chunk.choices) != 1 or chunk.x_groq or chunk.object == "error":
        return None
    choice = chunk.choices[0]
    if choice.index or choice.message or choice.finish_reason:
        return None
    for raw in (chunk.usage, chunk.error, choice.usage, choice.error):
        if bytes_of(raw):
            return None
    delta = choice.delta
    if delta is None or delta.content or delta.refusal or delta.reasoning_details or delta.annotations:
        return None
    return None if delta.function_call or bytes_of(delta.audio) else delta


def _only_arguments(delta: DeltaShape) -> int | None:
    """The number of the call whose arguments go on here, if that is all."""
    calls = delta.tool_calls
    if not calls or len(calls) != 1 or delta.reasoning_content or delta.reasoning:
        return None
    call = calls[0]
    function = call.function
    if call.index is None or call.custom or function is None or function.name or function.input:
        return None
    return call.index if bytes_of(function.arguments) == b'"' + _PROBE + b'"' else None


def _only_reasoning(delta: DeltaShape) -> bool:
    """Under one name only: what stands twice in an event is no frame of one string."""
    told = [text for text in (delta.reasoning_content, delta.reasoning) if text]
    return not delta.tool_calls and told == [_PROBED]


# --- the cheap test ----------------------------------------------------------------------------------------------

# A list of what may be there, not of what may not: text can hold any word, and a key can be spelt with escapes, but an
# event that matches this grammar as a whole holds nothing except text. Possessive quantifiers keep a mismatch linear.
_SCALAR: Final = rb'(?:"[^"\\\r\n]*+"|-?[0-9][0-9.]*+|null|true|false)'
_ITEM: Final = rb'"(?!err|usage)[a-z_]++": ?' + _SCALAR + rb'|"usage": ?null'
_STRING: Final = rb'"[^"\\\r\n]*+(?:\\[^u\r\n][^"\\\r\n]*+)*+"'
_DELTA_ITEM: Final = rb'"content": ?' + _STRING + rb'|"role": ?"assistant"|"[a-z_]++": ?null'
_DELTA: Final = rb"\{(?:(?:" + _DELTA_ITEM + rb"),? ?)*+\}"
_CHOICE_ITEM: Final = rb'"delta": ?' + _DELTA + rb'|"index": ?[0-9]++|"[a-z_]++": ?null'
_CHOICE: Final = rb"\{(?:(?:" + _CHOICE_ITEM + rb"),? ?)*+\}"
_PLAIN: Final = re.compile(
    rb"data: ?\{(?:(?:" + _ITEM + rb'|"choices": ?\[' + _CHOICE + rb"\]),? ?)*+\}\r?\n\r?\n|(?::[^\r\n]*+\r?\n)++\r?\n"
)


def is_plain(event: bytes) -> bool:
    """See Dialect.is_plain. Unusual white space, log probabilities or unknown objects are decoded instead, which costs some
    microseconds and changes nothing."""
    return _PLAIN.fullmatch(event) is not None
