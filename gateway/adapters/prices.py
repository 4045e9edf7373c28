"""List prices from genai-prices (pinned in the lock, offline: its network refresh is never started).

Loading takes about a second of CPU, so it runs in a thread at start; until then every price is unknown, which the ledger
marks as such. Looking a price up costs up to a millisecond there, so answers are kept per model and hour (some vendors
price by the hour of the day).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.ports import Rates
from gateway.telemetry import LOG

CACHE_MAX = 512

_log = logging.getLogger(LOG)

_FIELDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")


@dataclass(frozen=True, slots=True)
class _Tiers:
    """(first input token count of the tier, rates), ascending; the first starts at 0. Crossing a tier re-prices the whole
    call, as vendors do."""

    steps: tuple[tuple[int, Rates], ...]

    def at(self, input_tokens: int) -> Rates:
        return next(rates for start, rates in reversed(self.steps) if input_tokens > start or start == 0)


class ListPrices:
    """Implements `ports.PriceBook`."""

    def __init__(self) -> None:
        self.version = "none"
        self.loading = False
        self._snapshot: Any = None
        self._known: OrderedDict[tuple[str, str, int], _Tiers | None] = OrderedDict()
        self._lock = threading.Lock()

    async def ready(self) -> None:
        """See `ports.PriceBook`; costs nothing once loaded."""
        while self.loading:  # noqa: ASYNC110 - the end is told by a thread, within a second of the start
            await asyncio.sleep(0.02)

    def load(self) -> None:
        """Blocking; call it in a thread."""
        try:
            from importlib.metadata import version

            from genai_prices import data_snapshot

            with self._lock:
                self._snapshot = data_snapshot.get_snapshot()
                self.version = f"genai-prices/{version('genai-prices')}"
        finally:
            self.loading = False

    def rates(self, price_id: str, model: str, at_s: float, input_tokens: int) -> Rates | None:
        if self._snapshot is None:
            return None
        key = (price_id, model, int(at_s // 3600))
        if key not in self._known:
            self._known[key] = self._look_up(price_id, model, at_s)
            if len(self._known) > CACHE_MAX:
                self._known.popitem(last=False)
        tiers = self._known[key]
        return None if tiers is None else tiers.at(input_tokens)

    def _look_up(self, price_id: str, model: str, at_s: float) -> _Tiers | None:
        try:
            _, found = self._snapshot.find_provider_model(model, None, price_id, None)
        except LookupError:
            _log.warning("no list price for %s/%s: its calls are booked as unpriced", price_id, model)
            return None
        price = found.get_prices(datetime.fromtimestamp(at_s, UTC))
        values = {field: getattr(price, field, None) for field in _FIELDS}
        if values["input_mtok"] is None or values["output_mtok"] is None:
            return None
        starts = sorted({0} | {tier.start for value in values.values() for tier in getattr(value, "tiers", ())})
        return _Tiers(tuple((start, _rates(values, start)) for start in starts))


def _rates(values: dict[str, Any], start: int) -> Rates:
    def at(field: str) -> float | None:
        value = values[field]
        if value is None:
            return None
        if not hasattr(value, "tiers"):
            return float(value)
        reached = [tier.price for tier in value.tiers if tier.start <= start]
        return float(reached[-1] if start and reached else value.base)

    return Rates(
        input=at("input_mtok") or 0.0,
        output=at("output_mtok") or 0.0,
        cached=at("cache_read_mtok"),
        cache_write=at("cache_write_mtok"),
        cache_write_1h=at("cache_write_1h_mtok"),
    )
