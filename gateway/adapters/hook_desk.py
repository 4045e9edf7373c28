"""Runs a policy's hooks for the pipeline: asks those that decide, queues those that only watch.

One runner per policy, so that limits hold over all requests; a reload makes a new one, and the old one lives as long as
something runs in it. What a hook said, or why it said nothing, is in the audit log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from gateway.adapters.hooks import HookRunner
from gateway.adapters.tasks import TaskSet
from gateway.ports import Hooks
from gateway.telemetry import LOG
from policies.compiled import Policy
from policies.hooks import HookAnswer
from policies.model import Hook
from policies.points import POINTS
from policies.verdict import Caller

QUEUE_MAX: Final = 1_000
"""Runs of watching hooks under way or waiting: some MiB of payloads; more are dropped and counted."""
AT_A_TIME: Final = 8
DRAIN_S: Final = 2.0
"""What is queued gets so long when the gateway ends."""

_log = logging.getLogger(LOG)


class Note(Protocol):
    """Queues one line of the audit log; never blocks."""

    def __call__(self, kind: str, **fields: Any) -> None: ...


class HookDesk:
    """`runner` makes the runner of a policy's hooks. `note` writes to the audit log, `dropped` counts what did not fit."""

    def __init__(
        self, runner: Callable[[Sequence[Hook]], HookRunner], note: Note, dropped: Callable[[Hook], None]
    ) -> None:
        self._make = runner
        self._note = note
        self._dropped = dropped
        self._runners: list[tuple[Policy, HookRunner]] = []
        self._running: dict[int, int] = {}
        self._slots = asyncio.Semaphore(AT_A_TIME)
        self._tasks = TaskSet("hooks")
        self._waiting = 0
        self._told = False

    async def ask(self, policy: Policy, hook: Hook, payload: bytes, caller: Caller) -> HookAnswer:
        answer = await self._run(policy, hook, payload)
        if POINTS[hook.on].tools and hook.on != "post_tool_use":
            return answer  # the call's own record has it
        if answer.decision is not None or answer.failed or answer.context or answer.lane or answer.tags:
            self._note(
                "hook", hook=hook.id, point=hook.on, decision=answer.decision, reason=answer.reason[:500],
                failed=answer.failed, lane=answer.lane, tags=list(answer.tags), context_chars=len(answer.context),
                request=caller.extra.get("request", ""), key=caller.key_id, session=caller.session, policy=policy.digest,
            )  # fmt: skip
        return answer

    def tell(self, policy: Policy, hooks: Sequence[Hook], payload: bytes, caller: Caller) -> None:
        for hook in hooks:
            if self._waiting >= QUEUE_MAX:
                self._drop(hook)
                continue
            self._waiting += 1
            try:
                self._tasks.spawn(self._watched(policy, hook, payload), name=f"{hook.on} {hook.id}")
            except RuntimeError:  # the gateway ends
                self._waiting -= 1
                self._drop(hook)

    async def aclose(self) -> None:
        await self._tasks.aclose(DRAIN_S)
        for _, runner in self._runners:
            await runner.aclose()
        self._runners.clear()

    # --- inside -----------------------------------------------------------------------------------------------

    def _drop(self, hook: Hook) -> None:
        self._dropped(hook)
        if not self._told:
            self._told = True
            _log.error("hooks that watch are behind (%s at %s): some are left out", hook.id, hook.on)

    async def _watched(self, policy: Policy, hook: Hook, payload: bytes) -> None:
        try:
            async with self._slots:
                await self._run(policy, hook, payload)
        finally:
            self._waiting -= 1

    async def _run(self, policy: Policy, hook: Hook, payload: bytes) -> HookAnswer:
        runner = self._runner(policy)
        self._running[id(runner)] = self._running.get(id(runner), 0) + 1
        try:
            return await runner.run(hook.id, payload)
        finally:
            self._running[id(runner)] -= 1
            if not self._running[id(runner)]:
                del self._running[id(runner)]
                await self._retire(runner)

    def _runner(self, policy: Policy) -> HookRunner:
        for known, runner in self._runners:
            if known is policy:
                return runner
        made = self._make(policy.hooks)
        self._runners.append((policy, made))
        return made

    async def _retire(self, runner: HookRunner) -> None:
        """Closes a runner of a policy that is not the newest any more."""
        old = [entry for entry in self._runners[:-1] if entry[1] is runner]
        for entry in old:
            self._runners.remove(entry)
            await runner.aclose()


_: type[Hooks] = HookDesk
