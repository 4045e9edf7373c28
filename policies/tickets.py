"""Approvals as values: the canonical form of a call, its digest, and grants that cover exactly one such call.

What a human approves is what is shown: the canonical form with control characters escaped. A grant names the session
and the key; it ends at a time and after a number of uses. Keeping and spending grants is the caller's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from policies import toolmap, validate
from policies.verdict import Caller, ToolCall

SHOWN_CHARS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Grant:
    """`uses` are left; 0 is spent. `by` is who granted it."""

    id: str
    digest: str
    key_id: str
    session: str
    expires_s: float
    uses: int = 1
    by: str = ""


def canonical(call: ToolCall, caller: Caller) -> bytes:
    """Tool, arguments and working directory in one form: JSON with sorted keys, no spaces. Calls that differ in
    spelling only (key order, spaces between tokens, escapes) are equal; nothing else is."""
    value: Any = call.arguments.decode("utf-8", "replace") if call.custom else _value(call)
    form = {
        "arguments": value,
        "custom": call.custom,
        "cwd": caller.cwd or "",
        "tool": toolmap.qualified(call.name, call.namespace),
    }
    return json.dumps(form, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()


def digest(call: ToolCall, caller: Caller) -> str:
    return "sha256:" + hashlib.sha256(canonical(call, caller)).hexdigest()


def _value(call: ToolCall) -> Any:
    read = validate.read(call)
    return {"unreadable": call.arguments.hex()} if read.problem else read.value


def covering(grants: Iterable[Grant], call: ToolCall, caller: Caller) -> Grant | None:
    """The grant that covers exactly this call of this session and key now."""
    wanted: str | None = None
    for grant in grants:
        if grant.key_id != caller.key_id or grant.session != caller.session or not caller.session:
            continue
        if grant.uses < 1 or grant.expires_s <= caller.now_s:
            continue
        wanted = wanted or digest(call, caller)
        if grant.digest == wanted:
            return grant
    return None


def spent(grant: Grant) -> Grant:
    """ValueError when nothing is left."""
    if grant.uses < 1:
        raise ValueError("the grant is spent")
    return replace(grant, uses=grant.uses - 1)


def display(call: ToolCall, caller: Caller) -> str:
    """What a human is asked to approve: tool, then each argument on a line, everything that is not plainly visible
    escaped."""
    value = call.arguments.decode("utf-8", "replace") if call.custom else _value(call)
    lines = [visible(toolmap.qualified(call.name, call.namespace))]
    if caller.cwd:
        lines.append(f"in {visible(caller.cwd)}")
    pairs = sorted(value.items()) if isinstance(value, dict) else [("text", value)]
    for name, held in pairs:
        text = held if isinstance(held, str) else json.dumps(held, ensure_ascii=False, sort_keys=True)
        lines.append(f"{visible(name)}: {visible(text)}")
    shown = "\n".join(lines)
    if len(shown) > SHOWN_CHARS_MAX:
        return (
            shown[:SHOWN_CHARS_MAX]
            + f"\n… {len(shown) - SHOWN_CHARS_MAX} more characters, not shown: do not approve unseen"
        )
    return shown


def visible(text: str) -> str:
    r"""Control, invisible and directional characters as escapes, line ends as `\n` with an arrow kept on one line."""
    out = []
    for char in text:
        if char == "\n":
            out.append("\\n")
        elif char == "\t":
            out.append("\\t")
        elif char.isprintable() and not validate.INVISIBLE.match(char):
            out.append(char)
        else:
            out.append(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")
    return "".join(out)
