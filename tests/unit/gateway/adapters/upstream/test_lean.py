"""The lean client's own decisions; exchanges over sockets are in tests/integration/upstream."""

import pytest

from gateway.adapters.upstream import LeanUpstream
from gateway.errors import UpstreamConnect
from gateway.ports import UpstreamRequest


async def test_a_bad_origin_leaves_no_pool() -> None:
    client = LeanUpstream()
    with pytest.raises(UpstreamConnect):
        await client.send(UpstreamRequest("GET", "ftp://h", "/", (), b""))
    assert (client.open_count, client.idle_count, client._pools) == (0, 0, {})
    await client.aclose()


async def test_a_forged_head_is_refused_before_connecting() -> None:
    client = LeanUpstream()
    with pytest.raises(ValueError):
        await client.send(UpstreamRequest("GET", "http://127.0.0.1:1", "/", ((b"a", b"\n"),), b""))
    assert client.open_count == 0
    await client.aclose()


async def test_a_closed_client_connects_no_more() -> None:
    client = LeanUpstream()
    await client.aclose()
    with pytest.raises(UpstreamConnect, match="shutting down"):
        await client.send(UpstreamRequest("GET", "http://127.0.0.1:1", "/", (), b""))
