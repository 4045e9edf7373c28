"""What one hop delivered, counted while it streams.

A tally sees either neutral events (translation, and every interesting event of a pass-through) or only the size of plain
text events that were forwarded undecoded. From the vendor's own usage report, or failing that from what was delivered,
it answers for the bill. Bounded: reasoning beyond a limit is counted, not kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from gateway.dialects.contract import Glance
from gateway.ir.events import BlockStart, Delta, Event, Failed, Finished, Sealed, Started, UsageReport
from gateway.ir.request import Reasoning, ToolCall
from gateway.ir.usage import Usage

KEEP_REASONING_CHARS = 4 << 20
"""Thinking text kept for the reasoning ledger: the largest `session.reasoning_bytes_max`. A turn with more is not kept at
all, since a part of a sealed block must never be restored."""

BYTES_PER_TOKEN = 4
"""Where nobody counted: protocols.md 5.1 measured +22 % on code, -6 % on JSON for this guess."""


@dataclass(slots=True)
class _Thinking:
    block: Reasoning
    text: list[str] = field(default_factory=list)
    summary: dict[int, list[str]] = field(default_factory=dict)
    signature: str | None = None
    encrypted: str | None = None

    def close(self) -> Reasoning:
        parts = tuple("".join(self.summary[n]) for n in sorted(self.summary))
        return Reasoning(
            text=self.block.text + "".join(self.text),
            summary=parts or self.block.summary,
            signature=self.signature or self.block.signature,
            encrypted=self.encrypted or self.block.encrypted,
            redacted=self.block.redacted,
            id=self.block.id,
        )


class Tally(msgspec.Struct):
    """Mutable while the hop runs; read at its end."""

    usage: Usage | None = None
    finish: Finished | None = None
    failed: Failed | None = None
    reply_id: str = ""
    reply_model: str = ""
    text_bytes: int = 0
    tool_calls: dict[int, ToolCall] = {}
    _thinking: dict[int, _Thinking] = {}
    _kept: int = 0

    def feed(self, event: Event) -> None:
        if type(event) is Delta:  # asked first, and by type: a class pattern costs four look-ups
            self.text_bytes += size_of(event.text)
            if self._thinking and (open_ := self._thinking.get(event.index)) is not None:
                self._thought(open_, event)
            return
        match event:
            case BlockStart(index, ToolCall() as call):
                self.tool_calls[index] = call
                self.text_bytes += size_of(call.name) + size_of(call.arguments)
            case BlockStart(index, Reasoning() as block):
                self._thinking[index] = _Thinking(block)
                self.text_bytes += size_of(block.text)
            case Sealed(index, signature, encrypted):
                if (open_ := self._thinking.get(index)) is not None:
                    open_.signature, open_.encrypted = signature, encrypted
            case UsageReport(usage):
                self.usage = self.usage.merged(usage) if self.usage else usage
            case Started():
                self.reply_id, self.reply_model = event.id, event.model
                if event.usage is not None:
                    self.usage = event.usage
            case Finished():
                self.finish = event
            case Failed():
                self.failed = event
            case _:
                pass

    def _thought(self, open_: _Thinking, said: Delta) -> None:
        if self._kept < KEEP_REASONING_CHARS:
            self._kept += len(said.text)
            (open_.summary.setdefault(said.part, []) if said.summary else open_.text).append(said.text)

    def glanced(self, seen: Glance) -> None:
        """A whole reply that is one text, forwarded undecoded."""
        self.usage, self.finish = seen.usage, seen.finish
        self.reply_id, self.reply_model = seen.id, seen.model
        self.text_bytes += seen.text_bytes

    def plain(self, text_bytes: int) -> None:
        """A text event was forwarded undecoded; `text_bytes` is the size of its text."""
        self.text_bytes += text_bytes

    def reasoning(self) -> tuple[Reasoning, ...]:
        """The blocks of the turn in order; none when they were too long to be kept."""
        if self._kept >= KEEP_REASONING_CHARS:
            return ()
        return tuple(self._thinking[i].close() for i in sorted(self._thinking))

    @property
    def thought(self) -> bool:
        """There was reasoning."""
        return bool(self._thinking)

    def tool_call_ids(self) -> tuple[str, ...]:
        return tuple(self.tool_calls[i].id for i in sorted(self.tool_calls))

    def nothing(self) -> Usage:
        """Nothing was delivered and nothing reported: nothing is billed."""
        return Usage(source="none")

    def billed(self, input_estimate: int, *, complete: bool) -> Usage:
        """Usage for the bill. A complete reply's report is taken as it is. A cut one keeps the vendor's input counts and
        takes the larger of the vendor's running output count and an estimate of the text that was delivered."""
        delivered = -(-self.text_bytes // BYTES_PER_TOKEN)
        if self.usage is None:
            return Usage(input_tokens=input_estimate, output_tokens=delivered, source="estimated")
        if complete or self.usage.output_tokens >= delivered:
            return self.usage
        reported = self.usage
        return Usage(
            input_tokens=reported.input_tokens,
            cached_tokens=reported.cached_tokens,
            cache_written_tokens=reported.cache_written_tokens,
            cache_written_1h_tokens=reported.cache_written_1h_tokens,
            output_tokens=delivered,
            reasoning_tokens=min(reported.reasoning_tokens, delivered),
            source="estimated",
        )


def size_of(text: str) -> int:
    """Bytes in UTF-8, as in events that were forwarded undecoded."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
