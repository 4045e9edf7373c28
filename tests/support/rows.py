"""Ledger rows for tests: everything has a default, one hop carries the whole."""

import functools
from typing import Any

from gateway.ir.exchange import HopRow, LedgerRow
from gateway.ir.usage import Usage

AT_S = 1_770_000_000.0


def hop(*, model: str = "m", lane: str = "mid", cost: int = 0, usage: Usage | None = None, **more: Any) -> HopRow:
    given: dict[str, Any] = {
        "model": model,
        "provider": "p",
        "upstream_model": "u",
        "outcome": "ok",
        "status": 200,
        "error": None,
        "ttft_ms": 12.5,
        "total_ms": 100.0,
        "usage": usage or Usage(100, 10, 5, 2, 50, 7),
        "cost_usd_micros": cost,
        "cost_parts": {"input": cost} if cost else {},
        "price_version": "operator",
        "lane": lane,
    }
    return HopRow(**{**given, **more})


def row(
    request_id: str, *, cost: int = 0, baseline: int = 0, hops: tuple[HopRow, ...] | None = None, **more: Any
) -> LedgerRow:
    model, lane = more.get("model", "m"), more.get("lane", "mid")
    version, usage = more.get("price_version", "operator"), more.get("usage")
    if hops is None:
        hops = (hop(model=model, lane=lane, cost=cost, price_version=version, usage=usage),)
    given: dict[str, Any] = {
        "request_id": request_id,
        "at_s": AT_S,
        "key_id": "anonymous",
        "harness": "unknown",
        "session": "ses_1",
        "dialect": "chat",
        "model_asked": "auto",
        "model": model,
        "provider": "p",
        "lane": lane,
        "route": "default",
        "call": "main",
        "task": "question",
        "sticky": False,
        "stream": True,
        "outcome": "ok",
        "status": 200,
        "error": None,
        "finish": "stop",
        "usage": functools.reduce(Usage.plus, (h.usage for h in hops)) if hops else Usage(source="none"),
        "cost_usd_micros": sum(h.cost_usd_micros for h in hops),
        "cost_parts": {"input": cost} if cost else {},
        "baseline_usd_micros": baseline,
        "price_version": version,
        "ttft_ms": 12.5,
        "total_ms": 100.0,
        "gateway_ms": 1.0,
        "request_bytes": 10,
        "reply_bytes": 20,
        "hops": hops,
    }
    return LedgerRow(**{**given, **more})
