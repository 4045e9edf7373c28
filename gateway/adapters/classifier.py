"""The classifier port answered by rules: call and task of a request, in some tens of microseconds, without a model."""

from __future__ import annotations

from gateway.ir.exchange import Call, Exchange, Labels, Task
from gateway.ports import Clock
from gateway.routing import calls, tasks

VERSION = "rules-1"

HOUSEKEEPING: frozenset[Call] = frozenset({"title", "summary", "compaction", "commit_message", "probe", "safety"})
"""Calls that a harness makes by itself: nobody asked for them, so they have no task."""


class RuleClassifier:
    """Stateless. `clock` only measures the own time."""

    version = VERSION

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def label(self, exchange: Exchange, *, fresh: bool = True) -> Labels:
        """Runs on the event loop: about 50 µs for a request of 30 KB."""
        begun_s = self._clock.monotonic()
        call, call_why = calls.detect(exchange)
        task, task_why = (None, "") if call in HOUSEKEEPING else _task(exchange)
        spent_s = self._clock.monotonic() - begun_s
        return Labels(
            call=call,
            call_why=call_why,
            task=task,
            task_why=task_why,
            version=VERSION,
            latency_us=round(spent_s * 1e6),
        )


def _task(exchange: Exchange) -> tuple[Task | None, str]:
    """The task; that of the earlier turn while the human has said nothing new."""
    before = exchange.labels_before
    if (
        before is None
        or before.task is None
        or tasks.speaks(exchange.view, exchange.new_from, exchange.identity.harness)
    ):
        return tasks.of_exchange(exchange)
    return before.task, before.task_why
