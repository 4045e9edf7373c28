"""What the models of a runtime cost, in the form in which routing weighs it."""

from __future__ import annotations

from gateway.accounting.cost import Pricing
from gateway.pipeline.runtime import Runtime
from gateway.ports import PriceBook, Rates
from gateway.routing.costs import Tariff
from gateway.routing.moves import Prices


def prices(runtime: Runtime, book: PriceBook, at_s: float, context_tokens: int) -> Prices:
    """Looked up when asked, which is once or twice per decision and never on a turn in mid-task: a dict lookup each."""

    def tariff(model: str) -> Tariff | None:
        endpoint, pricing = runtime.endpoints.get(model), runtime.pricing.get(model)
        if endpoint is None or pricing is None:
            return None
        return _tariff(pricing, book, at_s, context_tokens, endpoint.prefill_tokens_s)

    return tariff


def _tariff(pricing: Pricing, book: PriceBook, at_s: float, context_tokens: int, prefill: float) -> Tariff | None:
    if pricing.free:
        return Tariff(prefill_tokens_s=prefill)
    if pricing.usd_per_hour is not None:
        return Tariff(usd_per_hour=pricing.usd_per_hour, prefill_tokens_s=prefill)
    rates = pricing.rates
    if rates is None and pricing.price_id is not None:
        rates = book.rates(pricing.price_id, pricing.model, at_s, context_tokens)
    return None if rates is None else _by_tokens(rates, prefill)


def _by_tokens(rates: Rates, prefill: float) -> Tariff:
    """A cache rate that is not known falls back to the input rate, as in the bill."""
    cached = rates.input if rates.cached is None else rates.cached
    written = rates.input if rates.cache_write is None else rates.cache_write
    return Tariff(rates.input, cached, written, rates.output, prefill_tokens_s=prefill)
