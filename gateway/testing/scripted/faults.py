"""The ways in which an upstream can misbehave, by name, and in which dialects each makes sense.

The first part is the table of the client survey (codes as there); the second part is what the gateway must stand
besides. `kind` says where a fault acts: on the status line, on what is said, on its shape, or on the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.testing.scripted.turns import DIALECTS, Dialect

Kind = Literal["status", "says", "shape", "bytes"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail. `surveyed`: a row of the survey of real clients. `argument`: what the number after ':' means."""

    name: str
    kind: Kind
    about: str
    dialects: tuple[Dialect, ...] = DIALECTS
    surveyed: bool = True
    argument: str = ""
    default: float = 0.0

    @property
    def lasting(self) -> bool:
        """Whether it is how a server is, rather than an accident: then it strikes every answer unless told otherwise."""
        return self.kind == "shape" or self.name in _HABITS


_HABITS = frozenset({"no_done", "ignore_stream", "comments", "crlf", "no_space", "split_utf8", "drip", "coalesced"})

CHAT: tuple[Dialect, ...] = ("chat",)
CHAT_MESSAGES: tuple[Dialect, ...] = ("chat", "messages")

_ALL = (
    Fault("429ra", "status", "rate limit, with retry-after in seconds", argument="seconds", default=3),
    Fault("503", "status", "service unavailable"),
    Fault("529", "status", "overloaded"),
    Fault("500", "status", "internal error"),
    Fault("403", "status", "not permitted"),
    Fault("401", "status", "bad key"),
    Fault("400ctx", "status", "the prompt is longer than the context window"),
    Fault("midstream_error", "bytes", "an error event after some text, then the end of the body"),
    Fault("cut", "bytes", "the connection is dropped in mid-stream"),
    Fault("refusal", "says", "a refusal as plain text, normal stop"),
    Fault("refusal_field", "says", "a refusal in the vendor's refusal field"),
    Fault("content_filter", "says", "the vendor's filter ended the answer"),
    Fault("empty", "says", "an answer without content"),
    Fault("unknown_tool", "says", "a call of a tool that nobody offered"),
    Fault("garbage_args", "says", "a tool call whose arguments are not JSON"),
    Fault("hang", "bytes", "silence before the first event", argument="seconds", default=8),
    Fault("no_done", "bytes", "the terminal event is missing"),
    Fault("no_usage", "shape", "no usage at all"),
    Fault("usage_in_last", "shape", "usage only in the last chunk that carries a choice", CHAT_MESSAGES),
    Fault("no_role", "shape", "no role in the first delta", CHAT_MESSAGES),
    Fault("no_tool_id", "shape", "tool calls without an id"),
    Fault("stop_reason_wrong", "shape", "a plain stop although there are tool calls", CHAT_MESSAGES),
    Fault("comments", "bytes", "SSE comments between the events"),
    Fault("index_gap", "shape", "indexes of tool calls or blocks do not start at 0"),
    Fault("parallel", "says", "two tool calls in one answer, interleaved on chat"),
    Fault("one_shot_args", "shape", "all arguments in one piece"),
    Fault("reasoning", "says", "reasoning before the call"),
    Fault("null_content", "shape", "content: null in every delta", CHAT),
    Fault("ignore_stream", "bytes", "a JSON body although a stream was asked for"),
    Fault("no_id", "shape", "no response id"),
    Fault("crlf", "bytes", "CRLF line ends"),
    # Beyond the survey.
    Fault("429quota", "status", "the account is out of quota; must not be retried", surveyed=False),
    Fault("402", "status", "no balance", surveyed=False),
    Fault("404model", "status", "the model does not exist", surveyed=False),
    Fault("413", "status", "the request body is too large", surveyed=False),
    Fault("html502", "status", "an HTML page from a proxy on the way", surveyed=False),
    Fault("cut_unframed", "bytes", "the body ends in mid-stream, and nothing tells that from its end", surveyed=False),
    Fault("cut_early", "bytes", "the connection is dropped before the first event", surveyed=False),
    Fault("cut_after_call", "bytes", "the connection is dropped after the tool call, before the end", surveyed=False),
    Fault("stall", "bytes", "silence in mid-stream", surveyed=False, argument="seconds", default=3),
    Fault("slow_headers", "bytes", "silence before the status line", surveyed=False, argument="seconds", default=3),
    Fault("zero_start_usage", "shape", "message_start reports no input tokens", ("messages",), surveyed=False),
    Fault("mixed", "says", "thinking, text and two tool calls in one answer", surveyed=False),
    Fault("text_after_call", "says", "text after the tool call", surveyed=False),
    Fault("truncated_args", "says", "cut off by the token limit within the arguments", surveyed=False),
    Fault("split_utf8", "bytes", "wide characters, written in pieces of 1 to 7 bytes", surveyed=False),
    Fault("drip", "bytes", "one byte per write", surveyed=False),
    Fault("coalesced", "bytes", "the whole stream in one write", surveyed=False),
    Fault("no_space", "bytes", "no blank after 'data:'", surveyed=False),
    Fault("garbage_event", "bytes", "an event whose data is not JSON", surveyed=False),
    Fault("bad_utf8", "bytes", "an event with bytes that are not UTF-8", surveyed=False),
    Fault("unknown_event", "bytes", "an event of a type nobody knows", surveyed=False),
    Fault("big_args", "says", "large arguments", surveyed=False, argument="KiB", default=512),
    Fault("out_of_order", "shape", "reasoning item finished after the call", ("responses",), surveyed=False),
    Fault(
        "near_limit_usage", "shape", "usage near the context limit", surveyed=False, argument="tokens", default=127000
    ),
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in _ALL}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A fault with its number, as parsed from `name` or `name:number`. `name` is "" when nothing is wrong."""

    name: str = ""
    number: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.name)

    def is_(self, *names: str) -> bool:
        return self.name in names


def parse(text: str | None) -> Chosen:
    """Read `name` or `name:number`. Raises ValueError for a name that is not in `FAULTS` or a number that is none."""
    if not text:
        return Chosen()
    name, _, number = text.partition(":")
    fault = FAULTS.get(name)
    if fault is None:
        raise ValueError(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
    return Chosen(name, float(number) if number else fault.default)


def sensible(name: str, dialect: Dialect) -> bool:
    """Whether the fault means anything in this dialect."""
    return dialect in FAULTS[name.partition(":")[0]].dialects
