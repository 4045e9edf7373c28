import asyncio
import select

import pytest

from gateway.testing.loop import run
from gateway.testing.pipes import WINDOW_BYTES, Network, pair


class End(asyncio.Protocol):
    """Notes what happens to it."""

    def __init__(self, keep_open=False):
        self.seen, self.keep_open, self.paused = [], keep_open, False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.seen.append(data)

    def eof_received(self):
        self.seen.append("eof")
        return self.keep_open

    def connection_lost(self, exc):
        self.seen.append(type(exc).__name__ if exc else "closed")

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False


def played(work, **ends):
    """Runs `work(here, there)` on a pair, lets all come to rest, and gives the two ends."""

    async def main():
        here, there = End(**ends), End(**ends)
        pair(asyncio.get_running_loop(), here, there)
        await work(here, there)
        await asyncio.sleep(1)
        return here, there

    return run(main())


def test_one_read_for_each_write():
    async def work(here, there):
        here.transport.write(b"one")
        here.transport.writelines([b"two", b"three"])
        here.transport.write(b"")

    _, there = played(work)
    assert there.seen == [b"one", b"twothree"]


def test_a_close_comes_after_the_last_byte():
    async def work(here, there):
        here.transport.write(b"last")
        here.transport.close()
        here.transport.write(b"too late")
        assert here.transport.is_closing()

    here, there = played(work)
    assert there.seen == [b"last", "eof", "closed"]
    assert here.seen == ["closed"]


def test_half_a_close_leaves_the_other_half():
    async def work(here, there):
        here.transport.write_eof()
        await asyncio.sleep(0.1)
        there.transport.write(b"still here")
        await asyncio.sleep(0.1)
        there.transport.close()

    here, there = played(work, keep_open=True)
    assert there.seen == ["eof", "closed"]
    assert here.seen == [b"still here", "eof"]


def test_a_reset_destroys_what_was_not_read():
    async def work(here, there):
        there.transport.pause_reading()
        here.transport.write(b"lost")
        await asyncio.sleep(0.1)
        here.transport.abort()

    here, there = played(work)
    assert there.seen == ["ConnectionResetError"]
    assert here.seen == ["closed"]


def test_writing_to_one_that_has_gone_is_answered_by_a_reset():
    async def work(here, there):
        there.transport.close()
        await asyncio.sleep(0.1)
        here.transport.write(b"anybody?")

    here, _ = played(work, keep_open=True)
    assert here.seen == ["eof", "ConnectionResetError"]


def test_a_reader_that_pauses_makes_the_writer_wait():
    async def work(here, there):
        there.transport.pause_reading()
        here.transport.write(b"x" * WINDOW_BYTES)
        assert not here.paused
        assert here.transport.get_write_buffer_size() == 0
        here.transport.write(b"x" * (WINDOW_BYTES + 1))
        assert here.paused
        assert not there.transport.is_reading()
        there.transport.resume_reading()
        await asyncio.sleep(0.1)
        assert not here.paused

    _, there = played(work)
    assert sum(map(len, there.seen)) == 2 * WINDOW_BYTES + 1


def readable(transport):
    poll = select.poll()
    poll.register(transport.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def test_the_descriptor_tells_what_waits():
    async def work(here, there):
        there.transport.pause_reading()
        assert not readable(there.transport)
        here.transport.write(b"x")
        assert readable(there.transport)
        here.transport.abort()
        await asyncio.sleep(0.1)
        assert there.transport.fileno() == -1

    played(work)


def test_a_network_refuses_and_lets_wait():
    async def rule(host, port):
        if port == 2:
            raise ConnectionRefusedError(111, "Connection refused")
        await asyncio.sleep(30)

    network = Network(rule)
    network.listen("10.1.1.1", 1, End)
    network.listen("10.1.1.1", 2, End)

    async def main():
        with pytest.raises(ConnectionRefusedError):
            await network.dial("10.1.1.1", 2)
        began = asyncio.get_running_loop().time()
        accept = await network.dial("10.1.1.1", 1)
        here = End()
        transport = network.connect(asyncio.get_running_loop(), here, accept)
        assert network.open_count == 1
        transport.abort()
        await asyncio.sleep(0.1)
        assert network.open_count == 0
        return asyncio.get_running_loop().time() - began

    assert run(main()) == pytest.approx(30.1)
