"""Looks for model servers on the loopback ports where they usually listen. Everything at once, 1.5 s in all.

What a server is, it says itself: `owned_by` of its model list, or an endpoint that only it has. Sources of the fields:
vLLM `max_model_len` and `parent` in /v1/models; Ollama /api/tags, /api/ps (`context_length`), /api/show (`parameters`);
llama.cpp /props (`default_generation_settings.n_ctx`); LM Studio /api/v0/models (`loaded_context_length`, `type`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

import aiohttp

from gateway.config.catalog import Catalog
from gateway.config.discover import LOCAL_MODELS_MAX, Probe, Served

TOTAL_S = 1.5
REPLY_BYTES_MAX = 4 * 1024 * 1024
OWN_NAME = "interlock"
"""`owned_by` of our own model list: a gateway must not find itself or a sister as an upstream."""
_NUM_CTX = re.compile(r"^\s*num_ctx\s+(\d{1,9})\s*$", re.MULTILINE)

Json = Any
"""Whatever a stranger's server answers; every use checks the shape."""


class _Server:
    """One address, asked through one session."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self.base_url = base_url
        self._session = session

    async def ask(self, path: str, body: Json = None) -> Json:
        """Decoded reply of a GET (of a POST when there is a body); None for anything but a 200 with JSON in bounds."""
        method = "GET" if body is None else "POST"
        try:
            async with self._session.request(method, self.base_url + path, json=body, allow_redirects=False) as reply:
                return json.loads(await _bounded(reply)) if reply.status == 200 else None
        except (aiohttp.ClientError, OSError, ValueError, RecursionError):
            return None


async def _bounded(reply: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for piece in reply.content.iter_chunked(64 * 1024):
        data += piece
        if len(data) > REPLY_BYTES_MAX:
            raise ValueError("the reply is too large")
    return bytes(data)


async def probe(
    catalog: Catalog,
    environment: Mapping[str, str],
    *,
    host: str = "127.0.0.1",
    skip_ports: frozenset[int] = frozenset(),
    total_s: float = TOTAL_S,
) -> tuple[Probe, ...]:
    """Servers that answered within `total_s` seconds, in the order of providers and ports. `skip_ports` are our own.
    Addresses in the environment (VLLM_BASE_URL) are asked too. Never raises."""
    addresses: dict[str, str] = {}
    for facts in catalog.providers.values():
        if facts.local:
            named = (environment.get(name, "") for name in facts.env_base_url)
            urls = [url.rstrip("/").removesuffix("/v1") for url in named if url.startswith(("http://", "https://"))]
            urls += [f"http://{host}:{port}" for port in facts.ports if port not in skip_ports]
            for url in urls:
                addresses.setdefault(url, facts.name)
    return await probe_addresses(addresses, total_s=total_s)


async def probe_addresses(addresses: Mapping[str, str], *, total_s: float = TOTAL_S) -> tuple[Probe, ...]:
    """`addresses`: base URL -> the provider expected there. What did not finish in time is left out."""
    if not addresses:
        return ()
    # trust_env stays off: a proxy must not be asked for loopback addresses.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=total_s)) as session:
        tasks = [asyncio.create_task(_identify(_Server(session, url), expected)) for url, expected in addresses.items()]
        await asyncio.wait(tasks, timeout=total_s)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    return tuple(result for result in results if isinstance(result, Probe))


async def _identify(server: _Server, expected: str) -> Probe | None:
    if expected == "ollama":
        return await _ollama(server)
    if expected == "lmstudio" and (found := await _lmstudio(server)) is not None:
        return found
    return await _openai_like(server, expected)


async def _openai_like(server: _Server, expected: str) -> Probe | None:
    entries = [e for e in _list(await server.ask("/v1/models"), "data") if isinstance(e.get("id"), str)]
    if not entries or any(e.get("owned_by") == OWN_NAME for e in entries):
        return None
    owner = entries[0].get("owned_by")
    if owner == "llamacpp":
        window = await _llamacpp_window(server)
        models = tuple(Served(id=e["id"], context_tokens=window) for e in entries)
        return Probe(provider="llamacpp", base_url=server.base_url, models=models)
    models = tuple(
        Served(id=e["id"], context_tokens=_window(e.get("max_model_len")), base_model=_word(e.get("parent")))
        for e in entries
    )
    # Whoever else listens there (SGLang, TGI, a company's gateway) is taken for what it shows: a model list.
    provider = "vllm" if owner == "vllm" else "lmstudio" if expected == "lmstudio" else "openai_compatible"
    return Probe(provider=provider, base_url=server.base_url, models=models)


async def _llamacpp_window(server: _Server) -> int | None:
    props = await server.ask("/props")
    settings = props.get("default_generation_settings") if isinstance(props, dict) else None
    return _window(settings.get("n_ctx")) if isinstance(settings, dict) else None


async def _lmstudio(server: _Server) -> Probe | None:
    """Loaded models first, with the window they were loaded with, since that is what a request gets."""
    entries = _list(await server.ask("/api/v0/models"), "data")
    models = tuple(
        Served(id=e["id"], context_tokens=_window(e.get("loaded_context_length")), images=e.get("type") == "vlm")
        for e in sorted(entries, key=lambda e: e.get("state") != "loaded")
        if isinstance(e.get("id"), str) and e.get("type") in (None, "llm", "vlm")
    )
    return Probe(provider="lmstudio", base_url=server.base_url, models=models) if models else None


async def _ollama(server: _Server) -> Probe | None:
    tags, running = await asyncio.gather(server.ask("/api/tags"), server.ask("/api/ps"))
    names = [e["name"] for e in _list(tags, "models") if isinstance(e.get("name"), str)][:LOCAL_MODELS_MAX]
    if not names:
        return None
    loaded = {str(e.get("name")): _window(e.get("context_length")) for e in _list(running, "models")}
    names.sort(key=lambda name: name not in loaded)
    windows = await asyncio.gather(*(_ollama_window(server, name, loaded.get(name)) for name in names))
    models = tuple(Served(id=name, context_tokens=window) for name, window in zip(names, windows, strict=True))
    return Probe(provider="ollama", base_url=server.base_url, models=models)


async def _ollama_window(server: _Server, name: str, loaded: int | None) -> int | None:
    """The loaded window, else the model file's num_ctx. The model's own maximum is not what a request gets: not used."""
    if loaded is not None:
        return loaded
    show = await server.ask("/api/show", {"model": name})
    parameters = show.get("parameters") if isinstance(show, dict) else None
    match = _NUM_CTX.search(parameters) if isinstance(parameters, str) else None
    return _window(int(match[1])) if match else None


def _list(reply: Json, key: str) -> list[dict[str, Any]]:
    entries = reply.get(key) if isinstance(reply, dict) else None
    return [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []


def _window(value: Json) -> int | None:
    """A plausible window (the bounds of ModelConfig.context_tokens), else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 256 <= value <= 100_000_000 else None


def _word(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
