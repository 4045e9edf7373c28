"""Every kind of hook, every way to fail, through the whole gateway."""

import asyncio
import sys

import pytest
from aiohttp import web

from tests.support.hooking import bash, call_of, gateway, listening, said

SLOW = [sys.executable, "-S", "-c", "import time; time.sleep(30)"]


FAILURES = {
    "exit 1": [sys.executable, "-S", "-c", "import sys; sys.exit(1)"],
    "garbage": [sys.executable, "-S", "-c", "print('yes, go on')"],
    "wrong field": [sys.executable, "-S", "-c", "print('{\"approve\": true}')"],
    "twice": [sys.executable, "-S", "-c", 'print(\'{"decision": "deny", "decision": "allow"}\')'],
    "huge": [sys.executable, "-S", "-c", "print('x' * 5_000_000)"],
    "gone": ["/no/such/program"],
    "killed": [sys.executable, "-S", "-c", "import os; os.kill(os.getpid(), 9)"],
    "late": SLOW,
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(
    ("on_error", "request_", "call"), [(None, 403, False), ("deny", 403, False), ("allow", 200, True)]
)
async def test_what_fails_counts_as_on_error(tmp_path, failure, on_error, request_, call):
    more = {"command": FAILURES[failure], "timeout_ms": 1000, **({"on_error": on_error} if on_error else {})}
    async with gateway(tmp_path, {"on": "request", **more}) as stage:
        assert (await stage.ask("chat")).status == request_
    async with gateway(tmp_path, {"on": "pre_tool_use", **more}, upstream=said(bash())) as stage:
        assert ((await call_of(stage, "chat")).command == "ls /repo") is call


async def test_http_hooks(tmp_path):
    answers = {
        "/deny": lambda: web.json_response({"decision": "deny", "reason": "by wire"}),
        "/ok": lambda: web.Response(status=204),
        "/garbage": lambda: web.Response(text="<html>"),
        "/error": lambda: web.Response(status=500),
        "/huge": lambda: web.Response(body=b" " * 2_000_000),
    }
    told = []

    async def handle(request):
        told.append(await request.json())
        if request.path == "/vanish":
            request.transport.close()
        if request.path == "/late":
            await asyncio.sleep(30)
        return answers.get(request.path, answers["/ok"])()

    async with listening(handle) as address:
        for path in ("/deny", "/ok", "/garbage", "/error", "/huge", "/vanish", "/late"):
            hook = {"on": "request", "http": address + path, "timeout_ms": 1000}
            async with gateway(tmp_path, hook) as stage:
                reply = await stage.ask("chat")
                assert reply.status == (200 if path == "/ok" else 403), path
    assert "by wire" not in reply.text
    assert told[0]["point"] == "request"
    async with gateway(tmp_path, {"on": "request", "http": address + "/ok"}) as stage:
        assert (await stage.ask("chat")).status == 403  # nobody listens any more
