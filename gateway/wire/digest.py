"""Digests of what a request brings, made on the event loop.

hashlib lets go of the interpreter's lock for 2 KiB and more, and whichever thread takes it then (the ledger's, the audit
log's) may keep it for longer than the digest takes: half the digests of a 10 KB message waited 50 µs and more (2026-11-21).
In slices of less than that the lock stays here. Beyond some size the time of others is worth more.
"""

from __future__ import annotations

from typing import Final, Protocol

SLICE_BYTES: Final = 2047
"""Of hashlib's limit, 2,048 (CPython, Modules/hashlib.h, HASHLIB_GIL_MINSIZE), one less."""
LONG_BYTES: Final = 64 << 10
"""From here on the lock is let go: 60 µs of digesting and more."""


class Digest(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...


def feed(digest: Digest, data: bytes | memoryview) -> None:
    """`digest.update(data)`, without another thread in between."""
    size = len(data)
    if size <= SLICE_BYTES or size >= LONG_BYTES:
        digest.update(data)
        return
    view = memoryview(data)
    for start in range(0, size, SLICE_BYTES):
        digest.update(view[start : start + SLICE_BYTES])
