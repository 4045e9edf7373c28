"""Which upstream an origin's scheme leads to."""

from __future__ import annotations

import pytest

from gateway.adapters.upstream.scheme import SchemeUpstream
from gateway.ports import UpstreamReply, UpstreamRequest


class Named(Exception):
    """Raised instead of an answer: says who was asked."""


class Fake:
    def __init__(self, name: str, closed: list[str]) -> None:
        self.name, self._closed = name, closed

    async def send(self, request: UpstreamRequest) -> UpstreamReply:
        raise Named(self.name)

    async def aclose(self) -> None:
        self._closed.append(self.name)
        if self.name == "sim":
            raise OSError("already gone")


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("sim://builtin", "sim"),
        ("http://host", "usual"),
        ("https://sim", "usual"),
        ("simulated://x", "usual"),
        ("sim", "sim"),
    ],
)
async def test_by_scheme(origin: str, name: str) -> None:
    upstream = SchemeUpstream({"sim": Fake("sim", [])}, Fake("usual", []))
    with pytest.raises(Named, match=name):
        await upstream.send(UpstreamRequest("POST", origin, "/", (), b""))


async def test_all_are_closed_also_when_one_fails() -> None:
    closed: list[str] = []
    with pytest.raises(OSError, match="already gone"):
        await SchemeUpstream({"sim": Fake("sim", closed)}, Fake("usual", closed)).aclose()
    assert closed == ["sim", "usual"]
