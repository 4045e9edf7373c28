"""HTTP as the scripted server reads and writes it. Over a socket: tests/conformance/test_scripted_stage.py."""

from __future__ import annotations

import asyncio

import pytest

from gateway.testing.scripted.server import MAX_BODY_BYTES, _body, _head, _parse_head
from gateway.testing.scripted.turns import Answer, Cut


def reader(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream


def test_request_heads() -> None:
    method, target, headers = _parse_head(
        b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: a:1\r\nX-Api-Key:  k \r\n\r\n"
    )
    assert (method, target) == ("POST", "/v1/messages?beta=true")
    assert headers == ((b"host", b"a:1"), (b"x-api-key", b"k"))


async def test_bodies() -> None:
    assert await _body(reader(b"abcdef"), {b"content-length": b"3"}) == b"abc"
    assert await _body(reader(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), {b"transfer-encoding": b"chunked"}) == b"abcde"
    assert await _body(reader(b""), {}) == b""
    with pytest.raises(ValueError, match="too large"):
        await _body(reader(b""), {b"content-length": str(MAX_BODY_BYTES + 1).encode()})
    with pytest.raises(asyncio.IncompleteReadError):
        await _body(reader(b"ab"), {b"content-length": b"3"})


def test_answer_heads() -> None:
    whole = _head(Answer(200, ((b"x", b"y"),), (b"abc",), whole=True), close=False, cut=False)
    assert whole == b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\n"
    stream = _head(Answer(529, (), (b"abc",), whole=False), close=True, cut=False)
    assert b"transfer-encoding: chunked\r\nconnection: close" in stream


def test_a_cut_body_promises_more_than_it_delivers() -> None:
    answer = Answer(200, (), (b"abc", Cut()), whole=True)
    promised = int(_head(answer, close=False, cut=True).split(b"content-length: ")[1].split(b"\r\n")[0])
    assert promised > 3
