"""Usage to money. Integers of micro-dollars throughout; rounding happens once per part, half to even.

Prices: an operator's override for the endpoint, else the list price at the time of the call, else unknown (cost 0 and
`price_version` "none", which reports show as unpriced rather than free). An own box costs by the hour: the seconds a call
kept it busy; parallel calls share a box, so this is the fair upper bound and is marked "hour".
"""

from __future__ import annotations

import msgspec

from gateway.ir.usage import Usage
from gateway.ports import PriceBook, Rates


class Pricing(msgspec.Struct, frozen=True):
    """How one endpoint is priced. `rates` or `usd_per_hour` are the operator's; else `price_id`/`model` are looked up."""

    rates: Rates | None = None
    usd_per_hour: float | None = None
    price_id: str | None = None
    model: str = ""
    free: bool = False


class Cost(msgspec.Struct, frozen=True):
    """`parts` sum to `total` exactly. Keys: input, cached, cache_written, output, hour; only those that are not zero."""

    total_usd_micros: int
    parts: dict[str, int]
    version: str


NOTHING = Cost(0, {}, "none")


def cost_of(usage: Usage, pricing: Pricing, book: PriceBook, *, at_s: float, busy_s: float) -> Cost:
    """The cost of one hop that kept the endpoint busy for `busy_s` seconds."""
    if pricing.free:
        return Cost(0, {}, "free")
    if pricing.usd_per_hour is not None:
        micros = round(pricing.usd_per_hour * 1_000_000 * max(busy_s, 0.0) / 3600)
        return Cost(micros, {"hour": micros} if micros else {}, "operator")
    if pricing.rates is not None:
        return _by_tokens(usage, pricing.rates, "operator")
    if pricing.price_id is None:
        return NOTHING
    rates = book.rates(pricing.price_id, pricing.model, at_s, usage.input_tokens)
    return NOTHING if rates is None else _by_tokens(usage, rates, book.version)


def _by_tokens(usage: Usage, rates: Rates, version: str) -> Cost:
    """A cache rate that is not known falls back to the input rate: never to zero, never charged twice (litellm#14849)."""
    if not (usage.cached_tokens or usage.cache_written_tokens):
        parts = {"input": round(usage.input_tokens * rates.input), "output": round(usage.output_tokens * rates.output)}
        parts = {kind: micros for kind, micros in parts.items() if micros}
        return Cost(sum(parts.values()), parts, version)
    cached = rates.input if rates.cached is None else rates.cached
    written = rates.input if rates.cache_write is None else rates.cache_write
    written_1h = written if rates.cache_write_1h is None else rates.cache_write_1h
    long = min(usage.cache_written_1h_tokens, usage.cache_written_tokens)
    short = usage.cache_written_tokens - long
    # USD per million tokens times tokens is micro-dollars: no other factor is needed.
    parts = {
        "input": round(usage.fresh_tokens * rates.input),
        "cached": round(usage.cached_tokens * cached),
        "cache_written": round(short * written + long * written_1h),
        "output": round(usage.output_tokens * rates.output),
    }
    parts = {kind: micros for kind, micros in parts.items() if micros}
    return Cost(sum(parts.values()), parts, version)
