"""Pool bookkeeping that needs no socket; the rest is in tests/integration/upstream."""

import asyncio
from typing import Any

import pytest

from gateway.adapters.upstream import pool as pool_module
from gateway.adapters.upstream.connection import Connection
from gateway.adapters.upstream.messages import parse_origin
from gateway.adapters.upstream.pool import OriginPool, PoolLimits
from gateway.errors import UpstreamConnect, UpstreamTimeout
from gateway.ports import Timeouts

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Wire:
    def __init__(self) -> None:
        self.aborted = False

    def write(self, data: bytes) -> None: ...

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> Any:
        return None


class Dialled(OriginPool):
    """A pool whose connections are made of nothing."""

    error: Exception | None = None
    dials = 0

    async def _dial(self, connection: Connection) -> None:
        self.dials += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        connection.connection_made(Wire())  # type: ignore[arg-type]


def make(**limits: Any) -> Dialled:
    loop = asyncio.get_running_loop()
    return Dialled("http://h", parse_origin("http://h"), None, PoolLimits(**limits), loop)


def exchange(connection: Connection) -> None:
    connection.start(b"", b"", Timeouts())
    connection.data_received(OK)


async def test_the_newest_idle_connection_is_used_first_and_old_ones_expire() -> None:
    pool = make(keep_s=0.05)
    first, second = await pool.open(1), await pool.open(1)
    exchange(first)
    exchange(second)
    assert (pool.open_count, pool.idle_count) == (2, 2)
    assert pool.reuse() is second
    await asyncio.sleep(0.15)
    assert (pool.open_count, pool.idle_count) == (1, 0)
    second.abort()
    assert pool.open_count == 0


async def test_a_connection_that_died_idle_is_not_handed_out() -> None:
    pool = make()
    connection = await pool.open(1)
    exchange(connection)
    connection.connection_lost(None)
    assert pool.reuse() is None
    assert (pool.open_count, pool.idle_count) == (0, 0)
    pool.close()


async def test_waiters_are_served_in_turn() -> None:
    pool = make(connections_max=1)
    held = await pool.open(1)
    held.start(b"", b"", Timeouts())
    order: list[int] = []

    async def use(number: int) -> None:
        connection = await pool.open(5)
        order.append(number)
        connection.start(b"", b"", Timeouts())
        await asyncio.sleep(0)
        connection.data_received(OK)

    tasks = [asyncio.get_running_loop().create_task(use(number)) for number in range(4)]
    await asyncio.sleep(0)
    held.data_received(OK)
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3]
    assert pool.dials == 1
    pool.close()
    assert pool.open_count == 0


async def test_leave_passes_on_when_the_one_who_got_it_is_cancelled() -> None:
    pool = make(connections_max=1)
    held = await pool.open(1)
    first, second = (asyncio.get_running_loop().create_task(pool.open(5)) for _ in range(2))
    await asyncio.sleep(0)
    held.abort()
    first.cancel()
    connection = await asyncio.wait_for(second, 1)
    assert connection.usable
    with pytest.raises(asyncio.CancelledError):
        await first
    pool.close()


async def test_a_handed_over_connection_passes_on_too() -> None:
    pool = make(connections_max=1)
    held = await pool.open(1)
    held.start(b"", b"", Timeouts())
    first, second = (asyncio.get_running_loop().create_task(pool.open(5)) for _ in range(2))
    await asyncio.sleep(0)
    held.data_received(OK)
    first.cancel()
    assert await asyncio.wait_for(second, 1) is held
    with pytest.raises(asyncio.CancelledError):
        await first
    pool.close()


async def test_waiting_ends_at_the_connect_limit_and_leaves_nothing() -> None:
    pool = make(connections_max=1)
    await pool.open(1)
    with pytest.raises(UpstreamTimeout):
        await pool.open(0.01)
    assert not pool._waiters
    pool.close()


async def test_failed_dials_free_their_place() -> None:
    pool = make(connections_max=1)
    pool.error = ConnectionRefusedError()
    for _ in range(3):
        with pytest.raises(UpstreamConnect, match="refused") as caught:
            await pool.open(1)
        assert caught.value.origin == "http://h"
    assert pool.open_count == 0


async def test_address_literals_need_no_resolver() -> None:
    for origin, family in (("http://127.0.0.1:1", 4), ("http://[::1]:1", 6)):
        found = pool_module._literal(parse_origin(origin))
        assert len(found) == 1
        assert len(found[0][4]) == (2 if family == 4 else 4)
    assert pool_module._literal(parse_origin("http://localhost:1")) == []
