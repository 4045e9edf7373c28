"""Both clients, both event loops: what is sent, how answers are framed, and when connections are used again."""

import asyncio
import gzip
import zlib
from typing import Any

import pytest

from gateway.errors import UpstreamConnect, UpstreamProtocol

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LIMIT = 1 << 20


async def always_ok(peer: Any) -> None:
    while True:
        await peer.request()
        await peer.send(OK)


def once(*parts: bytes, pause_s: float = 0.0) -> Any:
    """Answer the first request so, then close; later ones with OK."""

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(*parts, pause_s=pause_s)

    return script


async def test_the_request_on_the_wire(client: Any, serve: Any, ask: Any) -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def script(peer: Any) -> None:
        seen.append(await peer.request())
        await peer.send(OK)

    server = await serve(script)
    headers = (
        (b"Authorization", b"Bearer x"),
        (b"Connection", b"close"),
        (b"Host", b"evil"),
        (b"x-two", b"1"),
        (b"x-two", b"2"),
    )
    reply = await client.send(ask(server, b'{"a":1}', target="/v1/messages?beta=true&q=%2F%20", headers=headers))
    assert await reply.read(LIMIT) == b"ok"
    head, body = seen[0]
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"post /v1/messages?beta=true&q=%2f%20 http/1.1"
    assert body == b'{"a":1}'
    assert sorted(lines[1:-2]) == sorted(
        [
            b"host: " + server.origin.removeprefix("http://").encode(),
            b"authorization: bearer x",
            b"x-two: 1",
            b"x-two: 2",
            b"accept-encoding: identity",
            b"content-length: 7",
        ]
    )


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;n=v;q=\"x y\"\r\nhello\r\n0;last\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 529 Overloaded\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    ],
    ids=["length", "chunked", "extensions", "trailers", "close", "http 1.0", "empty", "204", "interim", "529", "302"],
)  # fmt: skip
@pytest.mark.parametrize("byte_by_byte", [False, True], ids=["whole", "bytes"])
async def test_framings(client: Any, serve: Any, ask: Any, answer: bytes, body: bytes, byte_by_byte: bool) -> None:
    parts = [answer[i : i + 1] for i in range(len(answer))] if byte_by_byte else [answer]
    server = await serve(once(*parts, pause_s=0.0002 if byte_by_byte else 0.0))
    reply = await client.send(ask(server))
    assert reply.status == int(answer.rpartition(b"HTTP/1.")[2].split()[1])
    assert await reply.read(LIMIT) == body
    assert all(name == name.lower() for name, _ in reply.headers)
    await reply.aclose()


async def test_head_and_304_have_no_body_whatever_they_say(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        head, _ = await peer.request()
        if head.startswith(b"HEAD"):
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
            await peer.request()
        await peer.send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n")
        await peer.gone()

    server = await serve(script)
    for method in ("HEAD", "GET"):
        reply = await client.send(ask(server, b"", method=method))
        assert await reply.read(LIMIT) == b""
        assert (b"content-length", b"500") in reply.headers


async def test_a_connection_is_used_again_after_a_complete_body(client: Any, serve: Any, ask: Any) -> None:
    server = await serve(always_ok)
    for _ in range(10):
        reply = await client.send(ask(server))
        assert await reply.read(LIMIT) == b"ok"
        await reply.aclose()
    assert len(server.peers) == 1
    assert server.peers[0].requests == 10


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_is_not_used_again_against_the_upstreams_word(
    client: Any, serve: Any, ask: Any, answer: bytes
) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(answer)
        await peer.gone()

    server = await serve(script)
    for _ in range(2):
        assert await (await client.send(ask(server))).read(LIMIT) == b"ok"
    assert len(server.peers) == 2


async def test_bytes_after_the_answer_are_never_taken_for_the_next_one(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        while True:
            await peer.request()
            await peer.send(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")

    server = await serve(script)
    for _ in range(3):
        try:
            assert await (await client.send(ask(server))).read(LIMIT) == b"ok"
        except UpstreamProtocol:
            pass  # refusing the whole answer is as good
        await asyncio.sleep(0.02)


async def test_a_connection_closed_while_idle_is_replaced(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(OK)

    server = await serve(script)
    for _ in range(3):
        assert await (await client.send(ask(server))).read(LIMIT) == b"ok"
        await asyncio.sleep(0.05)
    assert len(server.peers) == 3


async def test_a_reused_connection_that_closes_unanswered_is_retried_once_on_a_new_one(
    client: Any, serve: Any, ask: Any
) -> None:
    bodies: list[bytes] = []

    async def script(peer: Any) -> None:
        _, body = await peer.request()
        bodies.append(body)
        await peer.send(OK)
        if peer.number == 0:
            bodies.append((await peer.request())[1])  # taken, then closed without a byte
        else:
            await peer.gone()

    server = await serve(script)
    assert await (await client.send(ask(server, b"one"))).read(LIMIT) == b"ok"
    assert await (await client.send(ask(server, b"two"))).read(LIMIT) == b"ok"
    assert bodies == [b"one", b"two", b"two"]
    assert len(server.peers) == 2


@pytest.mark.parametrize("partial", [b"", b"HTTP/1.1 2"])
async def test_no_second_attempt_on_a_new_connection_or_after_a_byte(
    client: Any, serve: Any, ask: Any, partial: bytes
) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        if partial:  # a reused connection, but answering has begun
            await peer.send(OK)
            await peer.request()
        await peer.send(partial)

    server = await serve(script)
    if partial:
        await (await client.send(ask(server))).read(LIMIT)
    with pytest.raises(UpstreamProtocol):
        await client.send(ask(server))
    assert len(server.peers) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\nabc",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
    ],
    ids=[
        "tls",
        "ssh",
        "http 2",
        "status",
        "length+chunked",
        "chunked+length",
        "two lengths",
        "negative length",
        "gzip+chunked",
        "identity last",
        "chunked in 1.0",
        "upgrade",
        "brotli",
        "huge header",
    ],
)
async def test_what_is_not_clear_http_is_a_protocol_error(client: Any, serve: Any, ask: Any, answer: bytes) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(answer)
        await peer.gone()

    server = await serve(script)
    with pytest.raises(UpstreamProtocol) as caught:
        await (await client.send(ask(server, first_byte_s=2.0))).read(LIMIT)
    assert "Bearer" not in caught.value.text()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ],
    ids=["length", "between chunks", "in a chunk", "bad chunk size", "before the last line"],
)
async def test_a_cut_body_is_told_from_a_complete_one_and_its_bytes_arrive_first(
    client: Any, serve: Any, ask: Any, answer: bytes
) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        head, _, rest = answer.partition(b"hello")
        await peer.send(head + b"hello", pause_s=0.05)
        await peer.send(rest)

    server = await serve(script)
    reply = await client.send(ask(server))
    seen = bytearray()

    async def collect() -> None:
        async for chunk in reply.chunks():
            seen.extend(chunk)

    with pytest.raises(UpstreamProtocol):
        await collect()
    assert seen == b"hello"
    await reply.aclose()


async def test_a_reset_cuts_even_a_body_that_ends_with_the_connection(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello", pause_s=0.05)
        peer.reset()

    server = await serve(script)
    with pytest.raises(UpstreamProtocol):
        await (await client.send(ask(server))).read(LIMIT)


def deflate_raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        (b"gzip", gzip.compress(b"hello " * 1000)),
        (b"GZIP", gzip.compress(b"hello " * 400) + gzip.compress(b"hello " * 600)),
        (b"deflate", zlib.compress(b"hello " * 1000)),
        (b"deflate", deflate_raw(b"hello " * 1000)),
        (b"identity", b"hello " * 1000),
    ],
    ids=["gzip", "gzip of two members", "zlib", "raw deflate", "identity"],
)
@pytest.mark.parametrize("size", [7, 10_000])
async def test_compressed_answers_are_decoded(
    client: Any, serve: Any, ask: Any, coding: bytes, packed: bytes, size: int
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding, len(packed))
    server = await serve(once(head, *[packed[i : i + size] for i in range(0, len(packed), size)]))
    reply = await client.send(ask(server))
    assert await reply.read(LIMIT) == b"hello " * 1000
    names = [name for name, _ in reply.headers]
    assert (b"content-encoding" in names) == (coding == b"identity")


async def test_a_cut_compressed_body_is_an_error(client: Any, serve: Any, ask: Any) -> None:
    packed = gzip.compress(bytes(range(256)) * 100)[:-9]
    server = await serve(once(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", packed))
    with pytest.raises(UpstreamProtocol, match="cut"):
        await (await client.send(ask(server))).read(LIMIT)


async def test_read_is_bounded(client: Any, serve: Any, ask: Any) -> None:
    server = await serve(once(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100))
    reply = await client.send(ask(server))
    with pytest.raises(UpstreamProtocol, match="99 bytes"):
        await reply.read(99)
    await reply.aclose()


async def test_a_large_upload_arrives_whole(client: Any, serve: Any, ask: Any) -> None:
    body = bytes(range(256)) * (80 * 4096)  # 80 MiB
    got: list[bytes] = []

    async def script(peer: Any) -> None:
        got.append((await peer.request())[1])
        await peer.send(OK)

    server = await serve(script)
    assert await (await client.send(ask(server, body, first_byte_s=30.0))).read(LIMIT) == b"ok"
    assert got[0] == body


async def test_an_answer_before_the_upload_was_read_does_not_leave_the_rest_on_a_reused_connection(
    client: Any, serve: Any, ask: Any
) -> None:
    async def script(peer: Any) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await asyncio.sleep(0.1)

    server = await serve(script)
    for _ in range(2):
        reply = await client.send(ask(server, b"x" * 20_000_000))
        assert reply.status == 413
        assert await reply.read(LIMIT) == b"no"
        await reply.aclose()
    assert len(server.peers) == 2


async def test_two_hundred_at_once(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        while True:
            _, body = await peer.request()
            await asyncio.sleep(0.02)
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    server = await serve(script)

    async def one(number: int) -> bool:
        body = b"%d" % number * 100
        reply = await client.send(ask(server, body))
        return bool(await reply.read(LIMIT) == body)

    for _ in range(2):
        assert all(await asyncio.gather(*[one(number) for number in range(200)]))
    assert len(server.peers) <= 200


@pytest.mark.parametrize(
    "origin",
    ["ftp://127.0.0.1:1", "http://", "http://a b", "127.0.0.1:80", "http://h:99999", "http://u:p@h", "http://h/path", "http://h..x"],
)  # fmt: skip
async def test_an_origin_that_is_none_cannot_be_connected_to(client: Any, ask: Any, origin: str) -> None:
    with pytest.raises(UpstreamConnect):
        await client.send(ask(origin))


async def test_refused_and_unknown_hosts_are_connect_errors(client: Any, serve: Any, ask: Any) -> None:
    server = await serve(always_ok)
    await server.stop()
    for origin in (server.origin, "http://name.invalid:80"):
        with pytest.raises(UpstreamConnect) as caught:
            await client.send(ask(origin))
        assert caught.value.origin == origin


async def test_ipv6_literals_and_names(client: Any, serve: Any, ask: Any) -> None:
    seen: list[bytes] = []

    async def script(peer: Any) -> None:
        seen.append((await peer.request())[0])
        await peer.send(OK)

    server = await serve(script, host="::1")
    assert await (await client.send(ask(server))).read(LIMIT) == b"ok"
    assert b"host: [::1]:" in seen[0].lower()
    server = await serve(script)
    by_name = server.origin.replace("127.0.0.1", "localhost")
    assert await (await client.send(ask(by_name))).read(LIMIT) == b"ok"


async def test_header_injection_is_our_own_fault_and_never_sent(client: Any, serve: Any, ask: Any) -> None:
    server = await serve(always_ok)
    for options in (
        {"headers": ((b"x", b"a\r\nforged: 1"),)},
        {"target": "/ HTTP/1.1\r\nforged: 1"},
        {"target": "no-slash"},
        {"method": "GET /x"},
    ):
        with pytest.raises(ValueError):
            await client.send(ask(server, **options))
    assert sum(peer.requests for peer in server.peers) == 0
