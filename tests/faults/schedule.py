"""A schedule: what a handful of clients ask at the same time, and how each of them behaves. Made from a seed alone."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

DIALECTS = ("chat", "messages", "responses")
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
PROVIDERS = {"chat": "openai_compatible", "messages": "anthropic_compatible", "responses": "openai_compatible"}

TIMEOUTS = {"connect_s": 3.0, "first_byte_s": 20.0, "first_token_s": 10.0, "idle_s": 8.0, "total_s": 60.0}
MAX_WAIT_S = 20.0
BODY_TIMEOUT_S = 30.0
LIMIT_S = 2 * (4 * (TIMEOUTS["connect_s"] + TIMEOUTS["total_s"]) + 3 * MAX_WAIT_S)
"""Virtual seconds in which any request must have ended, its client's own slowness not counted: two hops, each with at most
two attempts, one repair and one change of dialect, and the waits in between."""

HABITS = {
    "reads": 10.0,
    "slow": 2.0,
    "very slow": 0.7,
    "leaves at once": 0.6,
    "leaves after a time": 1.5,
    "leaves after the head": 1.0,
    "leaves after pieces": 1.5,
    "stops reading, then leaves": 0.7,
    "slow body": 0.5,
    "leaves in its body": 0.4,
    "never sends its body": 0.2,
}

TOOL = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
    "required": ["path", "content"],
}


@dataclass(frozen=True)
class Ask:
    """One request. `hops`: dialects of the upstreams of its route, in order. `habit`: see `HABITS`; `number` is its
    measure (seconds or pieces), `buffer` the pieces that may wait for the client."""

    index: int
    dialect: str
    stream: bool
    hops: tuple[str, ...]
    at_s: float
    habit: str
    number: float
    buffer: int
    tools: bool
    usage: bool

    @property
    def route(self) -> str:
        return "-".join(self.hops)

    def body(self) -> bytes:
        text = f"ask-{self.index}- please do something, größer"
        body: dict[str, Any] = {"model": "auto", "stream": self.stream}
        if self.dialect == "responses":
            body |= {"input": text, "store": self.index % 2 == 0}
        else:
            body["messages"] = [{"role": "user", "content": text}]
        if self.dialect == "messages":
            body["max_tokens"] = 1000
        if self.dialect == "chat" and self.stream and self.usage:
            body["stream_options"] = {"include_usage": True}
        if self.tools:
            body["tools"] = [_tool(self.dialect)]
        return json.dumps(body, ensure_ascii=False).encode()


def _tool(dialect: str) -> dict[str, Any]:
    if dialect == "messages":
        return {"name": "write", "description": "Writes a file.", "input_schema": TOOL}
    inner = {"name": "write", "description": "Writes a file.", "parameters": TOOL}
    return {"type": "function", "function": inner} if dialect == "chat" else {"type": "function", **inner}


@dataclass(frozen=True)
class Schedule:
    """`refused`, `mute`: shares of connections that are refused, or hang while connecting. `served`: clients reach the
    gateway over connections to its HTTP server, not by ASGI calls; `window_bytes` is what a connection holds by itself.
    `only`: see `Vendor.only`."""

    seed: int
    asks: tuple[Ask, ...]
    refused: float
    mute: float
    served: bool = False
    window_bytes: int = 65536
    calm: bool = False
    only: dict[tuple[int, int], str] = field(default_factory=dict)


def make(seed: int) -> Schedule:
    rng = random.Random(seed)
    asks = tuple(_ask(rng, index) for index in range(rng.choices([1, 2, 3, 4, 6, 10], [3, 4, 4, 3, 2, 1])[0]))
    return Schedule(
        seed,
        asks,
        refused=rng.choice([0, 0.05, 0.3]),
        mute=rng.choice([0, 0, 0.05]),
        served=rng.random() < 0.6,
        window_bytes=rng.choice([512, 4096, 65536]),
    )


def _ask(rng: random.Random, index: int) -> Ask:
    habit = rng.choices(list(HABITS), list(HABITS.values()))[0]
    pieces = habit in ("leaves after pieces", "stops reading, then leaves")
    slow = habit in ("slow", "very slow", "stops reading, then leaves")
    return Ask(
        index=index,
        dialect=rng.choice(DIALECTS),
        stream=rng.random() < 0.75,
        hops=tuple(rng.choice(DIALECTS) for _ in range(rng.choice([1, 2, 2]))),
        at_s=rng.choice([0.0, rng.uniform(0, 5)]),
        habit=habit,
        number=rng.randint(1, 12) if pieces else rng.choice([0.0, rng.uniform(0, 2), rng.uniform(0, 30)]),
        buffer=rng.choice([1, 2]) if slow else 1000,
        tools=rng.random() < 0.6,
        usage=rng.random() < 0.5,
    )


POLICY = """\
version: 1
rules:
  all:
    - {id: writes, allow: {tool: write, writes: "**"}}
"""
"""Every call of the schedules is judged, and those that are what the vendor made are allowed: so a client sees what it would
see without a policy, and the audit log says which calls it may see."""


def config(origins: dict[str, str], timeouts: dict[str, float] | None = None, **more: Any) -> dict[str, Any]:
    """Two upstreams of each dialect at `origins` ("chat1", "chat2", ...), and a route for each way through them."""
    models = {
        f"{dialect}/{n}": _model(origins[f"{dialect}{n}"], dialect, timeouts) for dialect in DIALECTS for n in (1, 2)
    }
    routes = [{"id": a, "when": {"tags": [f"r-{a}"]}, "to": [f"{a}/1"]} for a in DIALECTS]
    routes += [
        {"id": f"{a}-{b}", "when": {"tags": [f"r-{a}-{b}"]}, "to": [f"{a}/1", f"{b}/2"]}
        for a in DIALECTS
        for b in DIALECTS
    ]
    settings = {
        "models": models,
        "routes": routes,
        "retry": {"max_wait_s": MAX_WAIT_S},
        "server": {"body_timeout_s": BODY_TIMEOUT_S},
        "log": {"level": "error"},
    }
    return {**settings, **more}


def _model(origin: str, dialect: str, timeouts: dict[str, float] | None) -> dict[str, Any]:
    return {
        "provider": PROVIDERS[dialect],
        "base_url": origin,
        "model": "scripted-large",
        "dialect": dialect,
        "lane": "mid",
        "context_tokens": 1_000_000,
        "timeouts": timeouts or TIMEOUTS,
        "cost": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0, "cached_usd_per_mtok": 0.1},
    }
