"""A model reply without a dialect, as a stream of events and as a whole; both directions share these values.

Grammar of a stream: Started, then blocks, then Finished (with usage before or after it), or Failed at any point.
Each block is BlockStart, deltas, BlockStop, named by `index`. Blocks may be open at the same time (chat interleaves
parallel tool calls; Responses items may end out of order): encoders that allow one open block buffer the others and
replay them in order. Indices rise by one from 0 in order of first appearance. A decoder always closes what it opened
before Finished. `fold` makes a whole reply of a stream; `unfold` a stream of a whole reply.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall, ToolKind
from gateway.ir.usage import Usage

FinishReason = Literal[
    "stop",  # natural end
    "length",  # token limit
    "stop_sequence",
    "tool_calls",
    "content_filter",
    "refusal",
    "pause",  # Anthropic pause_turn
    "context_window",  # Anthropic model_context_window_exceeded
]

ReplyPart = Text | Reasoning | ToolCall | Refusal | Opaque


class Started(msgspec.Struct, frozen=True):
    """`usage` when the vendor tells input counts at the start (Messages)."""

    id: str
    model: str
    created_s: int | None = None
    usage: Usage | None = None


class BlockStart(msgspec.Struct, frozen=True):
    """`block` says the kind and carries what is known at the start: ToolCall(id, name, "" arguments), Text(""),
    Reasoning(), Refusal(""), or a complete Opaque."""

    index: int
    block: ReplyPart


class Delta(msgspec.Struct, frozen=True):
    """More text of the block: plain text, thinking text, refusal text, or a piece of tool arguments. `summary` marks a
    piece of a reasoning summary (part number in `part`) instead of open reasoning text."""

    index: int
    text: str
    summary: bool = False
    part: int = 0


class Sealed(msgspec.Struct, frozen=True):
    """Signature or encrypted content of a reasoning block, known at its end."""

    index: int
    signature: str | None = None
    encrypted: str | None = None


class Annotated(msgspec.Struct, frozen=True):
    """A citation on a text block, raw JSON of `dialect`'s own shape."""

    index: int
    raw: bytes


class BlockStop(msgspec.Struct, frozen=True):
    index: int


class UsageReport(msgspec.Struct, frozen=True):
    """Cumulative so far: overwrite, never add."""

    usage: Usage


class Finished(msgspec.Struct, frozen=True):
    """`stop_sequence` is the one that matched, if told; `detail` the vendor's refusal category or similar."""

    reason: FinishReason
    stop_sequence: str | None = None
    detail: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """An error event inside the stream. `code` and `kind` are the vendor's words, `status` the HTTP status that the same
    error would have had (529 for overloaded)."""

    message: str
    kind: str = "api_error"
    code: str | None = None
    status: int = 500


Event = Started | BlockStart | Delta | Sealed | Annotated | BlockStop | UsageReport | Finished | Failed


STOPPED = Finished("stop")


@dataclass(frozen=True, slots=True)
class Response:
    """A whole reply."""

    id: str
    model: str
    parts: tuple[ReplyPart, ...]
    finish: Finished = STOPPED
    usage: Usage | None = None
    created_s: int | None = None


@dataclass(slots=True)
class _Open:
    block: ReplyPart
    text: list[str] = field(default_factory=list)
    summary: dict[int, list[str]] = field(default_factory=dict)
    sealed: Sealed | None = None
    annotations: list[bytes] = field(default_factory=list)


def fold(events: Iterable[Event]) -> Response | Failed:
    """The whole reply that a stream amounts to; `Failed` if it failed. Parts are in order of index."""
    started = Started("", "")
    usage: Usage | None = None
    finish = Finished("stop")
    blocks: dict[int, _Open] = {}
    for event in events:
        match event:
            case Started():
                started = event
                usage = event.usage or usage
            case BlockStart(index, block):
                blocks[index] = _Open(block)
            case Delta(index, text, True, part):
                blocks[index].summary.setdefault(part, []).append(text)
            case Delta(index, text):
                blocks[index].text.append(text)
            case Sealed(index):
                blocks[index].sealed = event
            case Annotated(index, raw):
                blocks[index].annotations.append(raw)
            case UsageReport(later):
                usage = usage.merged(later) if usage else later
            case Finished():
                finish = event
            case Failed():
                return event
            case BlockStop():
                pass
    parts = tuple(_close(blocks[i]) for i in sorted(blocks))
    return Response(started.id, started.model, parts, finish, usage, started.created_s)


def _close(open_: _Open) -> ReplyPart:
    text = "".join(open_.text)
    block = open_.block
    match block:
        case Text():
            notes = b"[" + b",".join(open_.annotations) + b"]" if open_.annotations else block.annotations
            return replace(block, text=block.text + text, annotations=notes)
        case Refusal():
            return Refusal(block.text + text)
        case ToolCall():
            return replace(block, arguments=block.arguments + text)
        case Reasoning():
            summary = tuple("".join(open_.summary[i]) for i in sorted(open_.summary)) or block.summary
            sealed = open_.sealed
            return replace(
                block,
                text=block.text + text,
                summary=summary,
                signature=(sealed.signature if sealed else None) or block.signature,
                encrypted=(sealed.encrypted if sealed else None) or block.encrypted,
            )
        case Opaque():
            return block


def unfold(response: Response) -> list[Event]:
    """A stream that folds back into `response`."""
    out: list[Event] = [Started(response.id, response.model, response.created_s, response.usage)]
    for index, part in enumerate(response.parts):
        out += _unfold_part(index, part)
    if response.usage:
        out.append(UsageReport(response.usage))
    out.append(response.finish)
    return out


def _unfold_part(index: int, part: ReplyPart) -> list[Event]:
    events: list[Event]
    match part:
        case Text(text):
            events = [BlockStart(index, replace(part, text="")), Delta(index, text)]
        case Refusal(text):
            events = [BlockStart(index, Refusal("")), Delta(index, text)]
        case ToolCall():
            events = [BlockStart(index, replace(part, arguments="")), Delta(index, part.arguments)]
        case Reasoning():
            bare = replace(
                part, text="", summary=(), signature=None, encrypted=part.encrypted if part.redacted else None
            )
            events = [BlockStart(index, bare)]
            events += [Delta(index, text, True, n) for n, text in enumerate(part.summary)]
            if part.text:
                events.append(Delta(index, part.text))
            if part.signature or (part.encrypted and not part.redacted):
                events.append(Sealed(index, part.signature, None if part.redacted else part.encrypted))
        case Opaque():
            events = [BlockStart(index, part)]
    return [*events, BlockStop(index)]


__all__ = [
    "Annotated",
    "BlockStart",
    "BlockStop",
    "Delta",
    "Event",
    "Failed",
    "FinishReason",
    "Finished",
    "ReplyPart",
    "Response",
    "Sealed",
    "Started",
    "ToolKind",
    "UsageReport",
    "fold",
    "unfold",
]
