"""The `Upstream` port over aiohttp, for what the lean client does not do: outbound proxies and servers with odd HTTP.

aiohttp's own habits are switched off: no cookies, no redirects, no automatic headers, no decompression (ours is bounded),
no environment proxies. Its exceptions are mapped here, once.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Final

import aiohttp
from yarl import URL

from gateway.adapters.upstream.connection import HIGH_WATER_BYTES, timed_out
from gateway.adapters.upstream.decode import content_coding, decoded, gathered, without_coding
from gateway.adapters.upstream.messages import (
    HEAD_LIMIT_BYTES,
    own_headers,
    parse_origin,
    refuse_ambiguous,
    request_head,
)
from gateway.adapters.upstream.pool import PoolLimits
from gateway.adapters.upstream.tls import client_context
from gateway.errors import Headers, Phase, UpstreamConnect, UpstreamError, UpstreamProtocol
from gateway.ports import Upstream, UpstreamRequest

_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_NO_BODY: Final = (204, 304)


class AiohttpReply:
    """See `gateway.ports.UpstreamReply`."""

    def __init__(self, response: aiohttp.ClientResponse, request: UpstreamRequest, total_at: float) -> None:
        self._response = response
        self._idle_s = request.timeouts.idle_s
        self._total_at = total_at
        self.status = response.status
        raw: Headers = tuple((name.lower(), value) for name, value in response.raw_headers)
        if response.status == 101:
            raise UpstreamProtocol("the upstream switched protocols without being asked")
        version = response.version
        refuse_ambiguous(raw, f"{version.major}.{version.minor}" if version is not None else "1.1")
        bodiless = request.method == "HEAD" or self.status in _NO_BODY
        self._coding = None if bodiless else content_coding(raw)
        self.headers: Headers = raw if self._coding is None else without_coding(raw)
        # aiohttp leaves a reader waiting when it gives up a connection by itself (bad chunk size, session closed), and
        # takes a reset for the end of a close-delimited body. Its protocol's `closed` future tells both.
        connection = response.connection
        self._closed = (
            connection.protocol.closed if connection is not None and connection.protocol is not None else None
        )
        if self._closed is not None:
            self._closed.add_done_callback(self._on_closed)

    def chunks(self) -> AsyncIterator[bytes]:
        return self._raw() if self._coding is None else decoded(self._raw(), self._coding)

    async def _raw(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        while True:
            total_s = self._total_at - loop.time()
            phase: Phase = "idle" if self._idle_s < total_s else "total"
            try:
                async with asyncio.timeout(min(self._idle_s, total_s)):
                    chunk = await self._response.content.readany()
            except TimeoutError as error:
                await self.aclose()
                raise timed_out(phase) from error
            except (aiohttp.ClientError, OSError) as error:
                await self.aclose()
                raise UpstreamProtocol("the upstream cut its answer short") from error
            except RuntimeError as error:  # aiohttp's "Connection closed." after aclose
                raise UpstreamProtocol("the reply was closed before its end") from error
            if not chunk:
                self._parted()
                if self._cut:
                    raise UpstreamProtocol("the upstream cut its answer short")
                return
            yield chunk

    async def read(self, limit_bytes: int) -> bytes:
        return await gathered(self.chunks(), limit_bytes)

    @property
    def _cut(self) -> bool:
        return self._closed is not None and self._closed.done() and self._closed.exception() is not None

    def _on_closed(self, closed: asyncio.Future[None]) -> None:
        error = closed.exception() if not closed.cancelled() else None
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError(f"connection lost: {error}"))

    def _parted(self) -> None:
        if self._closed is not None:
            self._closed.remove_done_callback(self._on_closed)

    async def aclose(self) -> None:
        self._parted()
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._response.close()


class AiohttpUpstream:
    """Belongs to the event loop it is first used on. `ca_file` adds authorities to the system's."""

    def __init__(self, *, ca_file: str | None = None, limits: PoolLimits | None = None) -> None:
        self._ca_file = ca_file
        self._limits = limits or PoolLimits()
        self._ssl_context: ssl.SSLContext | None = None
        self._session: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        self._closed = False

    @property
    def open_count(self) -> int:
        """Connections open or being opened."""
        connectors = [session.connector for session in (self._session, self._fresh) if session is not None]
        return sum(len(c._acquired) + sum(map(len, c._conns.values())) for c in connectors if c is not None)

    async def send(self, request: UpstreamRequest) -> AiohttpReply:
        """See `gateway.ports.Upstream`; sent once more under the same condition as by the lean client."""
        authority = parse_origin(request.origin).authority
        request_head(
            request.method, request.target, authority, request.headers, 0
        )  # the same ValueErrors as the lean one's
        if self._closed:
            raise UpstreamConnect("the gateway is shutting down", origin=request.origin)
        if self._session is None:
            self._session = self._new_session(force_close=False)
        seen = SimpleNamespace(reused=False)
        try:
            return await self._attempt(self._session, request, seen)
        except _Unanswered as unanswered:
            if not seen.reused:
                raise UpstreamProtocol("the upstream closed the connection without answering") from unanswered
        if self._fresh is None:
            self._fresh = self._new_session(force_close=True)
        try:
            return await self._attempt(self._fresh, request, seen)
        except _Unanswered as unanswered:
            raise UpstreamProtocol("the upstream closed the connection without answering") from unanswered

    async def _attempt(
        self, session: aiohttp.ClientSession, request: UpstreamRequest, seen: SimpleNamespace
    ) -> AiohttpReply:
        timeouts = request.timeouts
        total_at = asyncio.get_running_loop().time() + timeouts.total_s
        phase: Phase = "first_byte" if timeouts.first_byte_s < timeouts.total_s else "total"
        try:
            async with asyncio.timeout(min(timeouts.first_byte_s, timeouts.total_s)):
                response = await session.request(
                    request.method,
                    URL(request.origin + request.target, encoded=True),
                    headers=[
                        (name.decode("latin-1"), value.decode("latin-1"))
                        for name, value in own_headers(request.headers)
                    ],
                    data=_payload(request.body),
                    allow_redirects=False,
                    proxy=request.proxy,
                    timeout=aiohttp.ClientTimeout(total=None, connect=timeouts.connect_s, sock_read=None),
                    trace_request_ctx=seen,
                )
        except aiohttp.ConnectionTimeoutError as error:
            raise timed_out("connect") from error
        except TimeoutError as error:
            raise timed_out(phase) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _mapped(error, request.origin) from error
        try:
            return AiohttpReply(response, request, total_at)
        except UpstreamError:
            response.close()
            raise

    def _new_session(self, *, force_close: bool) -> aiohttp.ClientSession:
        if self._ssl_context is None:
            self._ssl_context = client_context(self._ca_file)
        connector = aiohttp.TCPConnector(
            limit=0,
            limit_per_host=self._limits.connections_max,
            ssl=self._ssl_context,
            force_close=force_close,
            keepalive_timeout=None if force_close else self._limits.keep_s,
        )
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_AUTOMATIC,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=HIGH_WATER_BYTES // 2,  # aiohttp pauses at twice this
            max_line_size=HEAD_LIMIT_BYTES,
            max_field_size=HEAD_LIMIT_BYTES,
            trace_configs=[tracing],
        )

    async def aclose(self) -> None:
        self._closed = True
        for session in (self._session, self._fresh):
            if session is not None:
                await session.close()


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    """aiohttp warns of raw bytes over 1 MiB, since it writes them at once; a file-like body goes out in pieces."""
    return (body if len(body) < 1_000_000 else io.BytesIO(body)) or None


class _Unanswered(Exception):
    """Closed before any byte of the answer."""


async def _note_reuse(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.reused = True


def _mapped(error: Exception, origin: str) -> Exception:
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return UpstreamConnect("TLS with the upstream failed: its certificate was not accepted", origin=origin)
        case aiohttp.ClientConnectorError() | aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return UpstreamConnect("cannot connect to the upstream", origin=origin)
        case aiohttp.ServerDisconnectedError() if isinstance(error.message, str):
            return _Unanswered()
        case ConnectionResetError() | BrokenPipeError() | aiohttp.ClientOSError():
            return _Unanswered()
        case aiohttp.InvalidURL():
            return UpstreamConnect("the upstream's address or the proxy's is not usable", origin=origin)
        case _:
            return UpstreamProtocol(f"the upstream's answer is not HTTP/1.1: {type(error).__name__}")


_: type[Upstream] = AiohttpUpstream
