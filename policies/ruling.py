"""Checkpoint 3: what the rules say of a call. Pure: deny over ask over allow, the strictest over all commands, no
rule = default."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from policies.compiled import STRICT, CompiledRule, Layer, Resolved, strictest
from policies.verdict import Decision, Matched
from policies.view import View

Context = Callable[[], dict[str, Any]]
"""The names of `when:`, made only when a rule needs them."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """`said` is True when a rule decided, False when a default did. `uncovered` are the parts that no rule matched."""

    decision: Decision
    matched: tuple[Matched, ...] = ()
    said: bool = False
    uncovered: tuple[str, ...] = ()

    @property
    def floor(self) -> bool:
        return any(match.floor and match.decision == self.decision for match in self.matched)


def rule(profile: Resolved, whole: View, context: Context) -> Ruling:
    """The strictest of the profile's layers."""
    rulings = [_layer(layer, whole, context) for layer in profile.layers]
    return rulings[0] if len(rulings) == 1 else joined(rulings)


def joined(rulings: Iterable[Ruling]) -> Ruling:
    """One ruling of several that all must hold."""
    held = list(rulings)
    decision = strictest(ruling.decision for ruling in held)
    deciding = [ruling for ruling in held if ruling.decision == decision]
    matched = dict.fromkeys(match for ruling in held for match in ruling.matched)
    uncovered = dict.fromkeys(part for ruling in deciding for part in ruling.uncovered)
    return Ruling(decision, _ordered(matched), any(ruling.said for ruling in deciding), tuple(uncovered))


def _layer(layer: Layer, whole: View, context: Context) -> Ruling:
    parts = whole.parts or (whole,)
    matched: list[Matched] = []
    decisions: list[Decision] = []
    uncovered: list[str] = []
    for part in parts:
        lacks = ~part.has
        near = (rule for rule in layer.index.near(part) if not rule.needs & lacks)
        found = [hit for rule in near if (hit := hits(rule, part, context))]
        matched += found
        if found:
            decisions.append(found[0].decision if len(found) == 1 else strictest(hit.decision for hit in found))
        else:
            decisions.append(layer.default)
            uncovered.append(part.label or part.tool)
    if whole.parts and not whole.single:
        lacks = ~whole.has
        seen = {hit.rule for hit in matched}
        for candidate in layer.index.whole(whole.facts.kind):
            if candidate.decision == "allow" or candidate.needs & lacks or candidate.id in seen:
                continue
            if (hit := hits(candidate, whole, context)) is not None:
                matched.append(hit)
                decisions.append(hit.decision)
    decision = decisions[0] if len(decisions) == 1 else strictest(decisions)
    said = any(hit.decision == decision for hit in matched)
    return Ruling(decision, _ordered(matched), said, tuple(uncovered))


def hits(candidate: CompiledRule, view: View, context: Context) -> Matched | None:
    """The match of one rule, None when it does not. A condition that cannot be evaluated counts against the call."""
    if not candidate.test(view):
        return None
    condition = candidate.condition()
    if condition is not None:
        holds = condition(context())
        if holds is False or (holds is None and candidate.decision == "allow"):
            return None
    return Matched(candidate.id, candidate.decision, view.label, candidate.message, candidate.floor)


def _ordered(matched: Collection[Matched]) -> tuple[Matched, ...]:
    """Strongest first, each rule once per part."""
    if len(matched) < 2:
        return tuple(matched)
    once = dict.fromkeys(matched)
    return tuple(sorted(once, key=lambda hit: (-STRICT[hit.decision], not hit.floor)))
