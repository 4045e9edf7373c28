"""Both clients, both event loops: time limits per phase, cancellation, back-pressure, bombs, bounds."""

import asyncio
import gzip
import resource
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.upstream import LeanUpstream
from gateway.adapters.upstream.pool import PoolLimits
from gateway.errors import UpstreamProtocol, UpstreamTimeout

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT = 1 << 20


async def phase_of(awaitable: Any) -> tuple[str, float]:
    started = time.monotonic()
    with pytest.raises(UpstreamTimeout) as caught:
        await awaitable
    return caught.value.phase, time.monotonic() - started


async def read_all(client: Any, request: Any) -> bytes:
    reply = await client.send(request)
    try:
        return bytes(await reply.read(LIMIT))
    finally:
        await reply.aclose()


async def test_connect_limit(client: Any, ask: Any) -> None:
    with socket.socket() as full:  # a listener whose backlog is full answers no more SYNs
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        origin = f"http://127.0.0.1:{full.getsockname()[1]}"
        phase, took_s = await phase_of(client.send(ask(origin, connect_s=0.2)))
        for filler in fillers:
            filler.close()
    assert phase == "connect"
    assert took_s < 5


@pytest.mark.parametrize("trickle", [False, True], ids=["silent", "trickling"])
async def test_first_byte_limit_is_for_the_whole_head(client: Any, serve: Any, ask: Any, trickle: bool) -> None:
    left = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        if trickle:
            try:
                await peer.send(b"HTTP/1.1 200 OK\r\n", *[b"X-H: y\r\n"] * 200, pause_s=0.02)
            except ConnectionError:
                pass
        await peer.gone()
        left.set()

    server = await serve(script)
    phase, took_s = await phase_of(client.send(ask(server, first_byte_s=0.2)))
    assert phase == "first_byte"
    assert 0.15 < took_s < 5
    await asyncio.wait_for(left.wait(), 3)


async def test_idle_limit_restarts_with_every_byte(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED, *[b"1\r\nx\r\n"] * 6, pause_s=0.1)
        await peer.gone()

    server = await serve(script)
    reply = await client.send(ask(server, idle_s=0.25))
    seen = bytearray()

    async def collect() -> None:
        async for chunk in reply.chunks():
            seen.extend(chunk)

    phase, took_s = await phase_of(collect())
    assert phase == "idle"
    assert seen == b"xxxxxx"
    assert took_s > 0.6


async def test_idle_limit_after_the_head(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        await peer.gone()

    server = await serve(script)
    phase, took_s = await phase_of(read_all(client, ask(server, idle_s=0.2)))
    assert phase == "idle"
    assert took_s < 4


async def test_total_limit_on_a_stream_that_never_ends(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED, *[b"1\r\nx\r\n"] * 400, pause_s=0.01)

    server = await serve(script)
    phase, took_s = await phase_of(read_all(client, ask(server, total_s=0.3)))
    assert phase == "total"
    assert took_s < 3


async def test_total_limit_before_the_head(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.gone()

    server = await serve(script)
    phase, _ = await phase_of(client.send(ask(server, total_s=0.2)))
    assert phase == "total"


async def test_a_slow_reader_is_not_the_upstreams_silence(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED, *[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 256, b"0\r\n\r\n")
        await peer.gone()

    server = await serve(script)
    reply = await client.send(ask(server, idle_s=0.3))
    await asyncio.sleep(0.8)
    assert len(await reply.read(1 << 30)) == 256 * 65536


@pytest.mark.parametrize("moment", ["before the head", "in the body"])
async def test_cancellation_reaches_the_upstream_within_100_ms(client: Any, serve: Any, ask: Any, moment: str) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        if moment == "in the body":
            await peer.send(CHUNKED + b"1\r\nx\r\n")
        asked.set()
        await peer.gone()
        left.set()

    server = await serve(script)
    took_s: list[float] = []
    for _ in range(3):  # the best of three: a busy machine may steal 100 ms from any one
        task = asyncio.get_running_loop().create_task(read_all(client, ask(server)))
        await asked.wait()
        await asyncio.sleep(0.05)
        started = time.monotonic()
        task.cancel()
        await asyncio.wait_for(left.wait(), 2)
        took_s.append(time.monotonic() - started)
        with pytest.raises(asyncio.CancelledError):
            await task
        asked.clear()
        left.clear()
    assert min(took_s) < 0.1


async def test_cancellation_while_connecting(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.gone()

    server = await serve(script)
    for turns in range(6):
        task = asyncio.get_running_loop().create_task(client.send(ask(server)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.sleep(0.05)
    assert client.open_count == 0


async def test_closing_a_reply_early_aborts_and_is_idempotent(client: Any, serve: Any, ask: Any) -> None:
    left = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"1\r\nx\r\n")
        await peer.gone()
        left.set()

    server = await serve(script)
    reply = await client.send(ask(server))
    async for chunk in reply.chunks():
        assert chunk == b"x"
        break
    await reply.aclose()
    await reply.aclose()
    await asyncio.wait_for(left.wait(), 0.5)
    with pytest.raises(UpstreamProtocol):
        await reply.read(LIMIT)
    await asyncio.sleep(0)
    assert client.open_count == 0


async def test_closing_the_client_ends_replies_being_read(make_client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"1\r\nx\r\n")
        await peer.gone()

    server = await serve(script)
    client = make_client()
    reply = await client.send(ask(server))
    task = asyncio.get_running_loop().create_task(reply.read(LIMIT))
    await asyncio.sleep(0.05)
    await client.aclose()
    with pytest.raises(UpstreamProtocol):
        await asyncio.wait_for(task, 1)
    assert client.open_count == 0


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def test_a_slow_reader_holds_the_upstream_back(client: Any, serve: Any, ask: Any) -> None:
    total = 200 * 1024 * 1024
    piece = b"x" * 65536
    sent = 0

    async def script(peer: Any) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            await peer.send(piece)
            sent += len(piece)
        await peer.gone()

    server = await serve(script)
    before = rss_bytes()
    reply = await client.send(ask(server))
    await asyncio.sleep(0.3)
    assert sent < 24 * 1024 * 1024, "the kernel's buffers and ours, not more"
    got = peak = 0
    async for chunk in reply.chunks():
        got += len(chunk)
        peak = max(peak, rss_bytes())
        await asyncio.sleep(0)
    assert got == total
    assert peak - before < 48 * 1024 * 1024


async def test_a_gzip_bomb_is_refused_in_bounded_memory(client: Any, serve: Any, ask: Any) -> None:
    bomb = gzip.compress(bytes(1024 * 1024), 9) * 100

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb), bomb)
        await peer.gone()

    server = await serve(script)
    before = rss_bytes()
    reply = await client.send(ask(server))
    sizes: list[int] = []

    async def collect() -> None:
        async for piece in reply.chunks():
            sizes.append(len(piece))  # noqa: PERF401  a comprehension would lose them at the error

    with pytest.raises(UpstreamProtocol, match="bomb"):
        await collect()
    await reply.aclose()
    assert max(sizes) <= 256 * 1024
    assert sum(sizes) < 64 * 1024 * 1024
    assert rss_bytes() - before < 64 * 1024 * 1024


async def test_a_burst_of_chunks_reaches_the_reader_in_few_pieces(serve: Any, ask: Any) -> None:
    event = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED + (b"%x\r\n" % len(event) + event + b"\r\n") * 200 + b"0\r\n\r\n")
        await peer.gone()

    server = await serve(script)
    client = LeanUpstream()
    reply = await client.send(ask(server))
    pieces = [chunk async for chunk in reply.chunks()]
    assert b"".join(pieces) == event * 200
    assert len(pieces) <= 4
    await client.aclose()


async def test_the_bound_on_connections_makes_requests_wait_their_turn(make_client: Any, serve: Any, ask: Any) -> None:
    running = most = 0

    async def script(peer: Any) -> None:
        nonlocal running, most
        while True:
            await peer.request()
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.02)
            running -= 1
            await peer.send(OK)

    server = await serve(script)
    client = make_client(limits=PoolLimits(connections_max=3))
    assert await asyncio.gather(*[read_all(client, ask(server)) for _ in range(12)]) == [b"ok"] * 12
    assert most <= 3
    assert len(server.peers) <= 3
    await client.aclose()


async def test_waiting_for_a_connection_counts_as_connecting(make_client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        await peer.gone()

    server = await serve(script)
    client = make_client(limits=PoolLimits(connections_max=1))
    holding = await client.send(ask(server))
    phase, _ = await phase_of(client.send(ask(server, connect_s=0.1)))
    assert phase == "connect"
    waiting = asyncio.get_running_loop().create_task(client.send(ask(server)))
    await asyncio.sleep(0.02)
    await holding.aclose()
    second = await asyncio.wait_for(waiting, 1)
    assert second.status == 200
    await second.aclose()
    await client.aclose()


async def test_idle_connections_are_closed_after_their_time(make_client: Any, serve: Any, ask: Any) -> None:
    left = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.gone()
        left.set()

    server = await serve(script)
    client = make_client(limits=PoolLimits(keep_s=0.2))
    assert await read_all(client, ask(server)) == b"ok"
    assert client.open_count == 1
    await asyncio.wait_for(left.wait(), 3)
    await client.aclose()
