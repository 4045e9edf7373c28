"""Checks of the configured models: is the server there, does it take our key, does it serve the model, does its window fit
the configured one, and do our clocks agree. Only model lists are asked for: no token is spent."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from gateway.adapters import discovery
from gateway.cli._finding import Finding, ok, problem, warning
from gateway.endpoints import Endpoint
from gateway.providers.registry import all_providers

ASK_S = 8.0
BODY_BYTES_MAX = 8 * 1024 * 1024
SKEW_S_MAX = 60.0
"""Signed requests, tokens and rate-limit resets tolerate about a minute."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` 0: no answer, then `error` says why. `skew_s`: our clock minus the server's, None if it told no time."""

    status: int
    error: str = ""
    body: Any = None
    skew_s: float | None = None


async def check(endpoints: Iterable[Endpoint]) -> list[Finding]:
    """One question per server and credential; findings in the order of the configuration."""
    wanted = [e for e in endpoints if not e.simulated]
    groups: dict[tuple[str, Any], list[Endpoint]] = {}
    for endpoint in wanted:
        groups.setdefault((models_url(endpoint), endpoint.headers), []).append(endpoint)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_S), trust_env=True) as session:
        replies = await asyncio.gather(*(_ask(session, url, group[0]) for (url, _), group in groups.items()))
    found = []
    for group, reply in zip(groups.values(), replies, strict=True):
        found += judge(group, reply)
        if reply.status == 200:
            found += await windows(group, reply)
    return found


def models_url(endpoint: Endpoint) -> str:
    """The list of models beside the path of the first dialect; the origin where the provider has no list."""
    provider = all_providers()[endpoint.provider]
    wire = endpoint.wires[0]
    prefix = wire.target.removesuffix(provider.paths[wire.dialect])
    return endpoint.origin + prefix + (provider.models_path or "/")


async def _ask(session: aiohttp.ClientSession, url: str, endpoint: Endpoint) -> Reply:
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in endpoint.headers}
    try:
        async with session.get(url, headers=headers, allow_redirects=False, proxy=endpoint.proxy) as reply:
            raw = await _body(reply.content.iter_any())
            now_s = time.time()
            try:
                body = json.loads(raw)
            except (ValueError, RecursionError):
                body = None
            return Reply(reply.status, body=body, skew_s=skew(reply.headers.get("date"), now_s))
    except TimeoutError:
        return Reply(0, f"no answer within {ASK_S:.0f} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Reply(0, str(error) or type(error).__name__)


async def _body(arriving: AsyncIterable[bytes]) -> bytes:
    """All of it, up to BODY_BYTES_MAX or the piece that passes it (`read(n)` gives what has arrived so far)."""
    pieces, size = [], 0
    async for piece in arriving:
        pieces.append(piece)
        size += len(piece)
        if size >= BODY_BYTES_MAX:
            break
    return b"".join(pieces)


def skew(date: str | None, now_s: float) -> float | None:
    """Our clock minus the server's `Date`, in seconds (its resolution is one)."""
    try:
        return now_s - parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, TypeError, OverflowError):
        return None


def judge(group: list[Endpoint], reply: Reply) -> list[Finding]:
    """What a reply says about all models behind it."""
    names = ", ".join(e.name for e in group)
    first = group[0]
    found = []
    if reply.skew_s is not None and abs(reply.skew_s) > SKEW_S_MAX:
        ahead = "ahead of" if reply.skew_s > 0 else "behind"
        text = f"this machine's clock is {abs(reply.skew_s):.0f} s {ahead} {first.origin}"
        found.append(problem(text, "set the clock (timedatectl set-ntp true)"))
    if reply.status == 0:
        start = "start the server, or correct base_url" if first.local else "check the network, proxy and base_url"
        return [*found, problem(f"{names}: {first.origin} cannot be reached: {reply.error}", start)]
    if reply.status in (401, 403):
        sent = any(name in (b"authorization", b"x-api-key") for name, _ in first.headers)
        text = f"{names}: {first.origin} refuses " + ("the key" if sent else "requests without a key")
        return [*found, problem(text, _key_cure(first, sent))]
    if reply.status >= 500:
        return [*found, problem(f"{names}: {first.origin} answers {reply.status}", "see that server's log")]
    served = _served(reply.body)
    if reply.status != 200 or served is None:
        text = f"{names}: {first.origin} is there, but shows no list of models (HTTP {reply.status})"
        return [*found, warning(text, "check base_url; whether the model is served shows the first request")]
    return [*found, *(_model(e, served) for e in group)]


def _key_cure(endpoint: Endpoint, sent: bool) -> str:
    variables = " or ".join(all_providers()[endpoint.provider].env_keys)
    if sent:
        return "put a valid key where api_key points" + (f" (usually {variables})" if variables else "")
    return f"set {variables}" if variables else "set api_key"


def _served(body: Any) -> dict[str, Mapping[str, Any]] | None:
    entries = body.get("data", body.get("models")) if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return None
    found: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        name = entry.get("id") or entry.get("name") if isinstance(entry, dict) else None
        if isinstance(name, str):
            found[name] = entry
            found.setdefault(name.removeprefix("models/"), entry)  # Gemini's list names them so
    return found


def _model(endpoint: Endpoint, served: Mapping[str, Mapping[str, Any]]) -> Finding:
    """Clouds serve names that their list leaves out (aliases, previews), own servers do not."""
    if endpoint.model in served:
        return ok(f"{endpoint.name}: {endpoint.model} is served by {endpoint.origin}")
    shown = sorted(served)
    some = ", ".join(shown[:6]) + (f" and {len(shown) - 6} more" if len(shown) > 6 else "")
    text = f"{endpoint.name}: {endpoint.origin} does not list {endpoint.model}"
    cure = f"set models.{endpoint.name}.model to one it serves: {some or 'none'}"
    return problem(text, cure) if endpoint.local or not served else warning(text, cure)


async def windows(group: list[Endpoint], reply: Reply) -> list[Finding]:
    """Configured window against the server's own, where it tells one: a larger one is a promise that will be broken."""
    local = {e.origin: e.provider for e in group if e.local and e.context_tokens}
    probes = await discovery.probe_addresses(local) if local else ()
    told = {s.id: s.context_tokens for p in probes for s in p.models}
    served = _served(reply.body) or {}
    found = []
    for endpoint in group:
        entry = served.get(endpoint.model, {})
        real = told.get(endpoint.model) or entry.get("max_model_len") or entry.get("context_length")
        if not isinstance(real, int) or isinstance(real, bool) or not endpoint.context_tokens:
            continue
        text = f"{endpoint.name}: configured window {endpoint.context_tokens} tokens, the server has {real}"
        if endpoint.context_tokens > real:
            cure = f"set models.{endpoint.name}.context_tokens to {real}, or start the server with a larger window"
            found.append(problem(text, cure))
        elif endpoint.context_tokens < real // 2:
            found.append(warning(text, f"set models.{endpoint.name}.context_tokens to {real} to use all of it"))
    return found
