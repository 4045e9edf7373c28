"""`when:` in CEL (github.com/google/cel-spec, package common-expression-language). Looked at only after a rule's
matcher fits.

A condition that cannot be evaluated (a key that is missing, types that do not fit) counts against the call: a rule that
allows does not match, a rule that asks or denies does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from policies.errors import listed, nearest

VARIABLES: dict[str, tuple[str, Any]] = {
    "session": (
        "taint (list of sources), id, refusals (number so far), tags",
        {"taint": ["web"], "id": "s1", "refusals": 0, "tags": ["ci"]},
    ),
    "caller": (
        "key, harness, agent, subagent (true or false), cwd",
        {"key": "k", "harness": "codex", "agent": "", "subagent": False, "cwd": "/repo"},
    ),
    "call": (
        "tool, kind, server, args (the arguments), reads, writes, hosts, effects, unknown, masked (masks in the arguments)",
        {
            "tool": "bash",
            "kind": "shell",
            "server": "",
            "args": {},
            "reads": [""],
            "writes": [""],
            "hosts": [""],
            "effects": ["network"],
            "unknown": [""],
            "masked": [""],
        },
    ),
    "shell": (
        "programs, flags, effects of all commands of a call",
        {"programs": ["ls"], "flags": ["-l"], "effects": ["network"]},
    ),
    "now": (
        "hour (0 to 23), weekday (0 is Monday), both in UTC, and unix (seconds)",
        {"hour": 12, "weekday": 0, "unix": 1_700_000_000},
    ),
}
"""Name -> (what it holds, a value of its type)."""

_BOUND = re.compile(r"\.(?:all|exists|exists_one|filter|map)\(\s*([A-Za-z_]\w*)\s*,(?:\s*([A-Za-z_]\w*)\s*,)?")
_UNDEFINED = re.compile(r"Undefined variable or function: '([^']*)'")
SOURCE_CHARS_MAX = 4_000

Condition = Callable[[dict[str, Any]], "bool | None"]
"""None when it cannot be evaluated."""


def compiled(source: str) -> Condition:
    """ValueError when it is not CEL. The library is imported here: it costs a third of a second that only policies with
    conditions should pay."""
    import cel

    program = cel.compile(source)

    def condition(context: dict[str, Any]) -> bool | None:
        try:
            result = program.execute(context)
        except (RuntimeError, TypeError, ValueError, ArithmeticError, LookupError):
            return None
        return result if isinstance(result, bool) else None

    return condition


def check(source: str) -> tuple[str, str] | None:
    """(what is wrong, cure), None for a condition that can be used: its names are looked up and it is run on
    samples."""
    import cel

    if len(source) > SOURCE_CHARS_MAX:
        return "the condition is too long", f"at most {SOURCE_CHARS_MAX} characters"
    try:
        program = cel.compile(source)
    except ValueError as error:
        return f"not a CEL expression: {' '.join(str(error).split())[:120]}", "for example: 'web' in session.taint"
    bound = {name for pair in _BOUND.findall(source) for name in pair if name}
    for name in program.variables():
        if name not in VARIABLES and name not in bound:
            return f"the condition uses the unknown name {name}{nearest(name, VARIABLES)}", listed(VARIABLES)
    try:
        result = program.execute({name: sample for name, (_, sample) in VARIABLES.items()})
    except (RuntimeError, TypeError) as error:
        undefined = _UNDEFINED.search(str(error))
        what = f"uses the unknown function {undefined[1]}" if undefined else "cannot be evaluated"
        return f"the condition {what}", "functions of CEL such as size, exists, startsWith, matches"
    except (ValueError, ArithmeticError, LookupError):
        return None  # depends on the arguments of a call
    return None if isinstance(result, bool) else ("the condition yields no true or false", "write a comparison")
