"""Background tasks that cannot be lost: a reference is kept, and an unexpected exception is logged, not swallowed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger("gateway.tasks")

_running: set[asyncio.Task[Any]] = set()
"""The event loop keeps only weak references, so a task that nobody holds may vanish half-way (asyncio documentation)."""


def spawn(coro: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
    """Start `coro` on the running loop. The caller may await the task, cancel it, or forget it."""
    task = asyncio.get_running_loop().create_task(coro, name=name)
    _running.add(task)
    task.add_done_callback(_finished)
    return task


def _finished(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task %s failed", task.get_name(), exc_info=error)


class TaskSet:
    """Tasks of one owner that end with it. After `aclose` nothing can be spawned."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, coro: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Start `coro` as a task of this set; RuntimeError after `aclose`."""
        if self._closed:
            coro.close()
            raise RuntimeError(f"task set {self._name} is closed")
        task = spawn(coro, name=f"{self._name}/{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self, grace_s: float = 0.0) -> None:
        """Give running tasks `grace_s` seconds to end by themselves, cancel the rest, and return when all have ended.

        A task that calls this on its own set is not waited for. Idempotent.
        """
        self._closed = True
        tasks = self._tasks - {asyncio.current_task()}
        if tasks and grace_s > 0:
            _, tasks = await asyncio.wait(tasks, timeout=grace_s)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
