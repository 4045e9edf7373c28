"""`interlock doctor` against real sockets: a foreign server on the port, one that refuses keys, one with a wrong clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.cli import _doctor_machine, _doctor_upstream
from gateway.config.settings import Settings
from gateway.endpoints import Endpoint, build
from gateway.providers.registry import all_providers


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[int]:
    """A server that gives every request one answer; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def endpoint(port: int) -> Endpoint:
    model = {
        "provider": "vllm",
        "base_url": f"http://127.0.0.1:{port}",
        "model": "m",
        "lane": "local",
        "api_key": "env:K",
    }
    return build(Settings.model_validate({"models": {"a": model}}), all_providers(), {"env:K": "sk-x"}, {})["a"]


async def test_ports() -> None:
    async with answering(http("200 OK", b"<html>", "content-type: text/html")) as port:
        found = await _doctor_machine.port("127.0.0.1", port)
        assert found.level == "problem"
        assert f"port 127.0.0.1:{port} is taken by" in found.text  # this very process
    assert (await _doctor_machine.port("127.0.0.1", port)).level == "ok"
    async with answering(http("200 OK", b'{"status": "ok", "version": "9.9"}')) as port:
        found = await _doctor_machine.port("127.0.0.1", port)
        assert (found.level, found.text) == ("ok", f"the gateway runs on 127.0.0.1:{port} (version 9.9)")


async def test_an_upstream_that_refuses_the_key() -> None:
    async with answering(http("401 Unauthorized", b"{}")) as port:
        (found,) = await _doctor_upstream.check([endpoint(port)])
        assert found.level == "problem"
        assert "refuses the key" in found.text
    (gone,) = await _doctor_upstream.check([endpoint(port)])
    assert "cannot be reached" in gone.text


async def test_an_upstream_with_another_time() -> None:
    reply = http("200 OK", b'{"data": [{"id": "m"}]}', "date: Sat, 01 Jan 2000 00:00:00 GMT")
    async with answering(reply) as port:
        clock, served = await _doctor_upstream.check([endpoint(port)])
        assert "ahead of" in clock.text
        assert served.level == "ok"


async def test_no_upstream_is_asked_twice_for_two_models() -> None:
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http("200 OK", b'{"data": [{"id": "m"}]}'))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        one = endpoint(server.sockets[0].getsockname()[1])
        assert [f.level for f in await _doctor_upstream.check([one, one])] == ["ok", "ok"]
    assert asked == 1
