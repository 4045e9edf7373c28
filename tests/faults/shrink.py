"""The smallest part of a failing schedule that still fails in the same way: fewer asks, calmer clients, fewer accidents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.faults import stage
from tests.faults.schedule import Ask, Schedule

Fails = Callable[[Schedule], bool]


def kind_of(problem: str) -> str:
    """What went wrong, without who and how much."""
    return re.sub(r"\d+", "N", problem.partition(": ")[2] or problem)[:60]


def shrink(schedule: Schedule) -> Schedule:
    """The schedule itself when it does not fail."""
    problems = stage.run(schedule).problems
    if not problems:
        return schedule
    wanted = kind_of(problems[0])

    def fails(smaller: Schedule) -> bool:
        return any(kind_of(problem) == wanted for problem in stage.run(smaller).problems)

    found = True
    while found:
        found = False
        for smaller in _smaller(schedule):
            if fails(smaller):
                schedule, found = smaller, True
                break
    return schedule


def _smaller(schedule: Schedule) -> Iterator[Schedule]:
    """One step each. An ask keeps its index, so its accidents stay the same when others go."""
    for ask in schedule.asks:
        if len(schedule.asks) > 1:
            yield replace(schedule, asks=tuple(a for a in schedule.asks if a is not ask))
    if schedule.refused or schedule.mute:
        yield replace(schedule, refused=0.0, mute=0.0)
    for ask in schedule.asks:
        for calmer in _calmer(ask):
            yield replace(schedule, asks=tuple(calmer if a is ask else a for a in schedule.asks))
        for nth in range(6):
            if (ask.index, nth) not in schedule.only:
                yield replace(schedule, only={**schedule.only, (ask.index, nth): "none"})


def _calmer(ask: Ask) -> Iterator[Ask]:
    if ask.habit != "reads":
        yield replace(ask, habit="reads", buffer=1000)
    if len(ask.hops) > 1:
        yield replace(ask, hops=ask.hops[:1])
    if ask.tools:
        yield replace(ask, tools=False)
    if ask.at_s:
        yield replace(ask, at_s=0.0)
