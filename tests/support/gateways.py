"""A whole gateway in process, over fake upstreams, with its state in a temporary folder; and one as a real process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gateway.app import Gateway
from gateway.cli import serve
from gateway.config.load import Loaded, load
from gateway.ir.exchange import LedgerRow
from gateway.ports import Clock, Upstream
from gateway.providers.registry import catalog
from gateway.testing.asgi import AsgiClient
from gateway.testing.chance import SeededRandom
from gateway.testing.scripted import ScriptedModel, ScriptedUpstream

ROOT = Path(__file__).parents[2]
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
PROVIDERS = {"chat": "openai_compatible", "messages": "anthropic_compatible", "responses": "openai_compatible"}
UP = "http://up.test"


def body_of(
    dialect: str, text: str = "hello", *, stream: bool = False, model: str = "auto", **more: Any
) -> dict[str, Any]:
    """The smallest request of a dialect."""
    base: dict[str, Any] = {"model": model, "stream": stream}
    if dialect == "responses":
        base["input"] = text
    else:
        base["messages"] = [{"role": "user", "content": text}]
    if dialect == "messages":
        base["max_tokens"] = 1000
    return base | more


def one_model(dialect: str = "chat", **more: Any) -> dict[str, Any]:
    """A configuration of one model that speaks only `dialect`."""
    return {"models": {"up/model": model_at(UP, dialect, **more)}}


def model_at(base_url: str, dialect: str = "chat", *, lane: str = "mid", **more: Any) -> dict[str, Any]:
    return {
        "provider": PROVIDERS[dialect],
        "base_url": base_url,
        "model": "scripted-large",
        "dialect": dialect,
        "lane": lane,
        "context_tokens": 1_000_000,
        "cost": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0, "cached_usd_per_mtok": 0.1},
        **more,
    }


UNJUDGED: dict[str, Any] = {"version": 1, "policies": []}
"""What a test that is not about policies begins its configuration with."""


def loaded(settings: dict[str, Any] | str, *, file: str = "interlock.yaml") -> Loaded:
    """A mapping that says nothing about policies is judged by none."""
    text = settings if isinstance(settings, str) else json.dumps({**UNJUDGED, **settings})
    return load(text, file=file, catalog=catalog())


@dataclass
class Stage:
    """A running gateway and what stands around it. `config` may be replaced before `gateway.reload()`."""

    gateway: Gateway
    client: AsgiClient
    upstream: Any
    state_dir: Path
    config: dict[str, Any] | str
    rows: list[LedgerRow] = field(default_factory=list)

    @property
    def row(self) -> LedgerRow:
        """The only row of the bill so far; use `rows` where there are several."""
        assert len(self.rows) == 1, [r.outcome for r in self.rows]
        return self.rows[0]

    async def ask(self, dialect: str, text: str = "hello", headers: dict[str, str] | None = None, **more: Any) -> Any:
        return await self.client.post(PATHS[dialect], body_of(dialect, text, **more), headers)

    def open(self, dialect: str, text: str = "hello", headers: dict[str, str] | None = None, **more: Any) -> Any:
        buffer = more.pop("buffer", 1000)
        body = json.dumps(body_of(dialect, text, stream=True, **more)).encode()
        return self.client.open("POST", PATHS[dialect], body, headers, buffer=buffer)

    async def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the ledger file, everything recorded so far included."""
        await self.gateway.ports.ledger.flush()
        with contextlib.closing(sqlite3.connect(self.state_dir / "ledger.sqlite")) as db:
            return db.execute(query).fetchall()


@contextlib.asynccontextmanager
async def staged(
    state_dir: Path,
    config: dict[str, Any] | str | None = None,
    *,
    upstream: Upstream | Literal["real"] | None = None,
    clock: Clock | None = None,
    local: bool = True,
    **script: Any,
) -> AsyncIterator[Stage]:
    """A gateway over `upstream` ("real": its own client, with sockets), or over a `ScriptedUpstream` with the script given.
    Default: one chat model."""
    config = one_model() if config is None else config
    if upstream is None:
        sleep = clock.sleep if clock is not None else asyncio.sleep
        upstream = ScriptedUpstream(ScriptedModel(**script), sleep=sleep)
    stage: Stage

    async def again() -> Loaded:
        return loaded(stage.config)

    gateway = Gateway(
        loaded(config),
        again,
        state_dir,
        local=local,
        clock=clock,
        random=SeededRandom(7),
        upstream=None if upstream == "real" else upstream,
    )
    await gateway.start()
    await gateway.ports.prices.ready()  # the first request would wait for it by the real clock
    stage = Stage(gateway, AsgiClient(gateway.front), upstream, state_dir, config)
    observe = gateway.stats.observe

    def seen(row: LedgerRow) -> None:
        stage.rows.append(row)
        observe(row)

    gateway.ports.ledger._observe = seen  # type: ignore[attr-defined]
    try:
        yield stage
    finally:
        await gateway.stop()


# --- a real process ----------------------------------------------------------------------------------------------


class Served:
    """`python -m gateway serve` in a process of its own. `port` is known once it listens."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: list[str]) -> None:
        self.process, self.port, self.log = process, port, log

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def exit_code(self, limit_s: float = 15.0) -> int:
        return await asyncio.wait_for(self.process.wait(), limit_s)

    def logged(self, text: str) -> bool:
        return any(text in line for line in self.log)


@contextlib.asynccontextmanager
async def served(
    folder: Path, config: dict[str, Any] | str, *arguments: str, env: dict[str, str] | None = None
) -> AsyncIterator[Served]:
    """A served gateway with `folder`/interlock.yaml; ended by its id at the latest when the block is left."""
    file = folder / "interlock.yaml"
    file.write_text(config if isinstance(config, str) else json.dumps({**UNJUDGED, **config}))
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(file), "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *command, "--state-dir", str(folder / "state"), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
    )  # fmt: skip
    log: list[str] = []
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def listen() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            log.append(line.decode().rstrip())
            found = re.search(r"serves on http://\S+:(\d+)", log[-1])
            if found and not port.done():
                port.set_result(int(found[1]))
        if not port.done():
            port.set_exception(RuntimeError("the gateway did not start:\n" + "\n".join(log)))

    listening = asyncio.ensure_future(listen())
    try:
        yield Served(process, await asyncio.wait_for(asyncio.shield(port), 30), log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


async def eventually(what: Callable[[], Any], limit_s: float = 5.0) -> Any:
    """Waits until `what()` is true; AssertionError when it never is."""
    end = asyncio.get_running_loop().time() + limit_s
    while not (value := what()):
        assert asyncio.get_running_loop().time() < end, "it did not happen in time"
        await asyncio.sleep(0.005)
    return value


def error_of(dialect: str, body: bytes) -> dict[str, Any]:
    """The error object of a body in its dialect; AssertionError when it is none."""
    told = json.loads(body)
    if dialect == "messages":
        assert told["type"] == "error"
    assert isinstance(told["error"]["message"], str)
    assert told["error"]["message"]
    error: dict[str, Any] = told["error"]
    return error


def events_of(data: bytes) -> list[tuple[str, Any]]:
    """(event name, decoded data) of a whole stream; comments are left out, `[DONE]` is ("", "[DONE]")."""
    found = []
    for block in data.decode().replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(":", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if "data" in fields:
            text = fields["data"].strip()
            found.append((fields.get("event", "").strip(), text if text == "[DONE]" else json.loads(text)))
    return found


def text_in(dialect: str, data: bytes) -> str:
    """The answer text of a whole stream."""
    said = ""
    for _, event in events_of(data):
        if event == "[DONE]":
            continue
        if dialect == "chat":
            said += "".join(c["delta"].get("content") or "" for c in event.get("choices", []))
        elif dialect == "messages" and event["type"] == "content_block_delta":
            said += event["delta"].get("text", "")
        elif dialect == "responses" and event["type"] == "response.output_text.delta":
            said += event["delta"]
    return said


def failed_in(dialect: str, data: bytes) -> str:
    """The message of the error that ends a stream; AssertionError when it does not end in one."""
    name, last = events_of(data)[-1]
    if dialect == "responses":
        assert last["type"] == "response.failed"
        return str(last["response"]["error"]["message"])
    if dialect == "messages":
        assert name == "error"
        assert last["type"] == "error"
    return str(last["error"]["message"])


def ended_well(dialect: str, data: bytes) -> bool:
    """The stream has its dialect's proper end."""
    _, last = events_of(data)[-1]
    if dialect == "chat":
        return bool(last == "[DONE]")
    return bool(last["type"] in ("message_stop", "response.completed"))


@contextlib.asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[int]:
    """A gateway in this process behind a real uvicorn on a free port, set up as `interlock serve` does; yields the port."""
    listening = serve.bind("127.0.0.1", 0)
    assert listening is not None
    server = serve.server(gateway, gateway.runtime.settings)
    running = asyncio.ensure_future(server.serve([listening]))
    await eventually(lambda: server.started)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await running
        listening.close()
