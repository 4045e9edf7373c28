"""A web page may not use the keyless gateway through its visitor's browser."""

from __future__ import annotations

import pytest

from gateway.errors import ForeignPage
from gateway.http.front import refuse_pages


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"host": b"127.0.0.1:4242"},
        {b"host": b"localhost:4242", b"origin": b"http://localhost:3000"},
        {b"host": b"[::1]:4242"},
        {b"host": b"127.0.0.2"},
        {b"host": b"localhost", b"origin": b"http://app.localhost:5173"},
    ],
)
def test_loopback_may(headers: dict[bytes, bytes]) -> None:
    refuse_pages(headers)


@pytest.mark.parametrize(
    ("headers", "where"),
    [
        ({b"host": b"127.0.0.1:4242", b"origin": b"https://evil.example"}, "origin"),
        ({b"host": b"evil.example:4242"}, "host"),
        ({b"host": b"localhost.evil.example"}, "host"),
        ({b"host": b"127.0.0.1:4242", b"origin": b"null"}, "origin"),
        ({b"host": b"192.168.1.5:4242"}, "host"),
    ],
)
def test_the_web_may_not(headers: dict[bytes, bytes], where: str) -> None:
    with pytest.raises(ForeignPage) as refused:
        refuse_pages(headers)
    assert refused.value.where == where
