"""HTTP/1.1 message rules that both clients share: origins, the request head, and which replies are refused.

Sources: RFC 9110, RFC 9112 (section 6.3 for body framing). No I/O here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from gateway.errors import Headers, UpstreamConnect, UpstreamProtocol

HEAD_LIMIT_BYTES: Final = 64 * 1024
"""Reply head, and any stretch of framing without body bytes. For scale: Node accepts 16 KiB, aiohttp 8 KiB a line."""
HEADERS_MAX: Final = 256

TELLING: Final = frozenset({b"transfer-encoding", b"content-length", b"content-encoding"})
"""The only reply headers this layer reads, so that it may look at these alone."""

# What the client decides itself: framing, the connection, and the hop (RFC 9110 section 7.6.1).
_OWNED: Final = frozenset(
    b"host content-length connection keep-alive proxy-connection te trailer transfer-encoding upgrade expect".split()
)
_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
_TARGET: Final = re.compile(r"/[!-~]*")
_METHOD: Final = re.compile(r"[A-Z]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to connect. `host` is bare (no brackets), `authority` is what the Host header says."""

    tls: bool
    host: str
    port: int
    authority: str


def parse_origin(origin: str) -> Origin:
    """Read `scheme://host[:port]`; UpstreamConnect for anything else, since nothing can be connected to."""
    try:
        parts = urlsplit(origin)
        port = parts.port
        host = parts.hostname or ""
        host.encode("ascii") if ":" in host else host.encode("idna")
    except (ValueError, UnicodeError):
        parts, port, host = urlsplit(""), None, ""
    if (
        parts.scheme not in ("http", "https")
        or not host
        or parts.path not in ("", "/")
        or parts.query
        or "@" in parts.netloc
    ):
        raise UpstreamConnect("upstream origin is not of the form http(s)://host[:port]", origin=origin)
    tls = parts.scheme == "https"
    authority = f"[{host}]" if ":" in host else host
    if port is not None:
        authority += f":{port}"
    return Origin(tls, host, port or (443 if tls else 80), authority)


@lru_cache(maxsize=1024)
def _start_of_line(name: bytes) -> bytes:
    """Return `name: ` in lower case, b"" for a header that the client decides itself."""
    lower = name.lower()
    return b"" if lower in _OWNED else lower + b": "


@lru_cache(maxsize=1024)
def _request_line(method: str, target: str, authority: str) -> bytes:
    if _TARGET.fullmatch(target) is None or _METHOD.fullmatch(method) is None:
        raise ValueError(f"not a request line: {method!r} {target!r}")
    return f"{method} {target} HTTP/1.1\r\nhost: {authority}".encode()


def own_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the caller's headers without those the client decides, plus `accept-encoding: identity` unless given.

    Identity, because decoding costs more than loopback or LAN bytes and holds small events back in the coder's window.
    """
    kept = [(start[:-2], value) for name, value in headers if (start := _start_of_line(name))]
    if all(name != b"accept-encoding" for name, _ in kept):
        kept.append((b"accept-encoding", b"identity"))
    return kept


def request_head(method: str, target: str, authority: str, headers: Headers, body_bytes: int) -> bytes:
    """Encode request line and headers, `own_headers` applied. ValueError where a value would forge a line: our own fault,
    never sent."""
    lines = [_request_line(method, target, authority)]
    lines += [start + value for name, value in headers if (start := _start_of_line(name))]
    if body_bytes or method not in _BODILESS:
        lines.append(b"content-length: %d" % body_bytes)
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        raise ValueError("a request header contains a line break or NUL")
    return head + (b"\r\n\r\n" if b"\r\naccept-encoding: " in head else b"\r\naccept-encoding: identity\r\n\r\n")


def refuse_ambiguous(headers: Headers, http_version: str) -> str:
    """Return how the body is framed: `chunked`, `length` or `close`; UpstreamProtocol for shapes that two readers could
    read differently (response smuggling, RFC 9112 section 6.3) or that no known server sends."""
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    lengths = [value for name, value in headers if name == b"content-length"]
    if codings:
        if lengths or len(codings) > 1 or codings[0].strip().lower() != b"chunked" or http_version == "1.0":
            raise UpstreamProtocol("the upstream's reply has an ambiguous or unknown transfer-encoding")
        return "chunked"
    if len(lengths) > 1 or (lengths and not lengths[0].strip().isdigit()):
        raise UpstreamProtocol("the upstream's reply has conflicting or malformed content-length")
    return "length" if lengths else "close"
