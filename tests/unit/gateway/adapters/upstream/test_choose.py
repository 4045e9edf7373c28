"""Which client gets which request."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

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
    upstream = ChoosingUpstream(lean, full, odd_origins=["http://odd"])
    chosen = [
        await upstream.send(request)
        for request in (REQUEST, replace(REQUEST, proxy="http://p"), replace(REQUEST, origin="http://odd"))
    ]
    assert chosen == ["lean", "full", "full"]
    assert lean.seen == [REQUEST]


async def test_closing_closes_both_even_when_one_fails() -> None:
    lean, full = Recorder("lean", broken=True), Recorder("full")
    with pytest.raises(OSError):
        await ChoosingUpstream(lean, full).aclose()
    assert (lean.closed, full.closed) == (1, 1)
