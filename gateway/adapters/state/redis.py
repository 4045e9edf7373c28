"""State in a Redis (or Valkey), shared by workers and replicas. Needs the extra `interlock[redis]`.

Keys are `interlock:<ns>:<key>`. Every operation has a time limit; a Redis that is away raises StateUnavailable, and the
callers decide what a request without memory may do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import redis.asyncio as redis
from redis.exceptions import RedisError

from gateway.errors import StateUnavailable

PREFIX = "interlock"
TIMEOUT_S = 2.0

_ADD = """
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum
"""


class RedisState:
    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self._add = self._redis.register_script(_ADD)

    async def get(self, ns: str, key: str) -> bytes | None:
        try:
            value = await self._redis.get(_key(ns, key))
        except RedisError as error:
            raise _away(error) from error
        return cast("bytes | None", value)  # the client was made without decode_responses

    async def get_many(self, ns: str, keys: Sequence[str]) -> list[bytes | None]:
        if not keys:
            return []
        try:
            values = await self._redis.mget([_key(ns, key) for key in keys])
        except RedisError as error:
            raise _away(error) from error
        return cast("list[bytes | None]", values)

    async def put(self, ns: str, key: str, value: bytes, ttl_s: float) -> None:
        await self.put_many(ns, {key: value}, ttl_s)

    async def put_many(self, ns: str, items: Mapping[str, bytes], ttl_s: float) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for key, value in items.items():
                    pipe.set(_key(ns, key), value, px=_ms(ttl_s))
                await pipe.execute()
        except RedisError as error:
            raise _away(error) from error

    async def put_if_absent(self, ns: str, key: str, value: bytes, ttl_s: float) -> bool:
        try:
            return bool(await self._redis.set(_key(ns, key), value, px=_ms(ttl_s), nx=True))
        except RedisError as error:
            raise _away(error) from error

    async def delete(self, ns: str, key: str) -> bool:
        try:
            return bool(await self._redis.delete(_key(ns, key)))
        except RedisError as error:
            raise _away(error) from error

    async def add(self, ns: str, key: str, amount: int, ttl_s: float) -> int:
        try:
            return int(await self._add(keys=[_key(ns, key)], args=[amount, _ms(ttl_s)]))
        except RedisError as error:
            raise _away(error) from error

    async def aclose(self) -> None:
        await self._redis.aclose()


def _key(ns: str, key: str) -> str:
    return f"{PREFIX}:{ns}:{key}"


def _ms(ttl_s: float) -> int:
    return max(1, round(ttl_s * 1000))


def _away(error: RedisError) -> StateUnavailable:
    return StateUnavailable(f"the state store (redis) did not answer: {type(error).__name__}")
