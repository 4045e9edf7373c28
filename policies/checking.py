"""Calls from files and command lines, and verdicts as the lines that tools read: `policy check`, `test`, `replay` and
`diff`.

A call is a JSON line `{"id", "tool", "arguments": {…}, "cwd"?, "session"?}`; a line that is not one is judged like a
call that cannot be read: deny, at checkpoint input_validation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from policies import leaks, secrets, validate
from policies.engine import facts_json
from policies.leaks import Detectors, Target
from policies.verdict import Caller, Decision, ToolCall, Verdict

LINE_BYTES_MAX = 8 * 1024 * 1024
INPUT_KEYS = frozenset(
    {
        "id",
        "tool",
        "arguments",
        "cwd",
        "session",
        "home",
        "harness",
        "key",
        "agent",
        "tags",
        "taint",
        "namespace",
        "expect",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One line. `problem` says why it is no call; `expect` is the decision a fixture wants."""

    id: Any
    call: ToolCall | None = None
    caller: Caller = field(default_factory=Caller)
    problem: str = ""
    expect: Decision | None = None


def read(line: bytes, number: int, caller: Caller) -> Asked:
    """`caller` is what holds for all lines; a line may say more."""
    if len(line) > LINE_BYTES_MAX:
        return Asked(number, problem=f"the line is larger than {LINE_BYTES_MAX} bytes")
    parsed = validate.read(ToolCall("line", "line", line))
    if parsed.problem or not line.strip():
        return Asked(_id_of(line, number), problem=parsed.problem or "the line is empty")
    value: dict[str, Any] = parsed.value
    name = value.get("id", number)
    if not isinstance(name, str | int | float) or isinstance(name, bool):
        return Asked(number, problem="id is not a text or a number")
    problem = _problem(value)
    if problem:
        return Asked(name, problem=problem)
    return Asked(name, _call(name, value), _caller(value, caller), expect=value.get("expect"))


def _id_of(line: bytes, number: int) -> Any:
    """The id of a line whose rest cannot be used, where that can still be told."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return number
    held = value.get("id") if isinstance(value, dict) else None
    return held if isinstance(held, str | int) and not isinstance(held, bool) else number


def _problem(value: Mapping[str, Any]) -> str:
    if not isinstance(value.get("tool"), str) or not value["tool"]:
        return "tool is missing or not a text"
    if not isinstance(value.get("arguments"), dict | str):
        return "arguments are missing or not an object"
    for key in ("cwd", "session", "home", "harness", "key", "agent", "namespace"):
        if value.get(key) is not None and not isinstance(value[key], str):
            return f"{key} is not a text"
    for key in ("tags", "taint"):
        held = value.get(key, [])
        if not isinstance(held, list) or not all(isinstance(entry, str) for entry in held):
            return f"{key} is not a list of texts"
    if value.get("expect") not in (None, "allow", "ask", "deny"):
        return "expect is not allow, ask or deny"
    unknown = sorted(value.keys() - INPUT_KEYS)
    return f"the key {unknown[0]} is not known" if unknown else ""


def _call(name: Any, value: Mapping[str, Any]) -> ToolCall:
    arguments = value["arguments"]
    custom = isinstance(arguments, str)
    text = arguments if custom else json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    raw = text.encode("utf-8", "surrogatepass")
    return ToolCall(str(name), value["tool"], raw, value.get("namespace") or "", custom)


def _caller(value: Mapping[str, Any], base: Caller) -> Caller:
    return Caller(
        key_id=value.get("key") or base.key_id,
        harness=value.get("harness") or base.harness,
        session=value.get("session") or base.session,
        tags=tuple(value.get("tags", base.tags)),
        agent=value.get("agent") or base.agent,
        taint=frozenset(value.get("taint", base.taint)),
        cwd=value.get("cwd") or base.cwd,
        home=value.get("home") or base.home,
        now_s=base.now_s,
        extra=base.extra,
    )


def line(asked: Asked, verdict: Verdict | None, latency_us: int) -> dict[str, Any]:
    """The answer to one line, in the order of its keys."""
    if verdict is None:
        return {
            "id": asked.id,
            "decision": "deny",
            "rules": [],
            "facts": {},
            "reason": f"invalid input: {asked.problem}",
            "latency_us": latency_us,
            "checkpoint": "input_validation",
        }
    return {
        "id": asked.id,
        "decision": verdict.decision,
        "rules": list(dict.fromkeys(match.rule for match in verdict.rules)),
        "facts": facts_json(verdict.facts) if verdict.facts is not None else {},
        "reason": verdict.reason,
        "latency_us": latency_us,
        "checkpoint": verdict.checkpoint,
    }


def explained(verdict: Verdict) -> Iterator[str]:
    """A verdict for people: the decision, each checkpoint, each rule, the facts."""
    yield f"{verdict.decision}: {verdict.reason}"
    if verdict.alternative:
        yield f"  instead: {verdict.alternative}"
    yield f"  profile {verdict.profile}, mode {verdict.mode}, policy {verdict.policy}"
    for step in verdict.trail:
        note = f" ({step.note})" if step.note else ""
        yield f"  {step.checkpoint}: {step.decision or 'nothing to say'}{note}"
    for match in verdict.rules:
        part = f" on `{match.part}`" if match.part else ""
        yield f"  rule {match.rule}: {match.decision}{' (floor)' if match.floor else ''}{part}"
    if verdict.facts is not None:
        for name, held in facts_json(verdict.facts).items():
            for entry in held if name == "commands" else [held]:
                yield f"  {name}: {entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)}"


def kept(detectors: Detectors, text: str, target: Target, key: bytes) -> dict[str, Any]:
    """What would become of a tool's result on its way to a model. Values are not in the answer, only their masks."""
    hits = detectors.find(text)
    actions = [detectors.action(hit.kind, target) for hit in hits]
    found = []
    for hit, action in zip(hits, actions, strict=True):
        line = text.count("\n", 0, hit.start) + 1
        column = hit.start - (text.rfind("\n", 0, hit.start) + 1) + 1
        mask = secrets.mask(hit.kind, hit.value, key)
        found.append({"kind": hit.kind, "line": line, "column": column, "action": action, "mask": mask})
    gone = [hit for hit, action in zip(hits, actions, strict=True) if action != "off"]
    return {"action": leaks.strictest(actions), "found": found, "text": leaks.replaced(text, gone, key)}


@dataclass(frozen=True, slots=True)
class Change:
    """A call that two policies (or two times) decide differently."""

    id: str
    tool: str
    before: str
    after: str
    reason: str


def changes(pairs: Iterable[tuple[ToolCall, str, Verdict]]) -> list[Change]:
    """(call, decision before, verdict now) to those that differ."""
    return [
        Change(call.id, call.name, before, verdict.decision, verdict.reason)
        for call, before, verdict in pairs
        if before != verdict.decision
    ]
