"""What later requests tell of an earlier decision: pure comparisons of counts, made after the client has its answer.

A decision is the model that `auto` gave to a human's ask. Its outcome is seen, if at all, in what the session sends next:
tests that pass or fail, a complaint or the same ask again within two turns, a model asked for by name instead, work undone.
These are signs, not verdicts: each is kept with its kind, and whoever learns from them weighs them
(gateway.adapters.outcomes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.ir.exchange import Exchange, OutcomeKind, Plan, Seen
from gateway.reading import role_of
from gateway.sessions.state import Decided

ASKS_MAX: Final = 2
"""The human's turns after a decision in which a complaint or another model is still about it."""

_ANCHORS: Final = (b"git ", b"/rewind", b"undo_edit")
"""One of these is in everything that REVERT finds, in lower case: they are looked for at memory speed, alternatives are not
(4 µs instead of 20 for a call of half a kilobyte)."""

REVERT: Final = re.compile(
    rb"git (?:checkout (?:-- |HEAD|\.)|restore |revert |reset --hard|stash)|/rewind|undo_edit", re.IGNORECASE
)
CALL_BYTES_MAX: Final = 16_384
"""Of an agent's message, how much is searched: a command stands near its beginning, a written file may follow."""

NEW_MAX: Final = 8
"""Messages of a request that are searched: an agent adds two or three at a time."""

ASKED: Final = frozenset({"main", "subagent"})


def seen(exchange: Exchange, plan: Plan, before: Decided | None) -> Sequence[Seen]:
    """Outcomes of the earlier decision that this request shows; none without one."""
    if before is None:
        return ()
    return [
        Seen(before.request_id, exchange.received_s, exchange.identity.key_id, kind, value, exchange.request_id)
        for kind, value in _signs(exchange, plan, before)
    ]


def _signs(exchange: Exchange, plan: Plan, before: Decided) -> Iterator[tuple[OutcomeKind, float]]:
    signals, asked = exchange.labels.signals or {}, exchange.labels.call in ASKED
    near = before.asks < ASKS_MAX
    tests, failed = signals.get("tests", 0), signals.get("tests_failed", 0)
    if tests > before.tests:
        passed = tests - before.tests > failed - before.tests_failed and not signals.get("failed_cycles", 0)
        yield ("tests_pass", 1.0) if passed else ("tests_fail", -1.0)
    if asked and near and signals.get("corrections", 0) > before.corrections:
        yield "re_ask", -1.0
    if asked and near and plan.route == "named" and plan.hops and plan.hops[0].model != before.model:
        yield "model_switch", -1.0
    if undone(exchange):
        yield "revert", -1.0


def undone(exchange: Exchange) -> bool:
    """The agent has just taken work back with a tool of version control."""
    start = exchange.new_from
    for raw in exchange.view.messages[start : start + NEW_MAX]:
        if role_of(raw) == "assistant" and _reverts(bytes(memoryview(raw)[:CALL_BYTES_MAX])):
            return True
    return False


def _reverts(head: bytes) -> bool:
    low = head.lower()
    return any(map(low.__contains__, _ANCHORS)) and REVERT.search(head) is not None


def decided(exchange: Exchange, plan: Plan, model: str, before: Decided | None) -> Decided | None:
    """What to remember after this call was answered: a new decision where one was made, else the earlier one, brought up to
    date. None: as it was."""
    labels = exchange.labels
    asked, decision = labels.call in ASKED, plan.decision
    if before is None and decision is None:
        return None
    signals = labels.signals or {}
    tests, failed = signals.get("tests", 0), signals.get("tests_failed", 0)
    corrections = signals.get("corrections", 0)
    moved = decision is not None and decision.move is not None and decision.move.made
    if decision is not None and (moved or (asked and not corrections)):
        return Decided(exchange.request_id, model, 0, tests, failed, corrections)
    if before is None or not (asked or labels.call == "tool_result"):
        return None
    asks = before.asks + asked
    known = before.asks, before.tests, before.tests_failed, before.corrections
    if known == (asks, tests, failed, corrections):
        return None
    return Decided(before.request_id, before.model, asks, tests, failed, corrections)
