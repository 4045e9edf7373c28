"""What turns and moves of a session cost, in micro-dollars, before they are made. Pure; estimates, never the bill.

A turn reads the history (warm: at the cache rate) and what is new, and writes an answer. The first turn on another model
reads the whole history cold: at the input rate, or where the vendor charges for writing its cache (Anthropic: 1.25 times) at
that. What that costs more than a warm read is the price of the move. An own box is priced by the hour it is kept busy.
"""

from __future__ import annotations

from typing import Final

import msgspec

NEW_TOKENS: Final = 1500
OUTPUT_TOKENS: Final = 600
"""Of a typical turn. 100 recorded coding sessions (routing.md section 2): a median of 22.5 turns, 32 k tokens written to the
cache and 615 k read from it."""

DECODE_TOKENS_S: Final = 30.0
"""What an own box writes per second; only its busy time is priced by it."""

_HOUR_S: Final = 3600.0


class Tariff(msgspec.Struct, frozen=True):
    """Micro-dollars per token (which is USD per million). `cached` and `written` as of the cache. With `usd_per_hour` those
    are not used. `prefill_tokens_s` 0: nobody waits."""

    input: float = 0.0
    cached: float = 0.0
    written: float = 0.0
    output: float = 0.0
    usd_per_hour: float = 0.0
    prefill_tokens_s: float = 0.0

    def cold(self, tokens: int) -> float:
        """Reading so many tokens that are in no cache."""
        if self.usd_per_hour:
            return self._busy(self.wait_s(tokens))
        return tokens * max(self.input, self.written)

    def warm(self, tokens: int) -> float:
        """Reading so many tokens from the cache."""
        return 0.0 if self.usd_per_hour else tokens * self.cached

    def wait_s(self, tokens: int) -> float:
        """Seconds until so many tokens are read cold."""
        return tokens / self.prefill_tokens_s if self.prefill_tokens_s else 0.0

    def turn(self, context_tokens: int) -> float:
        """One more turn of a session that is warm here."""
        if self.usd_per_hour:
            return self._busy(self.wait_s(NEW_TOKENS) + OUTPUT_TOKENS / DECODE_TOKENS_S)
        return self.warm(context_tokens) + self.cold(NEW_TOKENS) + OUTPUT_TOKENS * self.output

    def _busy(self, seconds: float) -> float:
        return self.usd_per_hour * 1_000_000 * seconds / _HOUR_S


def loss(tariff: Tariff, cold_tokens: int) -> float:
    """What a cold cache costs more than a warm one; never negative."""
    return max(0.0, tariff.cold(cold_tokens) - tariff.warm(cold_tokens))


def rest(tariff: Tariff, context_tokens: int, turns: int) -> float:
    """So many further turns on a model that is warm by then."""
    return turns * tariff.turn(context_tokens)
