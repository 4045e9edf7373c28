"""Which client gets which request."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.adapters.upstream import ChoosingUpstream
from gateway.ports import UpstreamRequest

REQUEST = UpstreamRequest("POST", "http://h", "/", (), b"")


@dataclass
class Recorder:
    name: str
    broken: bool = False
    seen: list[UpstreamRequest] = field(default_factory=list)
    closed: int = 0

    async def send(self, request: UpstreamRequest) -> Any:
        self.seen.append(request)
        return self.name

    async def aclose(self) -> None:
        self.closed += 1
        if self.broken:
            raise OSError


async def test_the_choice() -> None:
    lean, full = Recorder("lean"), Recorder("full")
    upstream = ChoosingUpstream(lambda _: lean, lambda _: full, odd_origins=["http://odd"])
    chosen = [
        await upstream.send(request)
        for request in (REQUEST, replace(REQUEST, proxy="http://p"), replace(REQUEST, origin="http://odd"))
    ]
    assert chosen == ["lean", "full", "full"]
    assert lean.seen == [REQUEST]


async def test_closing_closes_both_even_when_one_fails() -> None:
    lean, full = Recorder("lean", broken=True), Recorder("full")
    upstream = ChoosingUpstream(lambda _: lean, lambda _: full)
    await upstream.send(REQUEST)
    await upstream.send(replace(REQUEST, proxy="http://p"))
    with pytest.raises(OSError):
        await upstream.aclose()
    assert (lean.closed, full.closed) == (1, 1)


async def test_an_upstreams_own_authority_is_trusted_for_nobody_else() -> None:
    made: list[tuple[str | None, Recorder]] = []

    def make(tls_ca: str | None) -> Recorder:
        made.append((tls_ca, Recorder(str(tls_ca))))
        return made[-1][1]

    upstream = ChoosingUpstream(make, make)
    for request in (REQUEST, replace(REQUEST, tls_ca="/ca.pem"), REQUEST, replace(REQUEST, tls_ca="/ca.pem")):
        await upstream.send(request)
    assert [(ca, len(client.seen)) for ca, client in made] == [(None, 2), ("/ca.pem", 2)]
