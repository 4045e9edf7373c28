"""Calls that carry text outward: what in their arguments must not get out, and the masks among their arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from policies import leaks, secrets
from policies.facts import Facts, Kind
from policies.leaks import Detectors, Leak
from policies.model import PublishAction
from policies.taint import TRACKERS
from policies.texts import decoded
from policies.verdict import Decision, ToolCall

ONLY_LOOKS: Final[frozenset[Kind]] = frozenset({"read", "list", "search", "plan", "ask"})
"""Kinds of calls that change nothing: a mask among their arguments finds nothing and does no harm."""
_RECORDS: Final = frozenset({"commit", "tag", "notes", "merge", "revert", "cherry-pick", "am", "format-patch"})
"""Subcommands of git whose text is published with the next push."""
_TELLS: Final = re.compile(
    r"(?:^|[_.-])(?:create|update|edit|add|post|send|publish|push|upload|reply|submit|open|close|comment|merge|share|notify|"
    r"message|mail|email|release|announce|request|review)(?:[_.-]|$)|comment|issue|pull_?request|merge_?request|message",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(r"^(?:get|list|read|search|find|view|fetch|query|describe|show|download)(?:[_.-]|$|[A-Z])")
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """The strictest thing to do about what a call would send."""

    decision: Decision
    what: str


def sends(facts: Facts) -> bool:
    """Whether others will see what stands in the call: it publishes, talks to the network, writes history that is pushed
    later, or tells a tracker, a forge or a chat something."""
    if "publish" in facts.effects or "network" in facts.effects:
        return True
    if facts.kind == "mcp":
        name = _WORDS.sub("_", facts.tool)
        if _ASKS.match(facts.tool):
            return False
        return _TELLS.search(name) is not None or facts.server in TRACKERS
    return any(
        command.program == "git" and command.subcommand.partition(" ")[0] in _RECORDS for command in facts.commands
    )


def found(call: ToolCall, detectors: Detectors) -> Found | None:
    """None when nothing in the call must be kept back."""
    kinds = dict.fromkeys(_kinds(call, detectors))
    for wanted in ("deny", "ask"):
        held = [kind for kind in kinds if _action(kind, detectors) == wanted]
        if held:
            return Found("deny" if wanted == "deny" else "ask", ", ".join(held[:3]))
    return None


def masked(call: ToolCall, detectors: Detectors, key: bytes) -> bytes | None:
    """The arguments with masks in them, where that is all that is to be done; None where nothing is masked or something is
    worse. (A call that is refused anyway is shown as the model made it.)"""
    if call.custom:
        text = call.arguments.decode("utf-8", "replace")
        hits = [hit for hit in detectors.find(text) if _action(hit.kind, detectors) != "off"]
        if not hits or any(_action(hit.kind, detectors) != "mask" for hit in hits):
            return None
        return leaks.replaced(text, hits, key).encode()
    held = [leak for leak in _leaks(call, detectors, key) if _action(leak.kind, detectors) != "off"]
    if not held or any(_action(leak.kind, detectors) != "mask" for leak in held):
        return None
    return leaks.edited(call.arguments, held)


def masks(call: ToolCall) -> tuple[str, ...]:
    """Masks among the arguments."""
    raw = call.arguments
    if b"secret:" not in raw and b"\\u" not in raw:
        return ()
    if call.custom or b"\\u" not in raw:
        return tuple(secrets.masks_in(raw.decode("utf-8", "replace")))
    whole = "\n".join(decoded(token.group()) for token in _STRING.finditer(raw))
    return tuple(secrets.masks_in(whole))


def _kinds(call: ToolCall, detectors: Detectors) -> list[str]:
    if call.custom:
        return [hit.kind for hit in detectors.find(call.arguments.decode("utf-8", "replace"))]
    return [leak.kind for leak in _leaks(call, detectors, b"")]


def _leaks(call: ToolCall, detectors: Detectors, key: bytes) -> tuple[Leak, ...]:
    return detectors.scan(call.arguments, key, every=True)


def _action(kind: str, detectors: Detectors) -> PublishAction:
    return detectors.publishes(kind)
