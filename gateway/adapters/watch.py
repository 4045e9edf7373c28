"""Tells when watched files change, by asking once a second (mtime, size and inode), and at SIGHUP.

Asking beats inotify here: it works on network and overlay file systems and through the symlink swaps of Kubernetes config
maps, and costs one stat per file and second, made in a thread. The swap of the configuration itself is not done here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType

from gateway.telemetry import LOG

INTERVAL_S = 1.0
Stamp = tuple[int, int, int] | None
OnChange = Callable[[str], Awaitable[object]]
"""Called with the reason ("changed: /path" or "SIGHUP")."""

_log = logging.getLogger(LOG)


def stamp(path: str) -> Stamp:
    """(mtime in ns, size, inode) of what `path` points to; None when it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Watcher:
    """`async with Watcher(lambda: [path], on_change)`: the list is asked for at every look, because a reload may name other
    files; one that is new in it is no change. Calls of `on_change` never overlap; what changes during one is told after it.
    A file that disappears is not a change (editors replace files): its return is. SIGHUP needs the main thread."""

    def __init__(
        self,
        paths: Callable[[], Sequence[str]],
        on_change: OnChange,
        *,
        interval_s: float = INTERVAL_S,
        sighup: bool = True,
    ) -> None:
        self._paths = paths
        self._on_change = on_change
        self._interval_s = interval_s
        self._sighup = sighup
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._seen: dict[str, Stamp] = {}

    async def __aenter__(self) -> Watcher:
        self._seen = await asyncio.to_thread(self._stamps)
        if self._sighup:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)
        self._task = asyncio.create_task(self._run(), name="config-watch")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sighup:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def ask(self) -> None:
        """As if SIGHUP had come: reported at once, without a change."""
        self._asked.set()

    def _stamps(self) -> dict[str, Stamp]:
        return {path: stamp(path) for path in self._paths()}

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._interval_s):
                    await self._asked.wait()
            except TimeoutError:
                pass
            reason = await self._reason()
            if reason is not None:
                await self._tell(reason)

    async def _reason(self) -> str | None:
        now = await asyncio.to_thread(self._stamps)
        changed = [path for path, new in now.items() if new is not None and new != self._seen.get(path, new)]
        self._seen = {path: self._seen.get(path) if new is None else new for path, new in now.items()}
        if self._asked.is_set():
            self._asked.clear()
            return "SIGHUP"
        return f"changed: {', '.join(changed)}" if changed else None

    async def _tell(self, reason: str) -> None:
        try:
            await self._on_change(reason)
        except Exception:  # noqa: BLE001 - logged below with its trace
            # An edge: a reload that fails must not end the watching.
            _log.exception("the reload failed (%s)", reason)
