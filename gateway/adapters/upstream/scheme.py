"""Upstreams that are no HTTP server, by the scheme of their origin (the simulated one); everything else goes on."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

from gateway.ports import Upstream, UpstreamReply, UpstreamRequest


class SchemeUpstream:
    """`special` maps a scheme ("sim") to the upstream that serves it; `usual` serves the rest."""

    def __init__(self, special: Mapping[str, Upstream], usual: Upstream) -> None:
        self._special = dict(special)
        self._usual = usual

    def send(self, request: UpstreamRequest) -> Coroutine[Any, Any, UpstreamReply]:
        if not self._special:
            return self._usual.send(request)
        scheme = request.origin.partition("://")[0]
        return self._special.get(scheme, self._usual).send(request)

    async def aclose(self) -> None:
        """Close all, the later ones also when an earlier fails."""
        async with AsyncExitStack() as stack:
            for upstream in (self._usual, *self._special.values()):
                stack.push_async_callback(upstream.aclose)


_: type[Upstream] = SchemeUpstream
