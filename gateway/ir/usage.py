"""Token usage with one definition for all providers.

`input_tokens` counts every token the model read, cached and newly cached ones included (OpenAI's and OpenTelemetry's
sense; Anthropic's `input_tokens` excludes them and is converted at its dialect). `output_tokens` includes reasoning.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

Source = Literal["reported", "estimated", "none"]


class Usage(msgspec.Struct, frozen=True):
    """Counts of tokens, all >= 0. cached + cache_written <= input; reasoning <= output. `cache_written_1h` is the part
    of `cache_written` with a long time to live (Anthropic 1 h, OpenAI 12 h), which some vendors charge higher."""

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_written_tokens: int = 0
    cache_written_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    source: Source = "reported"

    @property
    def fresh_tokens(self) -> int:
        """Input that was neither read from nor written to a cache; never negative."""
        return max(0, self.input_tokens - self.cached_tokens - self.cache_written_tokens)

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def plus(self, other: Usage) -> Usage:
        """Sum of two hops; estimated if either is."""
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cache_written_tokens + other.cache_written_tokens,
            self.cache_written_1h_tokens + other.cache_written_1h_tokens,
            self.output_tokens + other.output_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            "estimated" if "estimated" in (self.source, other.source) else self.source,
        )

    def merged(self, later: Usage) -> Usage:
        """A later report of the same call wins field by field where it says more (vendors' counts are cumulative)."""
        return replace(
            later,
            input_tokens=max(self.input_tokens, later.input_tokens),
            cached_tokens=max(self.cached_tokens, later.cached_tokens),
            cache_written_tokens=max(self.cache_written_tokens, later.cache_written_tokens),
            cache_written_1h_tokens=max(self.cache_written_1h_tokens, later.cache_written_1h_tokens),
            output_tokens=max(self.output_tokens, later.output_tokens),
            reasoning_tokens=max(self.reasoning_tokens, later.reasoning_tokens),
        )
