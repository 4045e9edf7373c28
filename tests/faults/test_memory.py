"""Memory returns to its level: one gateway lives through rounds of misbehaviour, and what it holds afterwards is what it
remembers on purpose (sessions, stored responses), nothing else.

Tolerances, with their reasons, for the last 30 of the 45 rounds (about 100 requests): `BLOCKS` of Python's own allocator are for
caches that fill slowly (interned names, regular expressions, sessions remembered on purpose: about 15 blocks each); a leak of
one flight per broken request would be some ten thousand. `RSS_BYTES` is for large buffers, which that allocator does not count:
one event of 16 MiB that stays behind shows. Objects of a request (`HELD`) may not outlive it at all.
"""

import asyncio
import gc
import resource
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from gateway.testing import loop as virtual
from gateway.testing.pipes import Network
from tests.faults import stage
from tests.faults.schedule import Schedule, make
from tests.faults.stage import Run

ROUNDS, LOOK_EVERY = 45, 15
BLOCKS, RSS_BYTES = 8_000, 12 << 20
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


def living():
    """Objects of requests that are alive, whoever holds them."""
    gc.collect()
    return [t for t in gc.get_objects() if type(t).__name__ in HELD and type(t).__module__.startswith("gateway.")]


def held(earlier):
    """Those that are not among `earlier`, by the name of their class. Other tests in this process may hold some for good, as
    parameters or failed cases; they stay alive in `earlier`, so that nothing new gets their identity."""
    known = {id(thing) for thing in earlier}
    return dict(Counter(type(thing).__name__ for thing in living() if id(thing) not in known))


def size():
    """(blocks of Python's allocator, resident bytes)."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return sys.getallocatedblocks(), pages * resource.getpagesize()


async def live(result, network, folder, earlier):
    sizes, left = [], []
    async with stage.opened(result, network, folder) as gateway:
        for number, asks in enumerate(rounds()):
            await stage.round_of(result, gateway, asks)
            result.told.clear()
            result.rows.clear()
            result.vendor.attempts.clear()
            await asyncio.sleep(60)
            if number % LOOK_EVERY == LOOK_EVERY - 1:
                left.append(held(earlier))
                sizes.append(size())
    return sizes, left


def test_memory_returns_to_its_level():
    result, network, earlier = Run(Schedule(1000, (), 0.05, 0.0)), Network(), living()
    with tempfile.TemporaryDirectory() as folder:
        sizes, left = virtual.run(live(result, network, Path(folder), earlier), network=network)
    assert not result.problems, result.problems
    assert not any(left), f"objects outlive their requests: {left}"
    (blocks, resident), *_, (blocks_after, resident_after) = sizes
    assert blocks_after - blocks < BLOCKS, sizes
    assert resident_after - resident < RSS_BYTES, sizes


def test_a_leak_would_show():
    kept, earlier = [], living()

    def spoil(gateway):
        record = gateway.ports.ledger.record
        gateway.ports.ledger.record = lambda row: (record(row), kept.append(sys._getframe(1).f_locals["flight"]))

    stage.run(make(1000), spoil)
    assert held(earlier)["Flight"] == len(kept) > 0
    kept.clear()
    assert "Flight" not in held(earlier)
