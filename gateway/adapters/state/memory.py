"""State in this process: bounded by bytes, least recently used goes first, nothing survives a restart."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from gateway.ports import Clock

ENTRY_OVERHEAD_BYTES = 200
"""Python's own cost of an entry (key tuple, value object, dict slot), measured with sys.getsizeof and rounded up."""


class MemoryState:
    def __init__(self, clock: Clock, max_bytes: int) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._entries: OrderedDict[tuple[str, str], tuple[bytes, float]] = OrderedDict()
        self._bytes = 0

    def held(self, ns: str, key: str) -> bytes | None:
        """`get`, for whoever stands before or behind this store."""
        return self._get((ns, key))

    def keep(self, ns: str, key: str, value: bytes, ttl_s: float) -> None:
        """`put`, likewise."""
        self._put((ns, key), value, ttl_s)

    async def get(self, ns: str, key: str) -> bytes | None:
        return self._get((ns, key))

    async def get_many(self, ns: str, keys: Sequence[str]) -> list[bytes | None]:
        return [self._get((ns, key)) for key in keys]

    async def put(self, ns: str, key: str, value: bytes, ttl_s: float) -> None:
        self._put((ns, key), value, ttl_s)

    async def put_many(self, ns: str, items: Mapping[str, bytes], ttl_s: float) -> None:
        for key, value in items.items():
            self._put((ns, key), value, ttl_s)

    async def put_if_absent(self, ns: str, key: str, value: bytes, ttl_s: float) -> bool:
        if self._get((ns, key)) is not None:
            return False
        self._put((ns, key), value, ttl_s)
        return True

    async def delete(self, ns: str, key: str) -> bool:
        alive = self._get((ns, key)) is not None
        self._drop((ns, key))
        return alive

    async def add(self, ns: str, key: str, amount: int, ttl_s: float) -> int:
        held = self._entries.get((ns, key))
        now = self._clock.monotonic()
        if held is None or held[1] <= now:
            self._put((ns, key), b"%d" % amount, ttl_s)
            return amount
        total = int(held[0]) + amount
        value = b"%d" % total
        self._bytes += len(value) - len(held[0])
        self._entries[(ns, key)] = (value, held[1])
        return total

    def until(self, ns: str, key: str) -> float | None:
        """When the entry ends, on the clock's `monotonic`; None when there is none."""
        held = self._entries.get((ns, key))
        return None if held is None or held[1] <= self._clock.monotonic() else held[1]

    async def aclose(self) -> None:
        self._entries.clear()
        self._bytes = 0

    # --- inside -----------------------------------------------------------------------------------------------

    def _get(self, key: tuple[str, str]) -> bytes | None:
        held = self._entries.get(key)
        if held is None:
            return None
        if held[1] <= self._clock.monotonic():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return held[0]

    def _put(self, key: tuple[str, str], value: bytes, ttl_s: float) -> None:
        self._drop(key)
        self._entries[key] = (value, self._clock.monotonic() + ttl_s)
        self._bytes += _size(key, value)
        while self._bytes > self._max_bytes and len(self._entries) > 1:
            oldest = next(iter(self._entries))
            self._drop(oldest)

    def _drop(self, key: tuple[str, str]) -> None:
        held = self._entries.pop(key, None)
        if held is not None:
            self._bytes -= _size(key, held[0])


def _size(key: tuple[str, str], value: bytes) -> int:
    return len(key[0]) + len(key[1]) + len(value) + ENTRY_OVERHEAD_BYTES
