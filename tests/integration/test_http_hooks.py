"""HTTP hooks against a real server: answers, statuses, redirects, sizes, silence."""

import asyncio

import pytest
from aiohttp import web

from gateway.adapters.hooks import HookRunner
from policies.hooks import HookAnswer
from policies.model import Hook


@pytest.fixture
async def address():
    async def handle(request):
        assert request.content_type == "application/json"
        match request.path:
            case "/ask":
                return web.json_response({"decision": "ask", "reason": (await request.json())["session"]})
            case "/nothing":
                return web.Response(status=204)
            case "/large":
                return web.Response(body=b"x" * 1_000_000)
            case "/away":
                return web.Response(status=302, headers={"location": "/ask"})
            case "/slow":
                await asyncio.sleep(30)
        return web.Response(status=500)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    await runner.cleanup()


async def ask(address, path, **more):
    hook = Hook.model_validate({"id": "h", "on": "pre_tool_use", "http": address + path} | more)
    runner = HookRunner([hook])
    try:
        return await runner.run("h", b'{"session":"s1"}')
    finally:
        await runner.aclose()


async def test_answers(address):
    assert await ask(address, "/ask") == HookAnswer("ask", "s1")
    assert await ask(address, "/nothing") == HookAnswer()


@pytest.mark.parametrize(
    ("path", "failed"),
    [("/x", "status 500"), ("/large", "larger than"), ("/away", "status 302"), ("/slow", "no answer within")],
)
async def test_failures(address, path, failed):
    assert failed in (await ask(address, path, timeout_ms=700)).failed


async def test_nobody_there():
    assert "could not be run" in (await ask("http://127.0.0.1:1", "/")).failed
