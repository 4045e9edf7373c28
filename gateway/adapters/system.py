"""The real clock and the real randomness."""

from __future__ import annotations

import asyncio
import random
import secrets
import time

POOL_BYTES = 4096


class SystemClock:
    """Asked ten times per request: the functions of `time` themselves, with no method around them."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemRandom:
    """Tokens are cut from a pool of the system's randomness: one system call for some hundred requests."""

    def __init__(self) -> None:
        self._pool = ""
        self._at = 0

    def uniform(self) -> float:
        return random.random()

    def token(self, nbytes: int) -> str:
        end = self._at + 2 * nbytes
        if end > len(self._pool):
            self._pool = secrets.token_hex(max(POOL_BYTES, nbytes))
            self._at, end = 0, 2 * nbytes
        token = self._pool[self._at : end]
        self._at = end
        return token
