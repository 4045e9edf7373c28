"""Does a route's `when` hold for a request? Compiled once per configuration to a list of cheap tests, cheapest first."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from gateway.config.expr import compiled
from gateway.config.hours import hour_window
from gateway.config.routes import WhenConfig

EXPRESSION_NAMES = (
    "call",
    "task",
    "lane",
    "model",
    "harness",
    "key",
    "tags",
    "context_tokens",
    "tools",
    "images",
    "hour",
    "turns",
    "subagent",
    "stream",
    "scores",
)
"""Variables of `expr:`; strings, lists of strings, int, bool, and `scores` a map of doubles (empty until learned)."""


class Facts(Struct, frozen=True, kw_only=True):
    """What matchers see of a request. `lane` is the lane asked for ("" if none), `hour` 0-23 UTC, `at_s` Unix seconds."""

    call: str
    task: str = ""
    lane: str = ""
    model: str = "auto"
    harness: str = "unknown"
    key: str = "anonymous"
    key_name: str = ""
    tags: tuple[str, ...] = ()
    context_tokens: int = 0
    tools: tuple[str, ...] = ()
    images: bool = False
    at_s: float = 0.0
    turns: int = 0
    subagent: bool = False
    stream: bool = False
    scores: dict[str, float] = {}

    def variables(self) -> dict[str, Any]:
        return {
            "call": self.call,
            "task": self.task,
            "lane": self.lane,
            "model": self.model,
            "harness": self.harness,
            "key": self.key_name or self.key,
            "tags": list(self.tags),
            "context_tokens": self.context_tokens,
            "tools": list(self.tools),
            "images": self.images,
            "hour": int(self.at_s // 3600 % 24),
            "turns": self.turns,
            "subagent": self.subagent,
            "stream": self.stream,
            "scores": self.scores,
        }


Test = Callable[[Facts], bool]


def compile_when(when: WhenConfig) -> Test:
    """One predicate. An expression that fails at run time (a missing map key, a wrong type) does not match: a route that
    cannot be evaluated must not swallow traffic; `config check` finds what can be found beforehand."""
    tests: list[Test] = []
    if when.call:
        calls: frozenset[str] = frozenset(when.call)
        tests.append(lambda f: f.call in calls)
    if when.task:
        tasks: frozenset[str] = frozenset(when.task)
        tests.append(lambda f: f.task in tasks)
    if when.lane:
        lanes: frozenset[str] = frozenset(when.lane)
        tests.append(lambda f: f.lane in lanes)
    if when.images is not None:
        wanted = when.images
        tests.append(lambda f: f.images is wanted)
    if when.context_tokens is not None:
        low, high = when.context_tokens.min or 0, when.context_tokens.max
        tests.append(lambda f: low <= f.context_tokens and (high is None or f.context_tokens <= high))
    if when.tags:
        tags = frozenset(when.tags)
        tests.append(lambda f: not tags.isdisjoint(f.tags))
    if when.model:
        model = globs(when.model)
        tests.append(lambda f: model(f.model))
    if when.harness:
        harness = globs(when.harness)
        tests.append(lambda f: harness(f.harness))
    if when.key:
        key = globs(when.key)
        tests.append(lambda f: key(f.key) or (bool(f.key_name) and key(f.key_name)))
    if when.tools:
        tool = globs(when.tools)
        tests.append(lambda f: any(map(tool, f.tools)))
    if when.hour is not None:
        window = hour_window(when.hour)
        tests.append(lambda f: window.contains(f.at_s))
    if when.expr is not None:
        tests.append(_expression(when.expr))
    return _all(tests)


def _always(_: Facts) -> bool:
    return True


def _all(tests: Sequence[Test]) -> Test:
    """The tests in order, the first that fails ends it. Calls inside calls, because every request is held against every
    route before its own, and a loop over the usual one or two tests costs three times what they do."""
    if not tests:
        return _always
    first, *others = tests
    if not others:
        return first
    rest = _all(others)
    return lambda facts: first(facts) and rest(facts)


def globs(patterns: Sequence[str]) -> Callable[[str], bool]:
    """`*`, `?` and `[...]`; case counts. A pattern always matches itself, so `opus[1m]` is also just that name. Names are
    looked up, the rest is one regular expression."""
    names = frozenset(patterns)
    wild = [fnmatch.translate(p) for p in patterns if any(c in p for c in "*?[")]
    if not wild:
        return names.__contains__
    expression = re.compile("|".join(wild))
    return lambda text: text in names or expression.match(text) is not None


def _expression(source: str) -> Test:
    program = compiled(source)

    def test(facts: Facts) -> bool:
        try:
            return program.execute(facts.variables()) is True
        except (RuntimeError, TypeError, ValueError, LookupError, ArithmeticError):
            return False

    return test
