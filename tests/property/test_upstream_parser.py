"""The lean client's connection meets garbage: it never hangs, and answers with the reply or with our error, nothing else."""

import asyncio
import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.adapters.upstream.connection import Connection, LeanReply, Stale
from gateway.errors import UpstreamError, UpstreamProtocol
from gateway.ports import Timeouts

EVENTS = [b'data: {"i":%d}\n\n' % i for i in range(3)]
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\nhello world",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"%x;ext=1\r\n%b\r\n" % (len(event), event) for event in EVENTS)
    + b"0\r\nTrailer: x\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"%x\r\n%b\r\n0\r\n\r\n" % (len(gzip.compress(b"x" * 99, mtime=0)), gzip.compress(b"x" * 99, mtime=0)),
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}",
]
SHAPES = [
    b"\r\n", b"\n", b"\r", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1", b" ", b"\0", b"\xff", b":", b";",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: xchunked\r\n",
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 S\r\n", b"HTTP/1.0 ", b"Content-Encoding: br\r\n",
    b"Content-Encoding: deflate\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"X: " + b"y" * 70_000 + b"\r\n",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """One or two answers with bytes cut, replaced, doubled or inserted."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=2))))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 12))
        match draw(st.sampled_from(["cut", "replace", "double", "insert"])):
            case "cut":
                del data[at : at + length]
            case "replace":
                data[at : at + length] = draw(st.binary(max_size=12))
            case "double":
                data[at:at] = data[at : at + length * 4]
            case _:
                data[at:at] = draw(st.sampled_from(SHAPES))
    return bytes(data)


class Wire:
    """A transport and an owner that only remember."""

    def __init__(self) -> None:
        self.written = b""
        self.aborted = False
        self.reading = True
        self.released_count = self.lost_count = 0

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, parts: Any) -> None:
        self.written += b"".join(parts)

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def released(self, connection: Connection) -> None:
        self.released_count += 1

    def lost(self, connection: Connection) -> None:
        self.lost_count += 1


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def started(loop: asyncio.AbstractEventLoop, *, is_head: bool = False) -> tuple[Wire, Connection, LeanReply]:
    wire = Wire()
    connection = Connection(wire, loop)
    connection.connection_made(wire)  # type: ignore[arg-type]
    return wire, connection, connection.start(b"head", b"body", Timeouts(), is_head=is_head)


async def outcome(reply: LeanReply) -> tuple[int, bytes, str]:
    """Status, body read, and how it ended; raises whatever is neither a reply nor our error."""
    body = bytearray()
    try:
        await reply.head()
        async for piece in reply.chunks():
            body += piece
    except (UpstreamError, Stale) as error:
        return reply.status, bytes(body), type(error).__name__
    return reply.status, bytes(body), "complete"


def feed(
    loop: asyncio.AbstractEventLoop, chunks: list[bytes], *, reset: bool = False, is_head: bool = False
) -> tuple[tuple[int, bytes, str], Wire]:
    wire, connection, reply = started(loop, is_head=is_head)
    for chunk in chunks:
        if not wire.aborted:
            connection.data_received(chunk)
    if not wire.aborted and not wire.released_count:
        connection.connection_lost(ConnectionResetError() if reset else None)

    async def bounded() -> tuple[int, bytes, str]:
        return await asyncio.wait_for(outcome(reply), 1)

    result = loop.run_until_complete(bounded())
    connection.abort()
    assert wire.lost_count == 1
    assert wire.released_count <= 1
    return result, wire


@settings(max_examples=600, deadline=None)
@given(mutated(), st.integers(1, 60), st.booleans(), st.booleans())
def test_any_bytes_end_in_a_reply_or_our_error(
    loop: asyncio.AbstractEventLoop, data: bytes, size: int, reset: bool, is_head: bool
) -> None:
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    result, wire = feed(loop, pieces, reset=reset, is_head=is_head)
    assert result[2] in ("complete", "UpstreamProtocol")
    if result[2] == "complete":
        assert result[0] >= 200
    if wire.released_count:
        assert not wire.aborted or result[2] == "complete"


@settings(max_examples=400, deadline=None)
@given(mutated(), st.integers(1, 60))
@example(ANSWERS[0] + ANSWERS[1], 3)
@example(b"HTTP/1.1 101 Switching without a word of what\r\n\r\n", 3)  # hung once
def test_the_chunking_of_reads_does_not_change_the_answer(
    loop: asyncio.AbstractEventLoop, data: bytes, size: int
) -> None:
    whole, _ = feed(loop, [data])
    cut, _ = feed(loop, [data[i : i + size] for i in range(0, len(data), size)])
    if len(data) < 60_000:  # the limit on framing is looked at once for each read
        assert whole[::2] == cut[::2]
        assert whole[1].startswith(cut[1]) or cut[1].startswith(whole[1])
        if whole[2] == cut[2] == "complete":
            assert whole == cut


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_cut_of_a_framed_answer_is_seen(loop: asyncio.AbstractEventLoop, answer: bytes) -> None:
    framed = b"Length" in answer or b"chunked" in answer or b" 204 " in answer
    end = next(n for n in range(len(answer) + 1) if feed(loop, [answer[:n]])[0][2] == "complete")
    if framed:
        assert end == len(answer)
    for cut in range(end):
        (status, _, ending), wire = feed(loop, [answer[:cut]])
        assert ending == "UpstreamProtocol"
        assert wire.released_count == 0
        assert status in (0, int(answer.rpartition(b"HTTP/1.1 ")[2][:3]))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=200_000), min_size=1, max_size=3))
def test_pure_noise(loop: asyncio.AbstractEventLoop, chunks: list[bytes]) -> None:
    (status, body, ending), _ = feed(loop, chunks)
    assert (status, body, ending) == (0, b"", "UpstreamProtocol")


def test_header_floods_end_at_the_limit(loop: asyncio.AbstractEventLoop) -> None:
    for line in (b"X: y\r\n", b"HTTP/1.1 103 E\r\n\r\n"):
        wire, connection, reply = started(loop)
        if line.startswith(b"X"):
            connection.data_received(b"HTTP/1.1 200 OK\r\n")
        sent = 0
        while not wire.aborted:
            connection.data_received(line * 100)
            sent += len(line) * 100
            assert sent <= 70_000
        with pytest.raises(UpstreamProtocol):
            loop.run_until_complete(reply.head())


def test_trailers_and_extensions_without_end_are_bounded(loop: asyncio.AbstractEventLoop) -> None:
    for opening in (b"5;x=", b"5\r\nhello\r\n0\r\nX: "):
        wire, connection, _ = started(loop)
        connection.data_received(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + opening)
        for _ in range(100):
            if not wire.aborted:
                connection.data_received(b"y" * 4096)
        assert wire.aborted
