"""The real clock and the real randomness."""

from __future__ import annotations

import asyncio
import random
import secrets
import time


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemRandom:
    def uniform(self) -> float:
        return random.random()

    def token(self, nbytes: int) -> str:
        return secrets.token_hex(nbytes)
