"""What later requests tell of an earlier decision: pure comparisons of counts, made after the client has its answer.

A decision is the model that `auto` gave to a human's ask. Its outcome is seen, if at all, in what the session sends next:
tests that pass or fail, a complaint or the same ask again within two turns, a model asked for by name instead, work undone.
These are signs, not verdicts: each is kept with its kind, and whoever learns from them weighs them
(gateway.adapters.outcomes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from gateway.ir.exchange import Exchange, OutcomeKind, Plan, Seen
from gateway.reading import role_of
from gateway.sessions.state import Decided

ASKS_MAX: Final = 2
"""The human's turns after a decision in which a complaint or another model is still about it."""

REVERT: Final = re.compile(
    rb"git (?:checkout (?:-- |HEAD|\.)|restore |revert |reset --hard|stash)|/rewind|undo_edit", re.IGNORECASE
)
CALL_BYTES_MAX: Final = 16_384
"""Of an agent's message, how much is searched: a command stands near its beginning, a written file may follow."""

ASKED: Final = frozenset({"main", "subagent"})


def seen(exchange: Exchange, plan: Plan, before: Decided | None) -> list[Seen]:
    """Outcomes of the earlier decision that this request shows; none without one."""
    if before is None:
        return []
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
    for raw in exchange.view.messages[exchange.new_from :][:8]:
        if role_of(raw) == "assistant" and REVERT.search(memoryview(raw)[:CALL_BYTES_MAX]) is not None:
            return True
    return False


def decided(exchange: Exchange, plan: Plan, model: str, before: Decided | None) -> Decided | None:
    """What to remember after this call was answered: a new decision where one was made, else the earlier one, brought up to
    date. None: as it was."""
    signals, asked = exchange.labels.signals or {}, exchange.labels.call in ASKED
    counts = {name: signals.get(name, 0) for name in ("tests", "tests_failed", "corrections")}
    moved = plan.decision is not None and plan.decision.move is not None and plan.decision.move.made
    if plan.decision is not None and (moved or (asked and not counts["corrections"])):
        return Decided(exchange.request_id, model, **counts)
    if before is None or exchange.labels.call not in ("main", "subagent", "tool_result"):
        return None
    return replace(before, asks=before.asks + asked, **counts)
