from types import SimpleNamespace

from gateway.pipeline.keeper import Keeper
from gateway.testing.clock import ManualClock, settle


class Flight:
    def __init__(self):
        self.pings, self.last_write, self.quiet = 0, 0.0, True
        self.exchange = SimpleNamespace(request_id="r")

    async def ping(self):
        self.pings += 1


async def test_only_the_silent_are_kept_alive():
    clock = ManualClock()
    keeper = Keeper(clock, 10.0)
    silent, lively, busy = Flight(), Flight(), Flight()
    for flight in (silent, lively, busy):
        keeper.add(flight)
    await clock.advance(10)
    lively.last_write = clock.monotonic()
    busy.quiet = False
    keeper.tick()
    await settle()
    assert (silent.pings, lively.pings, busy.pings) == (1, 0, 0)
    assert not keeper._pings


async def test_who_is_done_is_left_alone():
    clock = ManualClock()
    keeper = Keeper(clock, 10.0)
    flight = Flight()
    keeper.add(flight)
    keeper.remove(flight)
    keeper.remove(flight)
    await clock.advance(100)
    keeper.tick()
    await settle()
    assert flight.pings == 0


async def test_a_client_that_is_gone_stops_nobody():
    clock = ManualClock()
    keeper = Keeper(clock, 10.0)
    gone, other = Flight(), Flight()

    async def broken():
        raise OSError("gone")

    gone.ping = broken
    keeper.add(gone)
    keeper.add(other)
    await clock.advance(11)
    keeper.tick()
    await settle()
    assert other.pings == 1
