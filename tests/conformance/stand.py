"""A gateway on a real loopback socket before strict scripted vendors, all in one background thread; tests talk to it with
the real, synchronous SDKs."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import uvicorn

from gateway.app import Gateway
from gateway.cli import serve
from gateway.config.load import Loaded
from gateway.testing.scripted import Recorded, ScriptedModel, ScriptedServer
from gateway.testing.scripted.memory import Memory
from gateway.testing.scripted.model import Script
from tests.support.gateways import loaded

KEY = "sk-scripted"

VENDORS: dict[str, Any] = {"anthropic": "anthropic", "deepseek": "deepseek", "openai": "openai", "vllm": "vllm"}

# Configured name -> (provider, upstream model, the one dialect spoken to it or None for all of the provider's).
MODELS: dict[str, tuple[str, str, str | None]] = {
    "claude": ("anthropic", "claude-opus-5-5", None),
    "claude-old": ("anthropic", "claude-sonnet-4-5", None),
    "deepseek": ("deepseek", "deepseek-v4-flash", "chat"),
    "gpt": ("openai", "gpt-6.1-sol", "responses"),
    "gpt-chat": ("openai", "gpt-4.1", "chat"),
    "vllm": ("vllm", "qwen3", None),
    "vllm-chat": ("vllm", "qwen3", "chat"),
    "vllm-messages": ("vllm", "qwen3", "messages"),
    "vllm-responses": ("vllm", "qwen3", "responses"),
    "small": ("vllm", "qwen3-small", "chat"),
}
UPSTREAM = {
    "claude": "messages",
    "claude-old": "messages",
    "vllm-messages": "messages",
    "deepseek": "chat",
    "gpt-chat": "chat",
    "vllm-chat": "chat",
    "gpt": "responses",
    "vllm-responses": "responses",
}
"""The dialect in which a model is spoken to: with three clients these are the nine pairs, by every vendor that has one."""


class Stand:
    """`base` is the gateway's address. Vendors get a fresh memory and script with `script`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._numbers = itertools.count(1)
        self.servers: dict[str, ScriptedServer] = {}
        self.gateway: Gateway
        self.base = ""

    # --- life -------------------------------------------------------------------------------------------------

    def open(self) -> Stand:
        self._thread.start()
        self.do(self._open())
        return self

    def close(self) -> None:
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self) -> None:
        for name, profile in VENDORS.items():
            self.servers[name] = await ScriptedServer(profile=profile, api_key=KEY).start()
        os.environ["SCRIPTED_KEY"] = KEY
        config = loaded(self._config())

        async def again() -> Loaded:
            return config

        self.gateway = Gateway(config, again, self._folder / "state", local=True)
        await self.gateway.start()
        listening = serve.bind("127.0.0.1", 0)
        assert listening is not None
        self.base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            self.gateway.front, http="httptools", ws="none", loop="none", lifespan="off", log_config=None
        )
        self._server = uvicorn.Server(config)
        self._server.capture_signals = _no_signals  # type: ignore[method-assign]
        self._serving = asyncio.ensure_future(self._server.serve([listening]))
        while not self._server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)

    async def _close(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        await self._serving
        await self.gateway.stop()
        for server in self.servers.values():
            await server.stop()

    def _config(self) -> dict[str, Any]:
        models = {
            name: {
                "provider": provider,
                "model": model,
                "base_url": self.servers[provider].origin,
                "api_key": "env:SCRIPTED_KEY",
                "lane": "local" if name == "small" else "mid",
                "capabilities": {"images": True},
                **({"dialect": dialect} if dialect else {}),
            }
            for name, (provider, model, dialect) in MODELS.items()
        }
        routes = [
            {"id": "housekeeping", "when": {"call": ["title", "summary"]}, "to": ["small"]},
            {"id": "default", "to": ["claude", "deepseek", "vllm"]},
        ]
        return {
            "state": {"kind": "memory"},  # `forget` empties it
            "models": models,
            "routes": routes,
            # Many tests share this gateway: one test's failures must not open the breaker for the next.
            "breaker": {"failures": 1000},
            "loop_guard": {"repeats": 1000},
            "retry": {"max_attempts": 1},
        }

    # --- scenes -----------------------------------------------------------------------------------------------

    def script(self, model: str, *turns: Script, **options: Any) -> ScriptedModel:
        """A fresh vendor behind the address of `model`'s provider, saying `turns`."""
        provider = MODELS[model][0]
        options.setdefault("memory", Memory(seed=f"{provider}-{next(self._numbers)}"))
        made = ScriptedModel(profile=VENDORS[provider], api_key=KEY, turns=turns, **options)
        self.servers[provider].model = made
        return made

    def session(self) -> str:
        return f"session-{next(self._numbers):06d}"

    def forget(self) -> None:
        """The gateway's memory is lost: sessions, reasoning, stored responses."""
        self.do(self.gateway.ports.state.aclose())  # of the memory store: drops everything, and it goes on


def _no_signals() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def complaints(records: Iterable[Recorded]) -> list[str]:
    """What the strict vendors had against the gateway's requests."""
    return [f"{r.target}: {r.complaint}" for r in records if r.complaint]
