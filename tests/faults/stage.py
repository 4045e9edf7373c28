"""Runs a schedule: the whole gateway as `gateway.app` composes it (its SQLite ledger included), its own lean HTTP client (and,
in half of the schedules, its HTTP server) over connections in memory, a misbehaving upstream, clients with habits, all on virtual time."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import hashlib
import logging
import random
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from uvicorn.server import ServerState

from gateway.app import Gateway
from gateway.cli import serve
from gateway.config.load import Loaded
from gateway.ir.exchange import LedgerRow
from gateway.testing import loop as virtual
from gateway.testing.asgi import AsgiClient
from gateway.testing.chance import SeededRandom
from gateway.testing.pipes import Network
from tests.faults import checks
from tests.faults.caller import Caller
from tests.faults.client import Patient, Told
from tests.faults.schedule import DIALECTS, LIMIT_S, POLICY, Ask, Schedule, config
from tests.faults.vendor import Vendor
from tests.support.gateways import loaded

HOSTS = {f"{dialect}{n}": f"10.0.{at}.{n}" for at, dialect in enumerate(DIALECTS) for n in (1, 2)}
OWN_HOST = "10.9.9.9"
QUIET_S = 1.0
"""Virtual seconds after the last client has gone in which everything must have come to rest (relay.DRAIN_S is 0.25)."""

Spoil = Callable[[Gateway], Any]
"""Damages a composed gateway, to see whether the suite notices."""


@dataclass
class Run:
    """What happened. `problems`: broken promises."""

    schedule: Schedule
    told: list[Told] = field(default_factory=list)
    rows: list[LedgerRow] = field(default_factory=list)
    vendor: Vendor | None = None
    dials: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    took_s: float = 0.0

    def digest(self) -> str:
        """Equal for equal runs: of everything that clients and bill saw, but for what the clock of the wall decides."""
        said = [(t.ask.index, t.status, t.data, t.over, t.cut, round(t.ended_s, 3)) for t in self.told]
        bill = [(r.outcome, r.status, r.usage, r.error, len(r.hops)) for r in self.rows]
        return hashlib.sha256(repr((said, bill, self.dials)).encode()).hexdigest()


@cache
def _loaded() -> Loaded:
    return loaded(config({name: f"http://{host}:80" for name, host in HOSTS.items()}, policies=[str(_policy())]))


@cache
def _policy() -> Path:
    """The file of the schedules' policy, once per process."""
    folder = tempfile.TemporaryDirectory(prefix="faults-policy-")
    atexit.register(folder.cleanup)
    file = Path(folder.name) / "faults.yaml"
    file.write_text(POLICY)
    return file


def run(schedule: Schedule, spoil: Spoil | None = None) -> Run:
    """Plays the schedule to its end and checks all promises."""
    result = Run(schedule)
    rng = random.Random(f"{schedule.seed}/dials")

    async def rule(host: str, port: int) -> None:
        if host == OWN_HOST:
            return
        chance = rng.random()
        word = "refused" if chance < schedule.refused else "mute" if chance < schedule.refused + schedule.mute else "ok"
        result.dials.append(word)
        if word == "refused":
            raise ConnectionRefusedError(111, "Connection refused")
        if word == "mute":
            await asyncio.sleep(5000)

    network = Network(rule, window_bytes=schedule.window_bytes)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, _quiet_logs() as said:
        try:
            virtual.run(_play(result, network, Path(folder), spoil), network=network)
        except virtual.Stalled as error:
            result.problems.append(f"stalled: {error}")
        result.problems += checks.of_file(result, Path(folder) / "ledger.sqlite")
        result.problems += checks.of_audit(result, Path(folder) / "audit.jsonl")
    result.problems += [f"logged: {line}" for line in said]
    if network.open_count:
        result.problems.append(f"{network.open_count} connections are open after the gateway has stopped")
    return result


async def _play(result: Run, network: Network, folder: Path, spoil: Spoil | None) -> None:
    async with opened(result, network, folder, spoil) as gateway:
        _serve(gateway, network)
        await round_of(result, gateway, result.schedule.asks)


def _serve(gateway: Gateway, network: Network) -> None:
    """The HTTP server of `interlock serve`, over connections in memory."""
    configured = serve.server(gateway, gateway.runtime.settings).config
    configured.load()
    state = ServerState()
    network.listen(
        OWN_HOST, 80, lambda: configured.http_protocol_class(config=configured, server_state=state, app_state={})
    )


@contextlib.asynccontextmanager
async def opened(result: Run, network: Network, folder: Path, spoil: Spoil | None = None) -> AsyncIterator[Gateway]:
    """A gateway and its upstreams for the schedule of `result`, whose rows are collected there."""
    schedule = result.schedule
    vendor = result.vendor = Vendor(str(schedule.seed), calm=schedule.calm, only=schedule.only)
    for host in HOSTS.values():
        network.listen(host, 80, vendor.protocol)

    async def again() -> Loaded:
        return _loaded()

    clock, chance = virtual.LoopClock(), SeededRandom(schedule.seed)
    gateway = Gateway(_loaded(), again, folder, local=True, clock=clock, random=chance)
    await gateway.start()
    await gateway.ports.prices.ready()
    observe = gateway.stats.observe

    def seen(row: LedgerRow) -> None:
        result.rows.append(row)
        observe(row)

    gateway.ports.ledger._observe = seen  # type: ignore[attr-defined]
    if spoil is not None:
        spoil(gateway)
    try:
        yield gateway
    finally:
        await gateway.stop()
        await asyncio.sleep(QUIET_S)
        if vendor.lines:
            result.problems.append(f"{len(vendor.lines)} upstream connections live on after the gateway has stopped")


async def round_of(result: Run, gateway: Gateway, schedule: tuple[Ask, ...]) -> None:
    """Plays these asks side by side, waits until all is quiet, and checks what must hold then."""
    client = AsgiClient(gateway.front, give_up_s=3 * LIMIT_S)
    assert result.vendor is not None
    before = asyncio.all_tasks()
    began = asyncio.get_running_loop().time()
    served = result.schedule.served
    callers = [Caller(ask, OWN_HOST, 80) if served else Patient(client, ask) for ask in schedule]
    asks = [asyncio.ensure_future(caller.run()) for caller in callers]
    done, hanging = await asyncio.wait(asks, timeout=3 * LIMIT_S)
    for task in hanging:
        task.cancel()
        result.problems.append("a request never ended")
    for task in done:
        if (error := task.exception()) is not None:
            result.problems.append(f"a client failed: {error!r}")
        else:
            result.told.append(task.result())
    result.told.sort(key=lambda told: told.ask.index)
    await asyncio.sleep(QUIET_S)
    result.took_s = asyncio.get_running_loop().time() - began
    result.problems += checks.of_run(result)
    result.problems += checks.leftovers(gateway, before | result.vendor.lines)


@contextlib.contextmanager
def _quiet_logs() -> Iterator[list[str]]:
    """Errors that were logged: the gateway names its own faults there, asyncio those of lost tasks and callbacks."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told = self.format(record)
            lines.append(told[:2000])

    handler = Keep(logging.ERROR)
    names = [logging.getLogger(name) for name in ("gateway", "interlock", "asyncio")]
    before = [(log, log.propagate) for log in names]
    for log in names:
        log.addHandler(handler)
        log.propagate = False
    try:
        yield lines
        gc.collect(0)  # tasks whose errors nobody took complain when they go
    finally:
        for log, propagate in before:
            log.removeHandler(handler)
            log.propagate = propagate
