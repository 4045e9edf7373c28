"""The same schedules over the machine's own sockets and clock: a served gateway (uvicorn, httptools), one of its two HTTP
clients, the misbehaving upstream on a loopback port, and clients that write and read HTTP by hand.

All silences are `SCALE` times as long as on virtual time. What only exists here: descriptors, kernel buffers, resets.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.ports import Upstream
from tests.faults import checks
from tests.faults.checks import Limits
from tests.faults.client import Told, headers_of, now
from tests.faults.schedule import DIALECTS, PATHS, TIMEOUTS, Ask, Schedule, config
from tests.faults.stage import Run
from tests.faults.vendor import Vendor
from tests.support.gateways import serving, staged

SCALE = 0.05
SLACK = 2.0
"""The gateway's limits are longer by this than the scale says: a busy machine is slower than virtual time."""
LIMITS = Limits(request_s=60.0, cancel_s=1.5, drain_s=1.5, exact=False, kernel_bytes=16 << 20)
"""A busy machine again: the 100 ms are held to on virtual time."""


async def play(schedule: Schedule, folder: Path, upstream: Upstream | None) -> Run:
    """`upstream` None: the gateway's own choice, which is the lean client."""
    result = Run(replace(schedule, asks=tuple(_scaled(ask) for ask in schedule.asks)))
    vendor = result.vendor = Vendor(str(schedule.seed), scale=SCALE)
    server = await asyncio.get_running_loop().create_server(vendor.protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    origins = {f"{dialect}{n}": f"http://127.0.0.1:{port}" for dialect in DIALECTS for n in (1, 2)}
    if schedule.refused > 0.2:
        origins["chat1"] = "http://127.0.0.1:1"  # nobody listens there
    timeouts = {name: seconds * SCALE * SLACK for name, seconds in TIMEOUTS.items()} | {"connect_s": 3.0}
    settings = config(origins, timeouts, retry={"max_wait_s": 1.0})
    settings["server"]["body_timeout_s"] = 30 * SCALE
    async with staged(folder, settings, upstream=upstream or "real") as stage, serving(stage.gateway) as at:
        told = await asyncio.gather(*(Caller(ask, at).run() for ask in result.schedule.asks))
        await _rest(stage, vendor)
        result.told, result.rows = list(told), stage.rows
        result.problems += checks.of_run(result, LIMITS)
        result.problems += _left(stage.gateway)
        await stage.gateway.ports.ledger.flush()
        result.problems += checks.of_file(result, folder / "ledger.sqlite")
    server.close()
    await server.wait_closed()
    await _until(lambda: not vendor.lines)
    if vendor.lines:
        result.problems.append(f"{len(vendor.lines)} upstream connections live on after the gateway has stopped")
    return result


def _scaled(ask: Ask) -> Ask:
    pieces = ask.habit in ("leaves after pieces", "stops reading, then leaves")
    return replace(ask, at_s=ask.at_s * SCALE, number=ask.number if pieces else ask.number * SCALE)


async def _rest(stage: Any, vendor: Vendor) -> None:
    """Waits until nobody is busy any more; what never comes to rest is found by the checks."""
    await _until(lambda: not stage.gateway.front.in_flight and all(a.ended_s is not None for a in vendor.attempts))
    await asyncio.sleep(0.05)


async def _until(what: Any, limit_s: float = 5.0) -> None:
    end = now() + limit_s
    while not what() and now() < end:
        await asyncio.sleep(0.01)


def _left(gateway: Any) -> list[str]:
    front = gateway.front
    problems = [f"{front.in_flight} requests in flight"] if front.in_flight or front._tasks else []
    if front.pipeline.keeper._flights or front.pipeline.keeper._pings:
        problems.append("the keeper holds flights that have ended")
    usual = gateway.ports.upstream._usual
    for client in getattr(usual, "_clients", {}).values():
        if client.open_count != client.idle_count:
            problems.append(f"{client.open_count} upstream connections are open, {client.idle_count} of them idle")
    session = getattr(usual, "_session", None)
    if session is not None and session.connector._acquired:
        problems.append(f"aiohttp still uses {len(session.connector._acquired)} connections")
    return problems


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


# --- a client by hand --------------------------------------------------------------------------------------------


class Caller:
    """One request over its own connection."""

    def __init__(self, ask: Ask, port: int) -> None:
        self._ask, self._port, self.told = ask, port, Told(ask)

    async def run(self) -> Told:
        ask, told = self._ask, self.told
        await asyncio.sleep(ask.at_s)
        told.began_s = now()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=64 if ask.buffer < 3 else 1 << 16)
        try:
            left = await self._behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            left, told.cut = False, True
        if left:
            told.left_s = now()
        told.over, told.ended_s = not left, now()
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        return told

    async def _behave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        habit, number = self._ask.habit, self._ask.number
        if await self._send(writer):
            return True
        match habit:
            case "leaves at once":
                return True
            case "leaves after a time" | "leaves in its body":
                return await self._within(reader, number)
            case "leaves after the head":
                await self._head(reader)
                return True
            case "leaves after pieces" | "stops reading, then leaves":
                if not await self._read(reader, int(number)):
                    return False
                await asyncio.sleep(0.7 if habit.startswith("stops") else 0)
                return True
            case _:
                await self._read(reader, None)
                return False

    async def _send(self, writer: asyncio.StreamWriter) -> bool:
        """Returns whether the client left meanwhile."""
        body = self._ask.body()
        lines = [f"POST {PATHS[self._ask.dialect]} HTTP/1.1", "host: 127.0.0.1", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers_of(self._ask).items()]
        head = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode()
        half = len(body) // 2
        writer.write(head + body[:half])
        await writer.drain()
        match self._ask.habit:
            case "slow body":
                await asyncio.sleep(0.1)
            case "leaves in its body":
                await asyncio.sleep(0.1)
                return True
            case "never sends its body":
                return False
        writer.write(body[half:])
        await writer.drain()
        return False

    async def _within(self, reader: asyncio.StreamReader, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._read(reader, None)
        except TimeoutError:
            return True
        return False

    async def _head(self, reader: asyncio.StreamReader) -> dict[str, str]:
        lines = (await _line_block(reader)).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        told = self.told
        told.status = int(lines[0].split(" ")[1])
        told.kind, told.request_id = fields.get("content-type", ""), fields.get("x-request-id", "")
        return fields

    async def _read(self, reader: asyncio.StreamReader, count: int | None) -> bool:
        """Reads the answer, or `count` pieces of it; returns whether it stopped before the end."""
        fields = await self._head(reader)
        seen = 0
        async for piece in _pieces(reader, fields):
            self.told.data += piece
            seen += 1
            if count is not None and seen >= count:
                return True
            if self._ask.habit == "slow" and seen < 40:
                await asyncio.sleep(0.01)
            elif self._ask.habit == "very slow" and seen == 2:
                self.told.idle_s += 1.0
                await asyncio.sleep(1.0)
        return False


async def _line_block(reader: asyncio.StreamReader) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += await reader.readexactly(1)
    return data


async def _line(reader: asyncio.StreamReader) -> bytes:
    data = b""
    while not data.endswith(b"\r\n"):
        data += await reader.readexactly(1)
    return data


async def _pieces(reader: asyncio.StreamReader, fields: dict[str, str]) -> AsyncIterator[bytes]:
    """The body, strictly: IncompleteReadError when its framing has no end."""
    if "content-length" in fields:
        yield await reader.readexactly(int(fields["content-length"]))
        return
    assert fields["transfer-encoding"] == "chunked", fields
    while size := int(await _line(reader), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    assert await reader.readexactly(2) == b"\r\n"


def problems_of(runs: list[Run]) -> Iterator[str]:
    for run in runs:
        for problem in run.problems:
            yield f"seed {run.schedule.seed}: {problem}"
