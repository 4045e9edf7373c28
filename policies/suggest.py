"""Rules learned from approvals: what people granted again and again, as the narrowest rule that would have allowed it.

A suggestion is never wider than its evidence: program and subcommand, exactly the flags that were granted, paths in the
workspace, the hosts that were granted, the effects that were there. It is shown with every call of the log that it
would have allowed, granted or not, so that nobody adopts more than they see.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from policies.compiled import compile_rule
from policies.facts import Command, Effect, Facts
from policies.model import Rule
from policies.view import Place, view

GRANTS_MIN = 3
"""Fewer approvals are an accident, not a habit."""
NEVER: frozenset[Effect] = frozenset(
    {"destructive", "privilege", "exec_data", "publish", "persistence", "write_outside"}
)
"""Effects that no suggestion covers: who wants such a rule writes it by hand."""


@dataclass(frozen=True, slots=True)
class Approved:
    """One call that asked, with what became of it: `granted` by a human, or `passed` by something else (a classifier, a
    hook, a mode, the harness), which is neither evidence nor an objection; else it was refused."""

    id: str
    facts: Facts
    place: Place
    granted: bool
    shown: str
    passed: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`grants` are the approvals behind it; `would_allow` all calls of the log it would have let pass."""

    rule: Rule
    grants: tuple[str, ...]
    would_allow: tuple[str, ...]
    refused: tuple[str, ...]

    def as_yaml(self) -> str:
        held = self.rule.model_dump(exclude_none=True, exclude_defaults=True, by_alias=True, mode="json")
        text: str = yaml.safe_dump([held], sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
        return text


def suggest(log: Iterable[Approved], grants_min: int = GRANTS_MIN) -> list[Suggestion]:
    """Most approvals first. A rule that would have allowed a call that somebody refused is not suggested."""
    calls = list(log)
    groups: dict[tuple[str, ...], list[tuple[Approved, Command | None]]] = {}
    for call in calls:
        if call.granted and not call.facts.unknown and not call.facts.invalid:
            for key, command in _shapes(call.facts):
                groups.setdefault(key, []).append((call, command))
    found = [made for key, held in sorted(groups.items()) if (made := _made(key, held, calls, grants_min)) is not None]
    return sorted(found, key=lambda suggestion: -len(suggestion.grants))


def _shapes(facts: Facts) -> list[tuple[tuple[str, ...], Command | None]]:
    if facts.kind == "shell":
        return [
            (("shell", command.program, command.subcommand), command) for command in facts.commands if command.program
        ]
    if facts.kind == "mcp":
        return [(("mcp", facts.server, facts.tool), None)]
    return [((facts.kind, facts.tool), None)] if facts.kind != "other" else []


def _made(
    key: tuple[str, ...], held: list[tuple[Approved, Command | None]], calls: list[Approved], grants_min: int
) -> Suggestion | None:
    grants = tuple(dict.fromkeys(call.id for call, _ in held))
    matcher = _matcher(key, held) if len(grants) >= grants_min else None
    if matcher is None:
        return None
    rule = Rule.model_validate({"id": "learned-" + "-".join(_word(part) for part in key if part), "allow": matcher})
    test = compile_rule(rule).test
    allowed = [call for call in calls if _covers(test, call)]
    refused = tuple(call.shown for call in allowed if not (call.granted or call.passed))
    if refused:
        return None
    return Suggestion(rule, grants, tuple(dict.fromkeys(call.shown for call in allowed)), refused)


def _word(text: str) -> str:
    return "".join(char if char.isalnum() or char in "_-" else "-" for char in text).strip("-") or "x"


def _covers(test: Any, call: Approved) -> bool:
    whole = view(call.facts, call.place, {})
    return all(test(part) for part in whole.parts or (whole,))


def _matcher(key: tuple[str, ...], held: list[tuple[Approved, Command | None]]) -> dict[str, Any] | None:
    effects = {effect for call, command in held for effect in (command.effects if command else call.facts.effects)}
    if effects & NEVER:
        return None
    if key[0] == "mcp":
        return {"mcp": {"server": key[1], "tool": key[2]}}
    out: dict[str, Any] = {"tool": key[0]} if key[0] != "shell" else {"program": key[1]}
    if key[0] == "shell":
        if key[2]:
            out["subcommand"] = key[2]
        out["only_flags"] = sorted({flag for _, command in held if command for flag in command.flags})
    sources = [command or call.facts for call, command in held]
    if not _inside(held):
        return None
    out["paths_in"] = "workspace"
    hosts = sorted({host for source in sources for host in source.hosts})
    if hosts:
        out["hosts"] = hosts
    elif "network" in effects:
        return None
    rest = sorted(effects - {"network"})
    return out | ({"effects": rest} if rest else {})


def _inside(held: list[tuple[Approved, Command | None]]) -> bool:
    """Whether all paths of the evidence lie in the workspace."""
    for call, command in held:
        source = command or call.facts
        if not all(call.place.inside(path) for path in (*source.reads, *source.writes)):
            return False
    return True
