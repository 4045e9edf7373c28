"""Refusals of one session, counted. Three in a row or twenty in all trip the breaker: then a human must look."""

from __future__ import annotations

from dataclasses import dataclass, replace

from policies.model import DenyLimit
from policies.verdict import Decision

BREAKER = "default/breaker"
"""Stands for a rule in the verdicts of a session whose breaker has tripped."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """A value per session; the caller keeps it."""

    consecutive: int = 0
    total: int = 0
    tripped: bool = False


def counted(held: Refusals, decision: Decision, limit: DenyLimit) -> Refusals:
    """After one verdict. An ask that was not granted counts like a deny: the harness was told no. Tripped stays tripped
    until `resumed`: otherwise one allowed `ls` would open it again."""
    if decision == "allow":
        return replace(held, consecutive=0) if held.consecutive else held
    consecutive, total = held.consecutive + 1, held.total + 1
    tripped = held.tripped or consecutive >= limit.consecutive or total >= limit.total
    return Refusals(consecutive, total, tripped)


def resumed(held: Refusals) -> Refusals:
    """A human has looked (granted a ticket, or reset the session)."""
    return Refusals()


def why(held: Refusals, limit: DenyLimit) -> str:
    if held.total >= limit.total:
        return f"{held.total} calls of this session were refused; a human must look at it first"
    number = max(held.consecutive, limit.consecutive)
    return f"{number} calls in a row were refused; a human must look at this session first"
