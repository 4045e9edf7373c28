"""`POST /v1/route` without a running gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.adapters.health import MemoryHealth
from gateway.adapters.keys import SqliteKeys
from gateway.adapters.onnx_classifier import LearnedClassifier
from gateway.adapters.prices import ListPrices
from gateway.adapters.state.memory import MemoryState
from gateway.adapters.system import SystemClock, SystemRandom
from gateway.adapters.tokens import TiktokenCounter
from gateway.adapters.upstream import LeanUpstream, SchemeUpstream
from gateway.app.runtimes import runtime_of
from gateway.config.load import Loaded
from gateway.dialects.contract import Dialect
from gateway.errors import Headers
from gateway.ir.exchange import LedgerRow, Seen
from gateway.pipeline.keeper import Keeper
from gateway.pipeline.runtime import Ports
from gateway.pipeline.serve import Pipeline, RawRequest
from gateway.ports import Caller
from gateway.routing.breaker import Rules


class NoLedger:
    """Nothing is called in a dry run, so nothing is booked."""

    def opened(self, request_id: str, look: Callable[[], LedgerRow], /) -> None: ...

    def record(self, row: LedgerRow) -> None:
        raise AssertionError("a dry run has no bill")

    def saw(self, outcome: Seen) -> None: ...

    async def flush(self) -> None: ...

    async def aclose(self) -> None: ...


async def dry_run(loaded: Loaded, body: bytes, dialect: Dialect, headers: Headers = ()) -> dict[str, Any]:
    """The answer of `POST /v1/route` without a running gateway: no memory of sessions, no breakers, nothing is opened."""
    runtime, _ = runtime_of(loaded, 1)
    clock = SystemClock()
    classifier = LearnedClassifier(clock)
    await asyncio.to_thread(classifier.load)
    ports = Ports(
        clock=clock,
        random=SystemRandom(),
        upstream=SchemeUpstream({}, LeanUpstream()),
        state=MemoryState(clock, 1 << 20),
        ledger=NoLedger(),
        keys=SqliteKeys(Path("unused"), clock),
        classifier=classifier,
        tokens=TiktokenCounter(),
        health=MemoryHealth(clock, Rules),
        prices=ListPrices(),
    )
    pipeline = Pipeline(ports, lambda: runtime, Keeper(clock, 10.0))
    raw = RawRequest("req_dry", next(iter(sorted(dialect.paths))), "", headers, body, Caller("anonymous"))
    return await pipeline.route(raw, dialect)
