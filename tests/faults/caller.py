"""The clients of `client`, but over a connection: they write HTTP by hand and read it without mercy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.faults.client import Told, headers_of, now
from tests.faults.schedule import PATHS, Ask

SLOW_LIMIT_BYTES = 2048
"""What a slow reader takes before it lets the rest wait; an answer's head must fit."""


class Caller:
    """One request over its own connection. `unit`: seconds for each second of a habit."""

    def __init__(self, ask: Ask, host: str, port: int, *, unit: float = 1.0) -> None:
        self._ask, self._at, self._unit, self.told = ask, (host, port), unit, Told(ask)

    async def run(self) -> Told:
        ask, told = self._ask, self.told
        await asyncio.sleep(ask.at_s)
        told.began_s = now()
        reader, writer = await asyncio.open_connection(*self._at, limit=SLOW_LIMIT_BYTES if ask.buffer < 3 else 1 << 16)
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
                await asyncio.sleep(15 * self._unit if habit.startswith("stops") else 0)
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
                await asyncio.sleep(2 * self._unit)
            case "leaves in its body":
                await asyncio.sleep(self._ask.number)
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
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
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
                await asyncio.sleep(0.25 * self._unit)
            elif self._ask.habit == "very slow" and seen == 2:
                self.told.idle_s += 45 * self._unit
                await asyncio.sleep(45 * self._unit)
        return False


async def _pieces(reader: asyncio.StreamReader, fields: dict[str, str]) -> AsyncIterator[bytes]:
    """The body, strictly: IncompleteReadError when its framing has no end."""
    if "content-length" in fields:
        yield await reader.readexactly(int(fields["content-length"]))
        return
    assert fields["transfer-encoding"] == "chunked", fields
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    assert await reader.readexactly(2) == b"\r\n"
