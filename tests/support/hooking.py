"""Policies with hooks for tests: commands that write down what they got and answer what they are told, an HTTP side, and the
whole gateway with such a policy."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.testing.scripted import Call, ScriptedModel, ScriptedUpstream, Text, Turn
from policies import audit
from tests.support.gateways import PATHS, one_model, staged
from tests.support.toolcalls import answered, asking

RULES = """
version: 1
defaults: {decision: ask}
workspace: {roots: [/repo]}
rules:
  base:
    - {id: read, allow: {tool: read, paths_in: workspace}}
    - {id: ls, allow: {program: ls, paths_in: workspace}}
    - {id: never, deny: {tool: shell, program: rm}}
    - {id: floor, ask: {program: git}, floor: true}
"""

_SOURCE = """
import json, sys
told = sys.stdin.buffer.read()
with open(sys.argv[1], 'ab') as file:
    file.write(told + b'\\n')
sys.stdout.write(sys.argv[2])
sys.stderr.write(sys.argv[3])
sys.exit(int(sys.argv[4]))
"""


class Heard:
    """A command hook's log: what it was given, one payload a line."""

    def __init__(self, folder: Path, name: str = "heard") -> None:
        self.path = folder / f"{name}.jsonl"

    def command(self, answer: Any = None, *, err: str = "", code: int = 0) -> list[str]:
        """A program that writes its input down and answers this."""
        out = "" if answer is None else answer if isinstance(answer, str) else json.dumps(answer)
        return [sys.executable, "-S", "-c", _SOURCE, str(self.path), out, err, str(code)]

    @property
    def told(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]


def policy(folder: Path, *hooks: dict[str, Any], rules: str = RULES, **more: Any) -> str:
    """The path of a policy file with these hooks; `more` are further top-level keys."""
    file = folder / "policy.yaml"
    extra = "".join(f"{key}: {json.dumps(value)}\n" for key, value in {"hooks": hooks, **more}.items() if value)
    file.write_text(rules + extra)
    return str(file)


@contextlib.asynccontextmanager
async def listening(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """The address of an HTTP hook, ended with the block."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = site._server
    assert server is not None
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    await runner.cleanup()


# --- the whole gateway -------------------------------------------------------------------------------------------

DIALECTS = ("chat", "messages", "responses")
every_dialect = pytest.mark.parametrize("dialect", DIALECTS)
CONTEXT = {"context": "Mind the gap."}


def said(*turns):
    return ScriptedUpstream(ScriptedModel(turns=turns or (Turn(parts=(Text("fine"),)),) * 4))


def bash(command="ls /repo"):
    return Turn(parts=(Call("bash", {"command": command}, id="call_1"),))


_numbers = itertools.count()


def gateway(folder, *hooks, dialect="chat", upstream=None, models=None, **more):
    """Over an upstream that says what is scripted; each with a state directory of its own."""
    config = {**(models or one_model(dialect)), "policies": [policy(folder, *hooks, **more)]}
    return staged(folder / f"state{next(_numbers)}", config, upstream=upstream or said())


async def records(stage, kind="hook"):
    await stage.gateway.judging.flush()
    lines = (stage.state_dir / "audit.jsonl").read_bytes().splitlines(keepends=True)
    assert audit.verify(lines).findings == ()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def sent(stage, number=-1):
    """The body of a request as the upstream got it."""
    return stage.upstream.model.work[number].json


def last_text(dialect, body):
    """What the model reads last from the user's side."""
    item = body["input" if dialect == "responses" else "messages"][-1]
    content = item["content"]
    return content if isinstance(content, str) else content[-1]["text"]


async def call_of(stage, dialect, *history, stream=False, headers=None):
    """The tool call of the answer, as the client gets it."""
    reply = await stage.client.post(PATHS[dialect], asking(dialect, "do it", *history, stream=stream), headers)
    assert reply.status == 200, reply.body
    return answered(dialect, reply.body, stream=stream).calls[0]
