"""Bounded content decoding."""

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from gateway.adapters.upstream.decode import PIECE_BYTES, Inflater, content_coding, decoded, without_coding
from gateway.errors import UpstreamProtocol

TEXT = b"".join(b"line %d\n" % n for n in range(200_000))


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def inflate(coding: bytes, packed: bytes, size: int) -> list[bytes]:
    inflater = Inflater(coding)
    pieces = [piece for i in range(0, len(packed), size) for piece in inflater.feed(packed[i : i + size])]
    inflater.close()
    return pieces


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        (b"gzip", gzip.compress(TEXT)),
        (b"gzip", gzip.compress(TEXT[:99]) + gzip.compress(b"") + gzip.compress(TEXT[99:])),
        (b"deflate", zlib.compress(TEXT)),
        (b"deflate", raw_deflate(TEXT)),
    ],
    ids=["gzip", "members", "zlib", "raw"],
)
@pytest.mark.parametrize("size", [1, 1000, 10_000_000])
def test_decoding_in_bounded_pieces(coding: bytes, packed: bytes, size: int) -> None:
    pieces = inflate(coding, packed, size)
    assert b"".join(pieces) == TEXT
    assert max(map(len, pieces)) <= PIECE_BYTES


@pytest.mark.parametrize(
    ("coding", "packed", "match"),
    [
        (b"gzip", gzip.compress(TEXT)[:-5], "cut"),
        (b"gzip", b"not gzip at all", "broken"),
        (b"gzip", gzip.compress(b"x") + b"rubbish", "broken"),
        (b"deflate", zlib.compress(b"x") + b"more", "goes on"),
        (b"deflate", b"\x00\x00\x00\x00\x00", "broken"),
    ],
    ids=["cut", "garbage", "garbage after", "more after", "bad deflate"],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_broken_bodies(coding: bytes, packed: bytes, match: str, size: int) -> None:
    with pytest.raises(UpstreamProtocol, match=match):
        inflate(coding, packed, size)


def test_a_bomb_is_refused_but_dense_text_is_not() -> None:
    with pytest.raises(UpstreamProtocol, match="bomb"):
        inflate(b"gzip", gzip.compress(bytes(1 << 20)) * 100, 4096)
    events = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n' * 300_000
    assert sum(map(len, inflate(b"gzip", gzip.compress(events, 1), 4096))) == len(events)


def test_no_body_at_all_is_complete() -> None:
    assert inflate(b"gzip", b"", 1) == []


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([], None),
        ([b"identity"], None),
        ([b""], None),
        ([b"GZIP "], b"gzip"),
        ([b"x-gzip"], b"gzip"),
        ([b"deflate"], b"deflate"),
    ],
)
def test_codings(values: list[bytes], coding: bytes | None) -> None:
    assert content_coding(tuple((b"content-encoding", value) for value in values)) == coding


@pytest.mark.parametrize("values", [[b"br"], [b"zstd"], [b"gzip, gzip"], [b"gzip", b"gzip"]])
def test_codings_never_offered(values: list[bytes]) -> None:
    with pytest.raises(UpstreamProtocol, match="not offered"):
        content_coding(tuple((b"content-encoding", value) for value in values))


def test_headers_tell_the_truth_of_the_decoded_body() -> None:
    assert without_coding(((b"content-encoding", b"gzip"), (b"content-length", b"9"), (b"x", b"y"))) == ((b"x", b"y"),)


async def test_decoded_streams() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        packed = gzip.compress(TEXT)
        for i in range(0, len(packed), 5000):
            yield packed[i : i + 5000]

    assert b"".join([piece async for piece in decoded(chunks(), b"gzip")]) == TEXT
