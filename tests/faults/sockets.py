"""The same schedules over the machine's own sockets and clock: a served gateway (uvicorn, httptools), one of its two HTTP
clients, the misbehaving upstream on a loopback port, and clients that write and read HTTP by hand.

All silences are `SCALE` times as long as on virtual time. What only exists here: descriptors, kernel buffers, resets.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.ports import Upstream
from tests.faults import checks
from tests.faults.caller import Caller
from tests.faults.checks import Limits
from tests.faults.client import now
from tests.faults.schedule import DIALECTS, TIMEOUTS, Ask, Schedule, config
from tests.faults.stage import Run
from tests.faults.vendor import Vendor
from tests.support.gateways import serving, staged

SCALE = 0.05
SLACK = 2.0
"""The gateway's limits are longer by this than the scale says: a busy machine is slower than virtual time."""
LIMITS = Limits(request_s=60.0, cancel_s=1.5, drain_s=1.5, exact=False, kernel_bytes=16 << 20)
"""A busy machine again: the 100 ms are held to on virtual time."""


async def play(schedule: Schedule, folder: Path, upstream: Upstream | None) -> Run:
    """`upstream` None: the gateway's own choice, which is the lean client."""
    result = Run(replace(schedule, asks=tuple(_scaled(ask) for ask in schedule.asks)))
    vendor = result.vendor = Vendor(str(schedule.seed), scale=SCALE)
    server = await asyncio.get_running_loop().create_server(vendor.protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    origins = {f"{dialect}{n}": f"http://127.0.0.1:{port}" for dialect in DIALECTS for n in (1, 2)}
    if schedule.refused > 0.2:
        origins["chat1"] = "http://127.0.0.1:1"  # nobody listens there
    timeouts = {name: seconds * SCALE * SLACK for name, seconds in TIMEOUTS.items()} | {"connect_s": 3.0}
    settings = config(origins, timeouts, retry={"max_wait_s": 1.0})
    settings["server"]["body_timeout_s"] = 30 * SCALE
    async with staged(folder, settings, upstream=upstream or "real") as stage, serving(stage.gateway) as at:
        told = await asyncio.gather(*(Caller(ask, "127.0.0.1", at, unit=SCALE).run() for ask in result.schedule.asks))
        await _rest(stage, vendor)
        result.told, result.rows = list(told), stage.rows
        result.problems += checks.of_run(result, LIMITS)
        result.problems += _left(stage.gateway)
        await stage.gateway.ports.ledger.flush()
        result.problems += checks.of_file(result, folder / "ledger.sqlite")
    server.close()
    await server.wait_closed()
    await _until(lambda: not vendor.lines)
    if vendor.lines:
        result.problems.append(f"{len(vendor.lines)} upstream connections live on after the gateway has stopped")
    return result


def _scaled(ask: Ask) -> Ask:
    pieces = ask.habit in ("leaves after pieces", "stops reading, then leaves")
    return replace(ask, at_s=ask.at_s * SCALE, number=ask.number if pieces else ask.number * SCALE)


async def _rest(stage: Any, vendor: Vendor) -> None:
    """Waits until nobody is busy any more; what never comes to rest is found by the checks."""
    await _until(lambda: not stage.gateway.front.in_flight and all(a.ended_s is not None for a in vendor.attempts))
    await asyncio.sleep(0.05)


async def _until(what: Any, limit_s: float = 5.0) -> None:
    end = now() + limit_s
    while not what() and now() < end:  # noqa: ASYNC110 - what others count has no event
        await asyncio.sleep(0.01)


def _left(gateway: Any) -> list[str]:
    front = gateway.front
    problems = [f"{front.in_flight} requests in flight"] if front.in_flight or front._tasks else []
    if front.pipeline.keeper._flights or front.pipeline.keeper._pings:
        problems.append("the keeper holds flights that have ended")
    usual = gateway.ports.upstream._usual
    counts = [(client.open_count, client.idle_count) for client in getattr(usual, "_clients", {}).values()]
    problems += [f"{all_} upstream connections are open, {idle} of them idle" for all_, idle in counts if all_ != idle]
    session = getattr(usual, "_session", None)
    if session is not None and session.connector._acquired:
        problems.append(f"aiohttp still uses {len(session.connector._acquired)} connections")
    return problems


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def problems_of(runs: list[Run]) -> Iterator[str]:
    for run in runs:
        for problem in run.problems:
            yield f"seed {run.schedule.seed}: {problem}"
