"""Request heads, origins, and which framings are refused."""

import pytest

from gateway.adapters.upstream.messages import Origin, own_headers, parse_origin, refuse_ambiguous, request_head
from gateway.errors import UpstreamConnect, UpstreamProtocol


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://127.0.0.1:8000", Origin(False, "127.0.0.1", 8000, "127.0.0.1:8000")),
        ("https://api.example.com", Origin(True, "api.example.com", 443, "api.example.com")),
        ("https://api.example.com/", Origin(True, "api.example.com", 443, "api.example.com")),
        ("http://[::1]:81", Origin(False, "::1", 81, "[::1]:81")),
        ("http://[::1]", Origin(False, "::1", 80, "[::1]")),
    ],
)
def test_origins(text: str, origin: Origin) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    ["", "h:80", "ftp://h", "http://", "http://h:99999", "http://u@h", "http://h/p", "http://h?q", "http://[::1"],
)
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(UpstreamConnect):
        parse_origin(text)


def test_a_request_head() -> None:
    headers = (
        (b"X-B", b"2"),
        (b"x-b", b"1"),
        (b"Connection", b"close"),
        (b"TE", b"trailers"),
        (b"Content-Length", b"9"),
    )
    assert request_head("POST", "/p?q", "h:1", headers, 3) == (
        b"POST /p?q HTTP/1.1\r\nhost: h:1\r\nx-b: 2\r\nx-b: 1\r\ncontent-length: 3\r\naccept-encoding: identity\r\n\r\n"
    )
    assert b"content-length: 0" in request_head("POST", "/", "h", (), 0)
    assert b"content-length" not in request_head("GET", "/", "h", (), 0)
    assert b"identity" not in request_head("GET", "/", "h", ((b"Accept-Encoding", b"gzip"),), 0)
    assert own_headers(headers) == [(b"x-b", b"2"), (b"x-b", b"1"), (b"accept-encoding", b"identity")]


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("POST", "/", (b"x", b"a\r\nb: c")),
        ("POST", "/", (b"x", b"a\nb")),
        ("POST", "/", (b"x", b"a\rb")),
        ("POST", "/", (b"x", b"a\0b")),
        ("POST", "/", (b"x\r\ny", b"a")),
        ("POST", "/a b", (b"x", b"a")),
        ("POST", "/\u00e9", (b"x", b"a")),
        ("POST", "http://h/", (b"x", b"a")),
        ("post", "/", (b"x", b"a")),
    ],
)
def test_nothing_can_forge_a_line(method: str, target: str, header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError):
        request_head(method, target, "h", (header,), 0)


TE, CL = b"transfer-encoding", b"content-length"


@pytest.mark.parametrize(
    ("headers", "framing"),
    [
        (((TE, b"chunked"),), "chunked"),
        (((TE, b" Chunked "),), "chunked"),
        (((CL, b"5"), (b"x", b"y")), "length"),
        ((), "close"),
    ],
)
def test_framings(headers: tuple[tuple[bytes, bytes], ...], framing: str) -> None:
    assert refuse_ambiguous(headers, "1.1") == framing


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        (((TE, b"chunked"), (CL, b"5")), "1.1"),
        (((TE, b"chunked"), (TE, b"chunked")), "1.1"),
        (((TE, b"gzip, chunked"),), "1.1"),
        (((TE, b"identity"),), "1.1"),
        (((TE, b"chunked"),), "1.0"),
        (((CL, b"5"), (CL, b"5")), "1.1"),
        (((CL, b"5, 5"),), "1.1"),
        (((CL, b"+5"),), "1.1"),
        (((CL, b""),), "1.1"),
    ],
)
def test_refused_framings(headers: tuple[tuple[bytes, bytes], ...], version: str) -> None:
    with pytest.raises(UpstreamProtocol):
        refuse_ambiguous(headers, version)
