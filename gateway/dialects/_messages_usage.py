"""Token counts between Anthropic's sense and ours.

Anthropic's `input_tokens` excludes what was read from or written to the cache; ours includes it (gateway.ir.usage). Counts
in a stream are cumulative totals that overwrite earlier ones (anthropic 2.11 `MessageDeltaUsage`): adding them is the
classic double count (envoyproxy/ai-gateway#2236, litellm#14849).
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.ir.usage import Usage


class Creation(msgspec.Struct):
    ephemeral_1h_input_tokens: int | None = None


class Details(msgspec.Struct):
    thinking_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """`usage` of a message or a message_delta; every field may be missing or null at some vendor."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation: Creation | None = None
    output_tokens_details: Details | None = None


class Meter:
    """The counts of one reply as the vendor told them so far."""

    __slots__ = ("_creation_1h", "_fresh", "_output", "_read", "_thinking", "_written", "told")

    def __init__(self) -> None:
        self.told = False
        self._fresh = self._read = self._written = self._creation_1h = self._output = self._thinking = 0

    def add(self, wire: WireUsage | None) -> None:
        """Overwrite with what this report says. A bare zero never wipes out an earlier count: some vendors fill fields that
        they do not know with 0 in the closing report."""
        if wire is None:
            return
        self.told = True
        cached = (wire.cache_read_input_tokens or 0) + (wire.cache_creation_input_tokens or 0)
        if wire.input_tokens is not None and (wire.input_tokens > 0 or cached > 0):
            self._fresh = max(0, wire.input_tokens)
        self._read = max(0, wire.cache_read_input_tokens or 0) or self._read
        self._written = max(0, wire.cache_creation_input_tokens or 0) or self._written
        self._output = max(self._output, wire.output_tokens or 0)
        if wire.cache_creation is not None:
            self._creation_1h = max(0, wire.cache_creation.ephemeral_1h_input_tokens or 0) or self._creation_1h
        if wire.output_tokens_details is not None:
            self._thinking = max(0, wire.output_tokens_details.thinking_tokens or 0) or self._thinking

    def usage(self) -> Usage:
        return Usage(
            input_tokens=self._fresh + self._read + self._written,
            cached_tokens=self._read,
            cache_written_tokens=self._written,
            cache_written_1h_tokens=min(self._creation_1h, self._written),
            output_tokens=self._output,
            reasoning_tokens=min(self._thinking, self._output),
        )


def wire_usage(usage: Usage, *, start: bool) -> dict[str, Any]:
    """Counts in Anthropic's sense; the split by time to live is told only in a start or a whole reply."""
    out: dict[str, Any] = {
        "input_tokens": usage.fresh_tokens,
        "cache_creation_input_tokens": usage.cache_written_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
    }
    if start and usage.cache_written_tokens:
        long = min(usage.cache_written_1h_tokens, usage.cache_written_tokens)
        out["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_written_tokens - long,
            "ephemeral_1h_input_tokens": long,
        }
    out["output_tokens"] = usage.output_tokens
    if usage.reasoning_tokens:
        out["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return out
