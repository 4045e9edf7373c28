import asyncio
import time

import pytest

from gateway.testing import loop as virtual
from gateway.testing.clock import START_S
from gateway.testing.loop import LoopClock, Stalled, VirtualLoop, run
from gateway.testing.pipes import Network


def test_hours_pass_at_once_and_in_order():
    seen = []

    async def sleeper(seconds):
        await asyncio.sleep(seconds)
        seen.append((seconds, asyncio.get_running_loop().time() - 1000))

    async def main():
        await asyncio.gather(*(sleeper(s) for s in (7200, 1, 3600, 1)))

    began = time.monotonic()
    run(main())
    assert seen == [(1, 1), (1, 1), (3600, 3600), (7200, 7200)]
    assert time.monotonic() - began < 5


def test_time_limits_are_virtual_too():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(600):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(1600)


def test_work_passes_no_time():
    async def main():
        for _ in range(1000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run(main()) == 1000


def test_threads_are_done_at_once():
    async def main():
        assert await asyncio.to_thread(lambda: 5) == 5
        with pytest.raises(KeyError):
            await asyncio.to_thread({}.__getitem__, "x")
        return asyncio.get_running_loop().time()

    assert run(main()) == 1000


def test_waiting_for_ever_is_an_error(monkeypatch):
    monkeypatch.setattr(virtual, "REAL_WAIT_S", 0.01)

    async def main():
        await asyncio.Event().wait()

    with pytest.raises(Stalled, match="nothing is planned"):
        run(main())


def test_spinning_for_ever_is_an_error(monkeypatch):
    monkeypatch.setattr(virtual, "TURNS_MAX", 100)

    async def main():
        for _ in range(200):
            await asyncio.sleep(0)

    with pytest.raises(Stalled, match="no time has passed"):
        run(main())


def test_the_clock_is_the_loops():
    async def main():
        clock = LoopClock()
        before = clock.now(), clock.monotonic()
        await clock.sleep(90)
        return before, (clock.now(), clock.monotonic())

    assert run(main()) == ((START_S + 1000, 1000), (START_S + 1090, 1090))


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data.upper())
        self.transport.close()


def test_connections_stay_in_memory():
    network = Network()
    network.listen("10.9.9.9", 80, Echo)

    async def main():
        reader, writer = await asyncio.open_connection("10.9.9.9", 80)
        writer.write(b"hello")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("10.9.9.9", 81)
        return answer

    assert run(main(), network=network) == b"HELLO"
    assert network.open_count == 0


def test_a_loop_of_its_own_needs_no_network():
    loop = VirtualLoop()
    assert loop.time() == 1000
    loop.close()
