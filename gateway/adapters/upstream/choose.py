"""Which client serves a request: the lean one, or aiohttp for what only that does; one of each per set of authorities."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from typing import Any

from gateway.errors import UpstreamConnect
from gateway.ports import Upstream, UpstreamReply, UpstreamRequest

Make = Callable[[str | None], Upstream]
"""Builds a client that trusts the authorities of a PEM file besides the system's (None: only those)."""


class ChoosingUpstream:
    """`lean` for everything but requests with an outbound proxy and origins in `odd_origins`, which `full` serves. Clients
    are built on first use, one per `tls_ca`: an upstream's own authority is trusted for nobody else."""

    def __init__(self, lean: Make, full: Make, *, odd_origins: Collection[str] = ()) -> None:
        self._makers = {"lean": lean, "full": full}
        self._clients: dict[tuple[str, str | None], Upstream] = {}
        self._odd_origins = frozenset(odd_origins)
        self._closed = False

    def send(self, request: UpstreamRequest) -> Coroutine[Any, Any, UpstreamReply]:
        """The chosen client's own, so that a request does not go through one coroutine more."""
        if self._closed:
            raise UpstreamConnect("the gateway is shutting down", origin=request.origin)
        odd = request.proxy is not None or request.origin in self._odd_origins
        return self._client("full" if odd else "lean", request.tls_ca).send(request)

    def _client(self, kind: str, tls_ca: str | None) -> Upstream:
        client = self._clients.get((kind, tls_ca))
        if client is None:
            client = self._clients[kind, tls_ca] = self._makers[kind](tls_ca)
        return client

    async def aclose(self) -> None:
        """Close all, the later ones also when an earlier fails."""
        self._closed = True
        clients, self._clients = list(self._clients.values()), {}
        errors: list[Exception] = []
        for client in clients:
            try:
                await client.aclose()
            except (OSError, RuntimeError) as error:
                errors.append(error)
        if errors:
            raise errors[0]


_: type[Upstream] = ChoosingUpstream
