"""TLS with a CA of our own, outbound proxies, and the choice of client."""

import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.upstream import ChoosingUpstream, LeanUpstream
from gateway.adapters.upstream.aiohttp_client import AiohttpUpstream
from gateway.adapters.upstream.tls import client_context
from gateway.errors import ConfigError, UpstreamConnect, UpstreamTimeout

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LIMIT = 1 << 20


def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1])
    return context


async def always_ok(peer: Any) -> None:
    while True:
        await peer.request()
        await peer.send(OK)


async def test_tls_with_an_added_authority(make_client: Any, serve: Any, ask: Any, certificate: Any) -> None:
    server = await serve(always_ok, server_context(certificate))
    client = make_client(ca_file=str(certificate[0]))
    for origin in (server.origin, server.origin, server.origin.replace("127.0.0.1", "localhost")):
        assert await (await client.send(ask(origin))).read(LIMIT) == b"ok"
    assert len(server.peers) == 2
    await client.aclose()


async def test_an_unknown_authority_and_a_wrong_name_are_refused(
    make_client: Any, serve: Any, ask: Any, certificate: Any
) -> None:
    server = await serve(always_ok, server_context(certificate), "::1")  # the certificate does not name ::1
    for client in (make_client(), make_client(ca_file=str(certificate[0]))):
        with pytest.raises(UpstreamConnect, match="certificate"):
            await client.send(ask(server))
        assert client.open_count == 0
        await client.aclose()
    assert sum(peer.requests for peer in server.peers) == 0


async def test_plain_text_where_tls_was_expected(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.reader.read(10)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = await serve(script)
    with pytest.raises(UpstreamConnect):
        await client.send(ask(server.origin.replace("http:", "https:")))


async def test_a_hanging_handshake_runs_into_the_connect_limit(client: Any, serve: Any, ask: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.gone()

    server = await serve(script)
    with pytest.raises(UpstreamTimeout) as caught:
        await client.send(ask(server.origin.replace("http:", "https:"), connect_s=0.2))
    assert caught.value.phase == "connect"


async def test_large_bodies_both_ways_over_tls(make_client: Any, serve: Any, ask: Any, certificate: Any) -> None:
    async def script(peer: Any) -> None:
        _, body = await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)
        await peer.gone()

    server = await serve(script, server_context(certificate))
    client = make_client(ca_file=str(certificate[0]))
    body = bytes(range(256)) * 40_000
    reply = await client.send(ask(server, body))
    await asyncio.sleep(0.2)
    assert await reply.read(1 << 30) == body
    await client.aclose()


async def test_cancellation_over_tls_is_seen_at_once(make_client: Any, serve: Any, ask: Any, certificate: Any) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        asked.set()
        with contextlib.suppress(ssl.SSLError):
            await peer.gone()
        left.set()

    server = await serve(script, server_context(certificate))
    client = make_client(ca_file=str(certificate[0]))
    task = asyncio.get_running_loop().create_task(client.send(ask(server)))
    await asked.wait()
    task.cancel()
    await asyncio.wait_for(left.wait(), 0.5)
    with pytest.raises(asyncio.CancelledError):
        await task
    await client.aclose()


def test_a_missing_ca_file_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    for path in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        with pytest.raises(ConfigError) as caught:
            client_context(str(path))
        assert caught.value.where == str(path)


async def test_a_proxied_request_goes_through_aiohttp_and_the_proxy(serve: Any, ask: Any) -> None:
    heads: list[bytes] = []

    async def proxy(peer: Any) -> None:
        heads.append((await peer.request())[0])
        await peer.send(OK)

    proxying, direct = await serve(proxy), await serve(always_ok)
    upstream = ChoosingUpstream(lambda ca: LeanUpstream(ca_file=ca), lambda ca: AiohttpUpstream(ca_file=ca))
    reply = await upstream.send(ask("http://upstream.invalid:81", proxy=proxying.origin))
    assert await reply.read(LIMIT) == b"ok"
    assert heads[0].startswith(b"POST http://upstream.invalid:81/v1/x HTTP/1.1\r\n")
    assert await (await upstream.send(ask(direct))).read(LIMIT) == b"ok"
    assert len(heads) == 1
    await upstream.aclose()


async def test_a_proxy_that_is_down_or_refuses_is_a_connect_error(serve: Any, ask: Any) -> None:
    async def refusing(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    down = await serve(always_ok)
    await down.stop()
    refuses = await serve(refusing)
    client = AiohttpUpstream()
    for proxy in (down.origin, refuses.origin):
        with pytest.raises(UpstreamConnect):
            await client.send(ask("https://upstream.invalid:443", proxy=proxy))
    await client.aclose()


async def test_odd_origins_go_to_the_full_client(serve: Any, ask: Any) -> None:
    server = await serve(always_ok)
    lean, full = LeanUpstream(), AiohttpUpstream()
    upstream = ChoosingUpstream(lambda _: lean, lambda _: full, odd_origins=[server.origin])
    assert await (await upstream.send(ask(server))).read(LIMIT) == b"ok"
    assert (lean.open_count, full.open_count) == (0, 1)
    await upstream.aclose()
    for closed in (full, upstream):
        with pytest.raises(UpstreamConnect, match="shutting down"):
            await closed.send(ask(server))
