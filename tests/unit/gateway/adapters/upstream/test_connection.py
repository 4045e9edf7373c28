"""One connection, no socket: what arrives, what the reader sees, what becomes of the connection."""

import asyncio
from typing import Any

import pytest

from gateway.adapters.upstream.connection import HIGH_WATER_BYTES, Connection, LeanReply, Stale, timed_out
from gateway.errors import UpstreamProtocol, UpstreamTimeout
from gateway.ports import Timeouts

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Wire:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.unsent_bytes = 0
        self.aborted = False
        self.reading = True
        self.told: list[str] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def writelines(self, parts: Any) -> None:
        self.written += parts

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def released(self, connection: Connection) -> None:
        self.told.append("released")

    def lost(self, connection: Connection) -> None:
        self.told.append("lost")


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def connection(wire: Wire) -> Connection:
    connection = Connection(wire, asyncio.get_running_loop())
    connection.connection_made(wire)  # type: ignore[arg-type]
    return connection


def start(connection: Connection, **limits: float) -> LeanReply:
    return connection.start(b"head", b"body", Timeouts(**limits))


async def test_a_whole_answer_in_one_read(wire: Wire, connection: Connection) -> None:
    assert connection.usable
    reply = start(connection)
    assert not connection.usable
    connection.data_received(OK)
    assert wire.told == ["released"]
    await reply.head()
    assert (reply.status, reply.headers, await reply.read(10)) == (200, ((b"content-length", b"2"),), b"ok")
    assert wire.written == [b"headbody"]
    await reply.aclose()
    assert not wire.aborted
    assert connection.usable


async def test_the_last_answer_may_be_read_after_the_next_request_began(connection: Connection) -> None:
    first = start(connection)
    connection.data_received(OK)
    second = start(connection)
    connection.data_received(OK.replace(b"ok", b"no"))
    assert (await first.read(10), await second.read(10)) == (b"ok", b"no")


async def test_chunks_of_one_read_are_one_piece(connection: Connection) -> None:
    reply = start(connection)
    connection.data_received(CHUNKED + b"1\r\na\r\n1\r\nb\r\n")
    connection.data_received(b"1\r\nc\r\n")
    iterator = aiter(reply.chunks())
    assert await anext(iterator) == b"abc"
    connection.data_received(b"1\r\nd\r\n0\r\n\r\n")
    assert [piece async for piece in iterator] == [b"d"]


async def test_a_poured_body_arrives_without_a_task(connection: Connection) -> None:
    reply = start(connection)
    connection.data_received(CHUNKED + b"1\r\na\r\n")
    got: list[bytes] = []

    def take(data: bytes) -> bool:
        got.append(data)
        return True

    pouring = asyncio.ensure_future(reply.pour(take))
    await asyncio.sleep(0)
    assert got == [b"a"]
    connection.data_received(b"1\r\nb\r\n1\r\nc\r\n")
    assert got == [b"a", b"bc"]
    connection.data_received(b"1\r\nd\r\n0\r\n\r\n")
    assert await pouring
    assert got == [b"a", b"bc", b"d"]


async def test_pouring_stops_when_told_and_goes_on(connection: Connection) -> None:
    reply = start(connection)
    connection.data_received(CHUNKED)
    got: list[bytes] = []

    def one(data: bytes) -> bool:
        got.append(data)
        return False

    pouring = asyncio.ensure_future(reply.pour(one))
    await asyncio.sleep(0)
    connection.data_received(b"1\r\na\r\n")
    connection.data_received(b"1\r\nb\r\n")
    assert got == [b"a"]
    assert not await pouring
    assert not await reply.pour(one)
    assert got == [b"a", b"b"]
    connection.data_received(b"0\r\n\r\n")
    assert await reply.pour(one)


async def test_what_the_taker_raises_ends_the_pouring_not_the_connection(connection: Connection) -> None:
    reply = start(connection)
    connection.data_received(CHUNKED)

    def broken(data: bytes) -> bool:
        raise KeyError(data)

    pouring = asyncio.ensure_future(reply.pour(broken))
    await asyncio.sleep(0)
    connection.data_received(b"1\r\na\r\n")
    with pytest.raises(KeyError):
        await pouring
    connection.data_received(b"1\r\nb\r\n0\r\n\r\n")
    assert await reply.read(10) == b"b"


async def test_a_cancelled_pouring_gets_nothing_more(connection: Connection) -> None:
    reply = start(connection)
    connection.data_received(CHUNKED)
    got: list[bytes] = []

    def take(data: bytes) -> bool:
        got.append(data)
        return True

    pouring = asyncio.ensure_future(reply.pour(take))
    await asyncio.sleep(0)
    pouring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pouring
    connection.data_received(b"1\r\na\r\n")
    assert got == []


async def test_a_poured_body_that_is_cut_is_an_error_after_its_bytes(connection: Connection) -> None:
    reply = start(connection)
    connection.data_received(CHUNKED)
    got: list[bytes] = []
    pouring = asyncio.ensure_future(reply.pour(lambda data: not got.append(data)))
    await asyncio.sleep(0)
    connection.data_received(b"1\r\na\r\n")
    connection.eof_received()
    with pytest.raises(UpstreamProtocol):
        await pouring
    assert got == [b"a"]


async def test_a_poured_body_never_waits_at_the_mark(wire: Wire, connection: Connection) -> None:
    reply = start(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    pouring = asyncio.ensure_future(reply.pour(lambda data: True))
    await asyncio.sleep(0)
    for _ in range(20):
        connection.data_received(b"x" * 65_536)
        assert wire.reading
    connection.eof_received()
    assert await pouring


async def test_a_large_body_is_not_copied_behind_the_head(wire: Wire, connection: Connection) -> None:
    body = b"x" * 100_000
    connection.start(b"head", body, Timeouts())
    assert wire.written[0] == b"head"
    assert wire.written[1] is body
    connection.abort()


async def test_reading_stops_at_the_high_water_mark(wire: Wire, connection: Connection) -> None:
    reply = start(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    piece = b"x" * 65_536
    fed = 0
    while wire.reading:
        connection.data_received(piece)
        fed += len(piece)
    assert fed <= HIGH_WATER_BYTES + len(piece)
    assert len(await anext(aiter(reply.chunks()))) == fed
    assert wire.reading
    connection.eof_received()
    assert await reply.read(10) == b""


async def test_bytes_while_idle_end_the_connection(wire: Wire, connection: Connection) -> None:
    connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert wire.aborted
    assert wire.told == ["lost"]
    assert not connection.usable


async def test_an_answer_that_overtakes_the_upload_ends_the_connection(wire: Wire, connection: Connection) -> None:
    reply = start(connection)
    wire.unsent_bytes = 1
    connection.data_received(OK)
    assert wire.aborted
    assert await reply.read(10) == b"ok"


async def test_what_follows_an_answer_is_dropped_with_the_connection(wire: Wire, connection: Connection) -> None:
    reply = start(connection)
    connection.data_received(OK + OK.replace(b"ok", b"no"))
    assert await reply.read(10) == b"ok"
    assert wire.told == ["lost"]


@pytest.mark.parametrize("served_before", [False, True])
async def test_only_a_used_connection_without_a_byte_is_stale(connection: Connection, served_before: bool) -> None:
    if served_before:
        start(connection)
        connection.data_received(OK)
    reply = start(connection)
    connection.connection_lost(ConnectionResetError())
    with pytest.raises(Stale if served_before else UpstreamProtocol):
        await reply.head()


async def test_a_byte_of_answer_makes_it_an_error(connection: Connection) -> None:
    start(connection)
    connection.data_received(OK)
    reply = start(connection)
    connection.data_received(b"H")
    connection.eof_received()
    with pytest.raises(UpstreamProtocol):
        await reply.head()


async def test_bytes_before_a_cut_are_delivered_before_the_error(connection: Connection) -> None:
    reply = start(connection)
    connection.data_received(CHUNKED + b"5\r\nhello\r\n")
    connection.eof_received()
    iterator = aiter(reply.chunks())
    assert await anext(iterator) == b"hello"
    with pytest.raises(UpstreamProtocol, match="cut"):
        await anext(iterator)


@pytest.mark.parametrize(
    ("fed", "limits", "phase"),
    [
        (b"", {"first_byte_s": 0.02}, "first_byte"),
        (b"HTTP/1.1 200", {"first_byte_s": 0.02}, "first_byte"),
        (CHUNKED, {"idle_s": 0.02}, "idle"),
        (CHUNKED, {"idle_s": 0.02, "first_byte_s": 0.01}, "idle"),
        (CHUNKED, {"total_s": 0.02}, "total"),
        (b"", {"total_s": 0.02}, "total"),
    ],
)
async def test_time_limits(
    wire: Wire, connection: Connection, fed: bytes, limits: dict[str, float], phase: str
) -> None:
    reply = start(connection, **limits)
    if fed:
        connection.data_received(fed)
    with pytest.raises(UpstreamTimeout) as caught:
        await asyncio.wait_for(_read(reply), 2)
    assert caught.value.phase == phase
    assert wire.told == ["lost"]


async def _read(reply: LeanReply) -> bytes:
    await reply.head()
    return await reply.read(100)


async def test_our_own_pause_is_not_idleness_but_counts_in_total(connection: Connection, wire: Wire) -> None:
    reply = start(connection, idle_s=0.02, total_s=0.2)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (HIGH_WATER_BYTES + 1))
    await asyncio.sleep(0.1)
    assert not wire.aborted
    await asyncio.sleep(0.2)
    assert wire.aborted
    with pytest.raises(UpstreamTimeout) as caught:
        await reply.read(1 << 20)
    assert caught.value.phase == "total"


async def test_one_timer_serves_many_exchanges(connection: Connection) -> None:
    start(connection, idle_s=10.0)
    connection.data_received(OK)
    timer = connection._timer
    start(connection, idle_s=20.0)
    assert connection._timer is timer
    connection.data_received(OK)
    start(connection, idle_s=1.0)
    assert connection._timer is not timer
    connection.abort()


async def test_cancelling_the_wait_for_a_head_aborts(wire: Wire, connection: Connection) -> None:
    reply = start(connection)
    waiting = asyncio.get_running_loop().create_task(reply.head())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert wire.told == ["lost"]


async def test_every_phase_has_its_words() -> None:
    texts = {timed_out(phase).text() for phase in ("connect", "first_byte", "first_token", "idle", "total")}
    assert len(texts) == 5
