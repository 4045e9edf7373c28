import asyncio

import pytest

from gateway.testing.clock import ManualClock


async def test_time_stands_still():
    clock = ManualClock(100.0)
    await asyncio.sleep(0.01)
    assert (clock.now(), clock.monotonic()) == (100.0, 1000.0)
    await clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (102.5, 1002.5)


async def test_sleepers_wake_in_order_each_at_its_time():
    clock, woken = ManualClock(), []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic() - 1000))

    tasks = [asyncio.ensure_future(sleeper(s)) for s in (3, 1, 2, 1)]
    await clock.advance(2)
    assert woken == [(1, 1), (1, 1), (2, 2)]
    await clock.advance(5)
    assert woken[-1] == (3, 3)
    await asyncio.gather(*tasks)


async def test_sleeping_again_while_time_passes():
    clock, ticks = ManualClock(), []

    async def ticker():
        while True:
            await clock.sleep(1)
            ticks.append(clock.monotonic())

    task = asyncio.ensure_future(ticker())
    await clock.advance(3.5)
    task.cancel()
    assert ticks == [1001, 1002, 1003]


async def test_nothing_or_less_is_no_sleep():
    clock = ManualClock()
    await clock.sleep(0)
    await clock.sleep(-1)


async def test_run_jumps_to_the_end():
    clock = ManualClock()

    async def work():
        await clock.sleep(600)
        await asyncio.to_thread(lambda: None)
        await clock.sleep(600)
        return "done"

    assert await clock.run(work()) == "done"
    assert clock.monotonic() == pytest.approx(2200, abs=2)


async def test_run_ends_what_never_ends():
    clock = ManualClock()
    with pytest.raises(TimeoutError, match="virtual"):
        await clock.run(asyncio.Event().wait(), limit_s=1)


async def test_cancelled_sleepers_are_forgotten():
    clock = ManualClock()
    task = asyncio.ensure_future(clock.sleep(5))
    await asyncio.sleep(0)
    assert clock.next_s == 5
    task.cancel()
    await asyncio.sleep(0)
    assert clock.next_s is None
    await clock.advance(10)
