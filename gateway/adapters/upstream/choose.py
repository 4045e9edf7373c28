"""Which client serves a request: the lean one, unless it needs what only aiohttp does."""

from __future__ import annotations

from collections.abc import Collection

from gateway.ports import Upstream, UpstreamReply, UpstreamRequest


class ChoosingUpstream:
    """`lean` for everything but requests with an outbound proxy and origins in `odd_origins`, which `full` serves."""

    def __init__(self, lean: Upstream, full: Upstream, *, odd_origins: Collection[str] = ()) -> None:
        self._lean = lean
        self._full = full
        self._odd_origins = frozenset(odd_origins)

    async def send(self, request: UpstreamRequest) -> UpstreamReply:
        if request.proxy is not None or request.origin in self._odd_origins:
            return await self._full.send(request)
        return await self._lean.send(request)

    async def aclose(self) -> None:
        """Close both, the second also when the first fails."""
        try:
            await self._lean.aclose()
        finally:
            await self._full.aclose()


_: type[Upstream] = ChoosingUpstream
