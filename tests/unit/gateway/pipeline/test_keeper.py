"""One ticker for all silent streams."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from gateway.pipeline.flight import Flight
from gateway.pipeline.keeper import Keeper
from gateway.testing.clock import ManualClock, settle
from tests.unit.gateway.pipeline.made import HeardSink, flight, heard


class Silent:
    """What a keeper asks of a flight."""

    def __init__(self) -> None:
        self.pings, self.last_write, self.quiet = 0, 0.0, True
        self.exchange = SimpleNamespace(request_id="r")

    async def ping(self) -> None:
        self.pings += 1


async def test_only_the_silent_are_kept_alive() -> None:
    clock = ManualClock()
    keeper = Keeper(clock, 10.0)
    silent, lively, busy = Silent(), Silent(), Silent()
    for one in (silent, lively, busy):
        keeper.add(one)  # type: ignore[arg-type]
    await clock.advance(10)
    lively.last_write = clock.monotonic()
    busy.quiet = False
    keeper.tick()
    await settle()
    assert (silent.pings, lively.pings, busy.pings) == (1, 0, 0)
    assert not keeper._pings


async def test_who_is_done_is_left_alone() -> None:
    clock = ManualClock()
    keeper = Keeper(clock, 10.0)
    done = Silent()
    keeper.add(done)  # type: ignore[arg-type]
    for _ in range(2):
        keeper.remove(done)  # type: ignore[arg-type]
    await clock.advance(100)
    keeper.tick()
    await settle()
    assert done.pings == 0


# --- with real flights ---


class Gone(HeardSink):
    async def write(self, data: bytes) -> None:
        raise ConnectionResetError


def on(clock: ManualClock, sink: HeardSink | None = None) -> Flight:
    made = flight({"stream": True})
    made.clock, made.keepalive = clock, True
    made.sink = sink or made.sink
    return made


async def test_silence_is_broken_as_often_as_said_and_no_more() -> None:
    clock = ManualClock()
    keeper, made = Keeper(clock, 10.0), on(clock)
    running = asyncio.get_running_loop().create_task(keeper.run())
    keeper.add(made)
    await clock.advance(9.0)
    assert heard(made).data == b""
    await clock.advance(22.0)
    assert heard(made).data == made.dialect.keepalive * 3
    keeper.remove(made)
    await clock.advance(60.0)
    assert heard(made).data == made.dialect.keepalive * 3
    running.cancel()


async def test_a_stream_that_speaks_needs_none() -> None:
    clock = ManualClock()
    keeper, made = Keeper(clock, 10.0), on(clock)
    running = asyncio.get_running_loop().create_task(keeper.run())
    keeper.add(made)
    for _ in range(5):
        await clock.advance(8.0)
        await made.write(b"x")
    assert heard(made).data == b"xxxxx"
    running.cancel()


async def test_a_client_that_is_gone_stops_nobody_else() -> None:
    clock = ManualClock()
    keeper, gone, made = Keeper(clock, 4.0), on(clock, Gone()), on(clock)
    running = asyncio.get_running_loop().create_task(keeper.run())
    keeper.add(gone)
    keeper.add(made)
    await clock.advance(9.0)
    assert heard(made).data == made.dialect.keepalive * 2
    assert not running.done()
    running.cancel()
