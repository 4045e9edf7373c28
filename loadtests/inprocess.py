"""The gateway in one process with this driver: no sockets, an upstream that answers at once.

`python -m loadtests.inprocess KIND N`, for `loadtests.count`, which watches it under valgrind: the first requests warm it,
then the counter of instructions is switched on for N of them. It is the whole gateway, as started by `interlock serve`, but
for the edges.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from gateway.app import Gateway
from gateway.cli._configuration import catalog
from gateway.config.load import load
from gateway.ports import PouredBody, Take, UpstreamReply, UpstreamRequest
from loadtests import bodies
from loadtests.targets import POLICIES

KINDS: Final = ("json", "asks", "stream", "tool")
WARM: Final = 500
MODEL: Final = "bench"
DELTAS: Final = 200
PIECES: Final = 50
Json = dict[str, Any]


def config() -> Json:
    model = {
        "provider": "openai_compatible",
        "base_url": "http://127.0.0.1:9",
        "lane": "mid",
        "context_tokens": 1_000_000,
    }
    return {
        "version": 1,
        "models": {MODEL: {**model, "model": MODEL, "cost": {"input_usd_per_mtok": 1, "output_usd_per_mtok": 2}}},
        "routes": [{"id": "default", "to": [MODEL]}],
        "policies": list(POLICIES),
    }


def asked(kind: str, number: int) -> bytes:
    """The body of request `number`: the same each time, but for `asks`, where each begins a conversation."""
    if kind == "tool":
        return bodies.tool_call(MODEL)
    return bodies.small(MODEL, stream=kind == "stream", seed=number if kind == "asks" else 0)


def answered(kind: str) -> list[bytes]:
    """The pieces in which the upstream's answer comes."""
    if kind in ("json", "asks"):
        message = {"role": "assistant", "content": "x" * 700}
        whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": _usage()}
        return [json.dumps({**_head("chat.completion"), **whole}).encode()]
    begun = _chunk({"role": "assistant", "content": ""})
    ended = _event({**_head(), "choices": [], "usage": _usage()}) + b"data: [DONE]\n\n"
    if kind == "stream":
        run = b"".join(_chunk({"content": f"word{n} "}) for n in range(DELTAS))
        return [begun, run, _chunk({}, "stop") + ended]
    arguments = json.dumps({"path": "src/module.py", "note": "x" * 500})
    edges = [len(arguments) * n // PIECES for n in range(PIECES + 1)]
    pieces = [arguments[start:end] for start, end in itertools.pairwise(edges)]
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "read", "arguments": ""}}
    deltas = [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
    return [begun, *map(_chunk, [{"tool_calls": [call]}, *deltas]), _chunk({}, "tool_calls") + ended]


def _head(kind: str = "chat.completion.chunk") -> Json:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": MODEL}


def _usage() -> Json:
    return {"prompt_tokens": 200, "completion_tokens": 100, "total_tokens": 300}


def _chunk(delta: Json, finish: str | None = None) -> bytes:
    return _event({**_head(), "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _event(value: Json) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


class Reply(PouredBody):
    """Everything is there as soon as it is asked for."""

    status = 200

    def __init__(self, pieces: Sequence[bytes]) -> None:
        kind = b"application/json" if len(pieces) == 1 else b"text/event-stream"
        self.headers = ((b"content-type", kind),)
        self._left = list(pieces)

    @property
    def complete(self) -> bool:
        return not self._left

    def chunks(self) -> Reply:
        return self

    def __aiter__(self) -> Reply:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop(0)

    async def pour(self, take: Take) -> bool:
        while self._left:
            if not take(self._left.pop(0)):
                return False
        return True

    async def read(self, limit_bytes: int) -> bytes:
        return self._left.pop(0)

    async def aclose(self) -> None: ...


class Upstream:
    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    async def send(self, request: UpstreamRequest) -> UpstreamReply:
        return Reply(self._pieces)

    async def aclose(self) -> None: ...


class Client:
    """front.Connection and ConnectionSink of one request."""

    shared = False
    cut = False

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.started = self.finished = False
        self.status = 0
        self.got: list[bytes] = []

    def on_departure(self, callback: Callable[[], None] | None) -> None: ...

    async def body(self, limit_bytes: int, timeout_s: float) -> bytes:
        return self._body

    def sink(self) -> Client:
        return self

    async def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.started, self.status = True, status

    async def write(self, data: bytes) -> None:
        self.got.append(data)

    def push(self, data: bytes) -> Awaitable[None] | None:
        self.got.append(data)
        return None

    async def finish(self, last: bytes = b"") -> None:
        self.got.append(last)
        self.finished = True

    async def whole(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        self.started = self.finished = True
        self.status = status
        self.got.append(body)

    def abort(self) -> None: ...


async def drive(kind: str, count: int, counting: Callable[[bool], None], state_dir: Path) -> Client:
    """Warms up, then `count` requests between `counting(True)` and `counting(False)`. The last one."""
    loaded = load(json.dumps(config()), file="inprocess.yaml", catalog=catalog())

    async def again() -> Any:
        return loaded

    gateway = Gateway(loaded, again, state_dir, local=True, upstream=Upstream(answered(kind)))
    await gateway.start()
    gateway.warm_up()
    answer = gateway.front.direct(b"POST", b"/v1/chat/completions")
    assert answer is not None
    requests = [asked(kind, number) for number in range(WARM + count if kind == "asks" else 1)]
    client = Client(b"")
    try:
        for number in range(WARM + count):
            body = requests[number % len(requests)]
            if number == WARM:
                await asyncio.sleep(1.0)  # what starts in the background is done, rows are written
                gc.collect()
                counting(True)
            client = Client(body)
            headers = ((b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"user-agent", b"bench"))
            await answer((*headers, (b"content-length", b"%d" % len(body))), client)
        counting(False)
    finally:
        await gateway.stop()
    return client


def main() -> None:
    kind, count = sys.argv[1], int(sys.argv[2])

    def counting(on: bool) -> None:
        words = ["callgrind_control", "-i", "on" if on else "off", str(os.getpid())]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, timeout=60)

    with tempfile.TemporaryDirectory(prefix="loadtests-") as folder:
        client = uvloop.run(drive(kind, count, counting, Path(folder)))
    if client.status != 200 or not client.finished:
        sys.exit(f"the last answer was {client.status}, {b''.join(client.got)[:300]!r}")


if __name__ == "__main__":
    main()
