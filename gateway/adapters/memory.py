"""Giving memory back to the system after something large was built and thrown away.

glibc keeps freed memory of a thread's arena for that thread, and the threads that load ranks, prices and models never
allocate again: 30 MB of a gateway's resident size were such leftovers (measured 2026-11-21, Python 3.11, glibc 2.36).
"""

from __future__ import annotations

import ctypes
import gc


def give_back() -> bool:
    """Blocking, some milliseconds: call it in the thread that did the work. False where the C library has no such call
    (musl, macOS); nothing is lost there but the saving."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return bool(trim(0)) if trim is not None else False
