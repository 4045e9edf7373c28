"""Clients with habits: they read at once, slowly, or not at all, and leave whenever they like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from gateway.testing.asgi import AsgiClient, Exchange
from tests.faults.schedule import PATHS, Ask


@dataclass
class Told:
    """What a client was told until it ended or left. `idle_s`: seconds of its own slowness."""

    ask: Ask
    status: int = 0
    kind: str = ""
    request_id: str = ""
    data: bytes = b""
    over: bool = False
    """The client has read the answer to its end."""
    cut: bool = False
    """... and that end was a cut connection."""
    left_s: float | None = None
    late: bool = False
    """It left when the gateway had already ended the answer."""
    began_s: float = 0.0
    ended_s: float = 0.0
    idle_s: float = 0.0
    crash: str = ""


def headers_of(ask: Ask) -> dict[str, str]:
    return {"content-type": "application/json", "x-interlock-tags": f"ask-{ask.index},r-{ask.route}"}


def now() -> float:
    return asyncio.get_running_loop().time()


class Patient:
    """Runs one ask over the ASGI app."""

    def __init__(self, client: AsgiClient, ask: Ask) -> None:
        self._client, self._ask, self.told = client, ask, Told(ask)

    async def run(self) -> Told:
        ask, told = self._ask, self.told
        await asyncio.sleep(ask.at_s)
        told.began_s = now()
        path = PATHS[ask.dialect]
        async with self._client.open("POST", path, self._body(), headers_of(ask), buffer=ask.buffer) as exchange:
            left = await self._behave(exchange)
            if left:
                told.left_s, told.late = now(), exchange.ended
            else:
                await exchange.wait()
            told.status, told.kind = exchange.status, exchange.headers.get("content-type", "")
            told.request_id = exchange.headers.get("x-request-id", "")
        told.over, told.cut = not left, exchange.cut and not left
        told.ended_s = now()
        # The app raises `Cut` on purpose, so that the server cuts the connection.
        if exchange.error is not None and type(exchange.error).__name__ != "Cut":
            told.crash = repr(exchange.error)
        return told

    def _body(self) -> bytes | AsyncIterator[bytes]:
        if self._ask.habit in ("slow body", "leaves in its body", "never sends its body"):
            return self._slow_body()
        return self._ask.body()

    async def _slow_body(self) -> AsyncIterator[bytes]:
        body = self._ask.body()
        half = len(body) // 2
        yield body[:half]
        await asyncio.sleep({"slow body": 2.0}.get(self._ask.habit, 1000))
        yield body[half:]

    async def _behave(self, exchange: Exchange) -> bool:
        """Returns whether the client left."""
        habit, number = self._ask.habit, self._ask.number
        match habit:
            case "leaves at once":
                return True
            case "leaves after a time" | "leaves in its body":
                return await self._within(exchange, number)
            case "leaves after the head":
                await exchange.head()
                return True
            case "leaves after pieces":
                return await self._pieces(exchange, int(number)) > 0
            case "stops reading, then leaves":
                if await self._pieces(exchange, int(number)) == 0:
                    return False
                await asyncio.sleep(15)
                return True
            case _:
                await self._all(exchange)
                return False

    async def _within(self, exchange: Exchange, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._all(exchange)
        except TimeoutError:
            return True
        return False

    async def _pieces(self, exchange: Exchange, count: int) -> int:
        """Reads `count` pieces; returns how many it got, 0 when the answer ended before."""
        for _ in range(count):
            if not await self._piece(exchange):
                return 0
        return count

    async def _piece(self, exchange: Exchange) -> bool:
        piece = await exchange.read()
        self.told.data += piece or b""
        return piece is not None

    async def _all(self, exchange: Exchange) -> None:
        count = 0
        while await self._piece(exchange):
            count += 1
            wait_s = self._slowness(count)
            if wait_s:
                self.told.idle_s += wait_s
                await asyncio.sleep(wait_s)

    def _slowness(self, count: int) -> float:
        if self._ask.habit == "slow" and count < 40:
            return 0.25
        if self._ask.habit == "very slow" and count == 2:
            return 45.0
        return 0.0
