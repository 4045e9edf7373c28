"""How aiohttp's exceptions read as ours; exchanges over sockets are in tests/integration/upstream."""

import io

import aiohttp
import pytest

from gateway.adapters.upstream.aiohttp_client import AiohttpUpstream, _mapped, _payload, _Unanswered
from gateway.errors import UpstreamConnect, UpstreamProtocol
from gateway.ports import UpstreamRequest


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aiohttp.ServerDisconnectedError(), _Unanswered),
        (aiohttp.ClientOSError(104, "reset"), _Unanswered),
        (ConnectionResetError(), _Unanswered),
        (aiohttp.InvalidURL("x"), UpstreamConnect),
        (aiohttp.ClientPayloadError("x"), UpstreamProtocol),
        (aiohttp.ClientConnectionError("x"), UpstreamProtocol),
    ],
)
def test_mapping(error: Exception, kind: type[Exception]) -> None:
    assert isinstance(_mapped(error, "http://h"), kind)


def test_large_bodies_go_out_in_pieces() -> None:
    assert _payload(b"") is None
    assert _payload(b"x") == b"x"
    assert isinstance(_payload(b"x" * 1_000_000), io.BytesIO)


async def test_a_closed_client_connects_no_more() -> None:
    client = AiohttpUpstream()
    await client.aclose()
    with pytest.raises(UpstreamConnect, match="shutting down"):
        await client.send(UpstreamRequest("GET", "http://127.0.0.1:1", "/", (), b""))
    assert client.open_count == 0
