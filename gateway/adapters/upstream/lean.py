"""The lean upstream client: HTTP/1.1 over pooled connections, nothing else. About a tenth of aiohttp's CPU per request.

Does: keep-alive, TLS, time limits per phase, back-pressure, cancellation, chunked and close-delimited bodies, gzip, deflate.
Does not: outbound proxies, redirects, cookies, HTTP/2 (see `choose` for the first).
"""

from __future__ import annotations

import asyncio
import ssl

from gateway.adapters.upstream.connection import LeanReply, Stale
from gateway.adapters.upstream.messages import parse_origin, request_head
from gateway.adapters.upstream.pool import OriginPool, PoolLimits
from gateway.adapters.upstream.tls import client_context
from gateway.errors import UpstreamConnect, UpstreamProtocol
from gateway.ports import Upstream, UpstreamRequest


class LeanUpstream:
    """Belongs to the event loop it is first used on. `ca_file` adds authorities to the system's."""

    def __init__(self, *, ca_file: str | None = None, limits: PoolLimits | None = None) -> None:
        self._ca_file = ca_file
        self._limits = limits or PoolLimits()
        self._pools: dict[str, OriginPool] = {}
        self._ssl_context: ssl.SSLContext | None = None
        self._closed = False

    @property
    def open_count(self) -> int:
        """Connections open or being opened, over all origins."""
        return sum(pool.open_count for pool in self._pools.values())

    @property
    def idle_count(self) -> int:
        """Connections that wait to be used again."""
        return sum(pool.idle_count for pool in self._pools.values())

    async def send(self, request: UpstreamRequest) -> LeanReply:
        """See `gateway.ports.Upstream`. A request on a kept-alive connection that closes before any byte of an answer is
        sent once more, on a new connection."""
        pool = self._pools.get(request.origin) or self._new_pool(request.origin)
        head = request_head(request.method, request.target, pool.origin.authority, request.headers, len(request.body))
        connection = pool.reuse()
        if connection is None:
            connection = await pool.open(request.timeouts.connect_s)
        is_head = request.method == "HEAD"
        reply = connection.start(head, request.body, request.timeouts, is_head=is_head)
        try:
            await reply.head()
        except Stale:
            connection = await pool.open(request.timeouts.connect_s)
            reply = connection.start(head, request.body, request.timeouts, is_head=is_head)
            try:
                await reply.head()
            except Stale as error:  # at the bound of the pool the second may be a used one too
                raise UpstreamProtocol("the upstream closed the connection without answering") from error
        return reply

    def _new_pool(self, name: str) -> OriginPool:
        if self._closed:
            raise UpstreamConnect("the gateway is shutting down", origin=name)
        origin = parse_origin(name)
        if origin.tls and self._ssl_context is None:
            self._ssl_context = client_context(self._ca_file)
        context = self._ssl_context if origin.tls else None
        pool = self._pools[name] = OriginPool(name, origin, context, self._limits, asyncio.get_running_loop())
        return pool

    async def aclose(self) -> None:
        """Abort every connection; replies still being read end with UpstreamProtocol."""
        self._closed = True
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        await asyncio.sleep(0)  # lets the transports close their sockets


_: type[Upstream] = LeanUpstream
