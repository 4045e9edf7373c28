"""The audit log as values: what one decision leaves behind, in canonical JSON lines that are chained by their digests.

Each line holds the digest of the line before it, so a line that was changed, removed, added or moved breaks the chain
at that place. The newest lines can be cut off without a trace in the file itself: keep the last digest elsewhere
(`interlock audit verify --head`) to notice that too. Writing is an edge's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from policies import secrets, tickets, toolmap
from policies.engine import facts_json
from policies.verdict import Caller, ToolCall, Verdict

VERSION = 1
GENESIS = "0" * 64
"""What the first line names as the line before it."""
ARGUMENTS_CHARS_MAX = 32_768
"""Of a call's arguments in a record; longer ones are cut, and the record says so. The digest is of the whole call."""
LINE_BYTES_MAX = 1_048_576


@dataclass(frozen=True, slots=True)
class Chained:
    """A line and the digest that the next line names."""

    line: bytes
    head: str


def decision(call: ToolCall, caller: Caller, verdict: Verdict, *, latency_us: int, mask_key: bytes) -> dict[str, Any]:
    """The record of one verdict. Secrets in the arguments are masked."""
    shown = call.arguments.decode("utf-8", "replace")
    facts = None if verdict.facts is None else facts_json(verdict.facts)
    notes = [step.note[:500] for step in verdict.trail]
    rewritten = "" if verdict.arguments is None else verdict.arguments.decode("utf-8", "replace")
    if secrets.may_hold((shown, verdict.reason, rewritten, *notes, *_texts(facts))):
        shown, reason = _clean(shown, mask_key), _clean(verdict.reason, mask_key)
        notes, facts, rewritten = _clean(notes, mask_key), _clean(facts, mask_key), _clean(rewritten, mask_key)
    else:
        reason = verdict.reason
    record: dict[str, Any] = {
        "kind": "decision",
        "at": round(caller.now_s, 6),
        "call": call.id,
        "digest": tickets.digest(call, caller),
        "tool": toolmap.qualified(call.name, call.namespace),
        "arguments": shown[:ARGUMENTS_CHARS_MAX],
        "custom": call.custom,
        "key": caller.key_id,
        "harness": caller.harness,
        "session": caller.session,
        "agent": caller.agent,
        "cwd": caller.cwd,
        "home": caller.home,
        "tags": list(caller.tags),
        "taint": sorted(caller.taint),
        "decision": verdict.decision,
        "checkpoint": verdict.checkpoint,
        "reason": reason,
        "rules": [match.rule for match in verdict.rules],
        "trail": [[step.checkpoint, step.decision, note] for step, note in zip(verdict.trail, notes, strict=True)],
        "profile": verdict.profile,
        "mode": verdict.mode,
        "policy": verdict.policy,
        "granted_by": verdict.granted_by,
        "latency_us": latency_us,
    }
    if len(shown) > ARGUMENTS_CHARS_MAX:
        record["arguments_cut"] = len(shown)
    if facts is not None:
        record["facts"] = facts
    if verdict.score is not None:
        record["score"] = {
            "value": round(verdict.score.value, 4),
            "least": verdict.score.least,
            "version": verdict.score.version,
        }
    if verdict.arguments is not None:
        record["rewritten"] = rewritten[:ARGUMENTS_CHARS_MAX]
    return record


def _texts(value: Any) -> list[str]:
    """All texts that `_clean` would look at."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for entry in inner for text in _texts(entry)]


def _clean(value: Any, mask_key: bytes) -> Any:
    """The value with the secrets in its texts masked."""
    if isinstance(value, str):
        return secrets.masked(value, mask_key)
    if isinstance(value, list):
        return [_clean(entry, mask_key) for entry in value]
    return {name: _clean(entry, mask_key) for name, entry in value.items()} if isinstance(value, dict) else value


def event(kind: str, at_s: float, **fields: Any) -> dict[str, Any]:
    """A record of something else: an approval, a reload, a gap, the breaker."""
    return {"kind": kind, "at": round(at_s, 6), **fields}


def chained(record: dict[str, Any], sequence: int, head: str) -> Chained:
    """The record as line number `sequence` (from 1) behind the line whose digest is `head`."""
    full = {"v": VERSION, "seq": sequence, "prev": head, **record}
    body = canonical(full)
    digest = hashlib.sha256(body).hexdigest()
    line = body[:-1] + f',"hash":"{digest}"}}'.encode() + b"\n"
    return Chained(line, digest)


def canonical(value: dict[str, Any]) -> bytes:
    """JSON with sorted keys, no spaces, ASCII only; numbers as Python writes them."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


@dataclass(frozen=True, slots=True)
class Finding:
    """`line` is 1-based."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Verified:
    """`head` is the digest of the last line that holds, GENESIS for none."""

    lines: int
    head: str
    findings: tuple[Finding, ...]


def verify(lines: Iterable[bytes]) -> Verified:
    """Every place where the chain does not hold. After a broken line the chain is taken up again from what it says, so
    that one change is one finding."""
    findings: list[Finding] = []
    head, sequence, number = GENESIS, 0, 0
    for number, line in enumerate(lines, 1):
        value, problem = _read(line)
        if value is None:
            findings.append(Finding(number, problem))
            continue
        if problem:
            findings.append(Finding(number, problem))
        if value["prev"] != head:
            findings.append(Finding(number, "does not follow the line before it: lines were changed, removed or added"))
        elif value["seq"] != sequence + 1:
            findings.append(Finding(number, f"is number {value['seq']}, {sequence + 1} was expected"))
        head, sequence = value["hash"], value["seq"]
    return Verified(number, head, tuple(findings))


def _read(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """(the record, what is wrong with it); None when there is nothing to go on with."""
    try:
        value = json.loads(line)
    except ValueError:
        return None, "is not JSON"
    if not isinstance(value, dict) or not isinstance(value.get("seq"), int):
        return None, "is not a record"
    if not all(isinstance(value.get(name), str) for name in ("prev", "hash")):
        return None, "is not a record"
    body = canonical({name: held for name, held in value.items() if name != "hash"})
    if hashlib.sha256(body).hexdigest() != value["hash"]:
        return value, "was changed: its digest does not fit"
    if not line.endswith(b"\n") or line.rstrip(b"\n") != body[:-1] + f',"hash":"{value["hash"]}"}}'.encode():
        return value, "is not in canonical form"
    return value, ""


def calls(lines: Iterable[bytes]) -> Iterator[tuple[ToolCall, Caller, dict[str, Any]]]:
    """The judged calls of a log, to be judged again. Cut arguments cannot be and are left out."""
    for line in lines:
        value, _ = _read(line)
        if value is None or value.get("kind") != "decision" or "arguments_cut" in value:
            continue
        call = ToolCall(
            str(value["call"]), str(value["tool"]), value["arguments"].encode(), custom=bool(value.get("custom"))
        )
        caller = Caller(
            key_id=value.get("key", "anonymous"),
            harness=value.get("harness", "unknown"),
            session=value.get("session", ""),
            tags=tuple(value.get("tags", ())),
            agent=value.get("agent"),
            taint=frozenset(value.get("taint", ())),
            cwd=value.get("cwd"),
            home=value.get("home"),
            now_s=float(value.get("at", 0)),
        )
        yield call, caller, value
