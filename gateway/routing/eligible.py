"""Who may serve a request, and why not. Pure."""

from __future__ import annotations

from collections.abc import Callable

from gateway.endpoints import Endpoint
from gateway.ir.exchange import Candidate, Exchange
from gateway.routing.table import LEAK_TAG, RouteTable

Status = Callable[[str], tuple[bool, str]]
"""Endpoint name to (may be called now, why not)."""

Budget = Callable[[str], str]
"""Endpoint name to why the caller's money does not reach for it; "" if it does."""


def reaches(_: str) -> str:
    return ""


OUTPUT_RESERVE_TOKENS = 1024
"""Window that must remain for an answer when the client set no maximum."""


def well(_: str) -> tuple[bool, str]:
    return True, ""


def _private(exchange: Exchange, table: RouteTable, name: str) -> str:
    """The tag that keeps the session from this model; "" if none does."""
    tags = (*exchange.tags, *exchange.session.private)
    return next((tag for tag in tags if name not in table.private.get(tag, (name,))), "")


def judge(
    exchange: Exchange, table: RouteTable, endpoint: Endpoint, status: Status, budget: Budget = reaches
) -> Candidate:
    identity, name = exchange.identity, endpoint.name
    if (exchange.tags or exchange.session.private) and (tag := _private(exchange, table, name)):
        if tag.startswith(LEAK_TAG):
            return Candidate(name, False, "privacy: the session holds what must stay on own servers (redact: local)")
        return Candidate(name, False, f"privacy: the session is tagged {tag}, and this model may not see such")
    if identity.allowed_models and name not in identity.allowed_models:
        return Candidate(name, False, "key: model not allowed")
    if identity.allowed_lanes and endpoint.lane not in identity.allowed_lanes:
        return Candidate(name, False, f"key: lane {endpoint.lane} not allowed")
    if exchange.has_images and not endpoint.images:
        return Candidate(name, False, "capability: takes no images")
    if exchange.view.tools and not endpoint.tools:
        return Candidate(name, False, "capability: calls no tools")
    window, reserve = endpoint.context_tokens, OUTPUT_RESERVE_TOKENS
    if window and exchange.context_tokens + reserve > window:  # only then the exact need matters
        need = exchange.context_tokens + min(exchange.view.max_output_tokens or reserve, reserve)
        if need > window:
            return Candidate(name, False, f"window: needs about {need} tokens, holds {window}")
    if short := budget(name):
        return Candidate(name, False, f"budget: {short}")
    up, why = status(name)
    return Candidate(name, up, why or "eligible") if up else Candidate(name, False, f"health: {why}")
