"""Memory returns to its level: one gateway lives through rounds of misbehaviour, and what it holds afterwards is what it
remembers on purpose (sessions, stored responses), nothing else.

Tolerances, with their reasons: `GROWTH_BYTES` over the last two thirds of the rounds is for caches that fill slowly (interned
names, sqlite pages, regular expressions); a leak of one flight (about 10 KB with its request) per broken request would be
several times that. Objects of a request (`HELD`) may not outlive it at all.
"""

import asyncio
import gc
import tempfile
import tracemalloc
from dataclasses import replace
from pathlib import Path

from gateway.testing import loop as virtual
from gateway.testing.pipes import Network
from tests.faults import stage
from tests.faults.schedule import Schedule, make
from tests.faults.stage import Run

ROUNDS, WARM = 45, 15
GROWTH_BYTES = 600_000
HELD = ("Flight", "Transit", "Tally", "LeanReply", "AsgiSink", "Exchange", "RawRequest", "SseSplitter")


def rounds():
    """Asks of many schedules, numbered anew so that each is its own; bombs and floods stay: they are the point."""
    index = 0
    for seed in range(1000, 1000 + ROUNDS):
        asks = []
        for ask in make(seed).asks:
            asks.append(replace(ask, index=index))
            index += 1
        yield tuple(asks)


def held():
    """Living objects of a request, by the name of their class."""
    gc.collect()
    found = {}
    for thing in gc.get_objects():
        name = type(thing).__name__
        if name in HELD and type(thing).__module__.startswith("gateway."):
            found[name] = found.get(name, 0) + 1
    return found


def size(gateway):
    """Bytes that Python holds, less what the gateway remembers on purpose."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - gateway.ports.state._bytes


async def live(result, network, folder):
    sizes, left = [], []
    async with stage.opened(result, network, folder) as gateway:
        for number, asks in enumerate(rounds()):
            await stage.round_of(result, gateway, asks)
            left.append(held())
            result.told.clear()
            result.rows.clear()
            result.vendor.attempts.clear()
            if number >= WARM:
                sizes.append(size(gateway))
            await asyncio.sleep(60)
    return sizes, left


def test_memory_returns_to_its_level():
    result, network = Run(Schedule(1000, (), 0.05, 0.0)), Network()
    tracemalloc.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            sizes, left = virtual.run(live(result, network, Path(folder)), network=network)
    finally:
        tracemalloc.stop()
    assert not result.problems, result.problems
    assert not any(left), f"objects outlive their requests: {[found for found in left if found][:3]}"
    assert sizes[-1] - sizes[0] < GROWTH_BYTES, f"grew by {sizes[-1] - sizes[0]} bytes: {sizes}"
