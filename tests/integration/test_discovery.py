"""Discovery against real sockets on loopback: what listens is found, what hangs or raves costs no more than the limit."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.adapters.discovery import probe, probe_addresses
from gateway.config.catalog import Catalog
from gateway.config.discover import Served
from gateway.providers.registry import catalog

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def vllm(request: web.Request) -> web.StreamResponse:
    if request.path != "/v1/models":
        return web.Response(status=404)
    return web.json_response({"data": [{"id": "tiny", "owned_by": "vllm", "max_model_len": 4096}]})


async def test_found_beside_servers_that_hang_or_rave():
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    async def rave(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"\xff" * 100, content_type="application/json")

    async def flood(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        while True:
            await reply.write(b" " * 65_536)

    async def away(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://127.0.0.1:1/")

    start_s = time.monotonic()
    async with serving(vllm) as a, serving(hang) as b, serving(rave) as c, serving(flood) as d, serving(away) as e:
        addresses = {f"http://127.0.0.1:{port}": "vllm" for port in (b, c, d, e, a)} | {"http://127.0.0.1:1": "ollama"}
        found = await probe_addresses(addresses, total_s=1.0)
    assert [(p.provider, p.base_url, p.models) for p in found] == [
        ("vllm", f"http://127.0.0.1:{a}", (Served(id="tiny", context_tokens=4096),))
    ]
    assert time.monotonic() - start_s < 4


async def test_addresses_of_the_environment_and_ports_to_skip(monkeypatch: pytest.MonkeyPatch):
    facts = catalog().providers["vllm"]
    async with serving(vllm) as port:
        only = Catalog({"vllm": facts.__class__(**{**_fields(facts), "ports": (port,)})})
        assert len(await probe(only, {})) == 1
        assert await probe(only, {}, skip_ports=frozenset({port})) == ()
        named = await probe(only, {"VLLM_BASE_URL": f"http://127.0.0.1:{port}/v1/"}, skip_ports=frozenset({port}))
        assert named[0].base_url == f"http://127.0.0.1:{port}"
        assert await probe(only, {"VLLM_BASE_URL": "not a url"}, skip_ports=frozenset({port})) == ()


def _fields(value: object) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}  # type: ignore[attr-defined]


async def test_nothing_to_ask():
    assert await probe_addresses({}) == ()
