"""`expr:` conditions in CEL: which names they may use, and what is wrong with one before any request meets it.

The language is the Common Expression Language (github.com/google/cel-spec), package common-expression-language 0.10.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gateway.config.problems import listed, nearest

if TYPE_CHECKING:
    import cel

VARIABLES: dict[str, tuple[str, Any]] = {
    "call": ("kind of call: main, tool_result, title, ...", "main"),
    "task": ('kind of work, "" when it has none', "boilerplate"),
    "lane": ('lane asked for, "" when none was', "local"),
    "model": ("model name asked for", "auto"),
    "harness": ('harness recognised, or "unknown"', "opencode"),
    "key": ("name of the caller's key, else its id", "team"),
    "tags": ("tags of request and key, a list", ["team"]),
    "context_tokens": ("estimated tokens of the request", 12_000),
    "tools": ("names of the tools offered, a list", ["bash", "edit"]),
    "images": ("whether the request holds images", False),
    "hour": ("hour of the day in UTC, 0 to 23", 12),
    "turns": ("requests of the session before this one", 3),
    "subagent": ("whether a sub-agent asks", False),
    "stream": ("whether a stream is asked for", True),
    "scores": (
        "success expected per lane and `gain`, a map, empty until learned",
        {"local": 0.9, "mid": 0.93, "frontier": 0.96, "gain": 0.06},
    ),
}
"""Name -> (what it is, a value of its type). The description of `expr` is made of this."""

_WHERE = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")
_UNDEFINED = re.compile(r"Undefined variable or function: '([^']*)'")
_BOUND = re.compile(r"\.(?:all|exists|exists_one|filter|map)\(\s*([A-Za-z_]\w*)\s*,(?:\s*([A-Za-z_]\w*)\s*,)?")


def compiled(source: str) -> cel.Program:
    """ValueError when it is not CEL. The library is imported here and not before: it brings a terminal toolkit with it, a
    third of a second that only who writes expressions should pay."""
    import cel

    return cel.compile(source)


def check(source: str) -> tuple[str, str, str] | None:
    """(what is wrong, what is accepted, nearest name), or None for an expression that can be used. It is compiled, its names
    are looked up, and it is run once on sample values: it must yield true or false."""
    try:
        program = compiled(source)
    except ValueError as e:
        return _syntax(str(e)), "a CEL expression such as context_tokens > 8000 && 'bash' in tools", ""
    bound = {name for pair in _BOUND.findall(source) for name in pair if name}
    unknown = [name for name in program.variables() if name not in VARIABLES and name not in bound]
    if unknown:
        return f"the expression uses the unknown name {unknown[0]}", listed(VARIABLES), nearest(unknown[0], VARIABLES)
    return _tried(program)


def _syntax(text: str) -> str:
    match = _WHERE.search(text)
    if match is None:
        return "not a CEL expression"
    line, column, reason = match.groups()
    if "Recursion limit" in reason:
        return "not a CEL expression: nested too deeply"
    reason = reason.split(" expecting ")[0].replace("'<EOF>'", "end of the expression")
    at = f"character {column}" if line == "1" else f"line {line}, character {column}"
    return f"not a CEL expression: {reason} at {at} of it"


def _tried(program: cel.Program) -> tuple[str, str, str] | None:
    try:
        result = program.execute({name: sample for name, (_, sample) in VARIABLES.items()})
    except RuntimeError as e:
        undefined = _UNDEFINED.search(str(e))
        reason = f"uses the unknown function {undefined[1]}" if undefined else "cannot be evaluated"
        return f"the expression {reason}", "functions of CEL such as size, startsWith, contains, matches", ""
    except TypeError as e:
        return f"the expression mixes types: {str(e).split('. ')[0]}", "", ""
    except (ValueError, ArithmeticError, LookupError):
        # Depends on the values of a request (an index, a map key): at run time it does not match.
        return None
    if not isinstance(result, bool):
        return f"the expression yields {type(result).__name__}, not true or false", "a comparison", ""
    return None
