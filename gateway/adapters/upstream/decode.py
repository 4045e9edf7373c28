"""Content decoding for upstreams that compress although identity was asked for; bounded against decompression bombs."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Final

from gateway.errors import Headers, UpstreamProtocol

PIECE_BYTES: Final = 256 * 1024
"""Largest piece handed on: the reader's back-pressure acts between pieces, so this bounds memory."""
BOMB_FLOOR_BYTES: Final = 16 * 1024 * 1024
BOMB_RATIO: Final = 100
"""Beyond the floor, more than this many bytes out per byte in is refused. JSON and SSE text reach 5-30; deflate's
maximum is 1032, which only constant input comes near."""

_DECODED: Final = (b"content-encoding", b"content-length")


async def gathered(chunks: AsyncIterator[bytes], limit_bytes: int) -> bytes:
    """All of them as one; UpstreamProtocol over the limit."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise UpstreamProtocol(f"the upstream's answer is longer than {limit_bytes} bytes")
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def content_coding(headers: Headers) -> bytes | None:
    """Return `gzip` or `deflate`, None for identity; UpstreamProtocol for what was never offered (br, zstd, stacks)."""
    codings = [value.strip().lower() for name, value in headers if name == b"content-encoding"]
    codings = [coding for coding in codings if coding not in (b"", b"identity")]
    if not codings:
        return None
    if codings in ([b"gzip"], [b"x-gzip"]):
        return b"gzip"
    if codings == [b"deflate"]:
        return b"deflate"
    named = b", ".join(codings).decode("latin-1")
    raise UpstreamProtocol(f"the upstream answered with content-encoding {named!r}, which was not offered")


def without_coding(headers: Headers) -> Headers:
    """Return the headers that are true of the decoded body."""
    return tuple(pair for pair in headers if pair[0] not in _DECODED)


class Inflater:
    """gzip (any number of members) or deflate (zlib-wrapped as RFC 9110 says, or raw as some servers send)."""

    def __init__(self, coding: bytes) -> None:
        self._coding = coding
        self._inflate: zlib._Decompress | None = None
        self._finished = False
        self._in_bytes = 0
        self._out_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield decoded pieces of at most PIECE_BYTES; UpstreamProtocol for broken data and bombs."""
        self._in_bytes += len(data)
        full = False  # zlib may hold back output that did not fit, although it took all input
        while data or full:
            inflate = self._member(data)
            try:
                piece = inflate.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise UpstreamProtocol(f"the upstream's {self._coding.decode()} body is broken: {error}") from error
            self._out_bytes += len(piece)
            if self._out_bytes > BOMB_FLOOR_BYTES and self._out_bytes > BOMB_RATIO * self._in_bytes:
                raise UpstreamProtocol("the upstream's compressed body is a decompression bomb")
            self._finished = inflate.eof
            full = len(piece) == PIECE_BYTES and not inflate.eof
            data = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            if piece:
                yield piece

    def _member(self, data: bytes) -> zlib._Decompress:
        if self._finished and self._coding != b"gzip":
            raise UpstreamProtocol("the upstream's deflate body goes on after its end")
        if self._inflate is None or self._finished:
            self._inflate = self._start(data)
        return self._inflate

    def _start(self, data: bytes) -> zlib._Decompress:
        if self._coding == b"gzip":
            return zlib.decompressobj(31)
        # A zlib header has 8 in its low nibble (RFC 1950); a raw deflate stream of ordinary data does not start so.
        return zlib.decompressobj(15 if data[0] & 0x0F == 8 else -15)

    def close(self) -> None:
        """UpstreamProtocol when the compressed body was cut. An empty body is complete (some servers send none at all)."""
        if self._in_bytes and not self._finished:
            raise UpstreamProtocol("the upstream's compressed body was cut")


async def decoded(chunks: AsyncIterator[bytes], coding: bytes) -> AsyncIterator[bytes]:
    """Decode a body as it arrives."""
    inflater = Inflater(coding)
    async for chunk in chunks:
        for piece in inflater.feed(chunk):
            yield piece
    inflater.close()
