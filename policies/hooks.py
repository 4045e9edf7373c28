"""Hooks as values: whom to ask, the JSON a hook gets, the answer it may give, and how answers are joined. Running them is
an edge's. A hook that fails counts as its `on_error`: deny at points that decide, allow at points that only watch.

Nothing a hook says makes anything wider than the rules do: see `policies.engine` for calls; everywhere else an answer can
refuse, narrow, or add text.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from policies import toolmap, validate
from policies.compiled import STRICT
from policies.facts import Facts
from policies.globs import Words
from policies.matchers import KINDS
from policies.model import Hook, Point
from policies.points import CONTEXT_CHARS_MAX, POINTS, REASON_CHARS_MAX, SCHEMA_VERSION
from policies.toolmap import TOOLS, Spec
from policies.verdict import Caller, Decision, ToolCall

DECIDING: frozenset[Point] = frozenset(point for point, spec in POINTS.items() if spec.decides)
"""Points where a refusal has an effect: there is something left to stop."""
TIMEOUT_MS = 5_000
MODEL_TIMEOUT_MS = 30_000
_DECISIONS: dict[str, Decision] = {"allow": "allow", "ask": "ask", "deny": "deny"}


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """`decision` None: nothing to say. `arguments` are a rewrite. `lane` and `tags` narrow the way of a request. `failed`
    says why the hook gave no answer; then its `on_error` is its decision."""

    decision: Decision | None = None
    reason: str = ""
    arguments: bytes | None = None
    context: str = ""
    failed: str = ""
    lane: str = ""
    tags: tuple[str, ...] = ()


def timeout_s(hook: Hook) -> float:
    return (hook.timeout_ms or (MODEL_TIMEOUT_MS if hook.model is not None else TIMEOUT_MS)) / 1000


def on_error(hook: Hook) -> Decision:
    return hook.on_error or ("deny" if hook.on in DECIDING else "allow")


def wanted(hook: Hook, point: Point, facts: Facts | None = None, name: str = "") -> bool:
    """Whether the hook is asked about this call, whose tool people know by `name`. What could not be read may be anything,
    so it is."""
    if hook.on != point:
        return False
    if facts is None:
        return True
    if hook.tool is not None and not _tool_fits(hook.tool, facts, name):
        return False
    if hook.program is None or facts.unknown or facts.invalid:
        return True
    programs = Words(hook.program)
    return any(not command.program or command.unknown or command.program in programs for command in facts.commands)


def _tool_fits(names: tuple[str, ...], facts: Facts, name: str) -> bool:
    words = Words(name for name in names if name not in KINDS)
    return (facts.kind in KINDS and facts.kind in names) or facts.tool in words or name in words


def named(name: str, more: Mapping[str, Spec] = TOOLS) -> Facts:
    """What is known of a tool by its name alone, for points without a pending call. `more`: the policy's own tools."""
    spec = more.get(name) or TOOLS.get(name)
    parts = toolmap.mcp_parts(name)
    if spec is None and parts is not None:
        return Facts("mcp", parts[1] or name, parts[0])
    return Facts(spec.kind if spec is not None else "other", name)


def payload(point: Point, caller: Caller, own: dict[str, Any]) -> bytes:
    """The JSON of a point: what all points have, and its own fields."""
    value = {
        "version": SCHEMA_VERSION,
        "point": point,
        "request": caller.extra.get("request", ""),
        "session": caller.session,
        "key": caller.key_id,
        "harness": caller.harness,
        "agent": caller.agent,
        "tags": list(dict.fromkeys((*caller.tags, *filter(None, caller.extra.get("private", "").split("\n"))))),
        "cwd": caller.cwd,
        "taint": sorted(caller.taint),
        "at": caller.now_s,
    }
    return json.dumps(value | own, ensure_ascii=True, separators=(",", ":")).encode()


def tool_fields(call: ToolCall) -> dict[str, Any]:
    """A call for a hook. Arguments as JSON, as text for a custom tool, as base64 when they are neither."""
    read = validate.read(call)
    name = toolmap.qualified(call.name, call.namespace)
    if read.problem:
        return {"name": name, "id": call.id, "arguments_base64": base64.b64encode(call.arguments).decode()}
    return {"name": name, "id": call.id, "input" if call.custom else "arguments": read.value}


# --- answers -----------------------------------------------------------------------------------------------------


def answer(hook: Hook, text: bytes) -> HookAnswer:
    """A hook's answer from its JSON. Anything that is not what the point's answer schema says is a failure; at points that
    only watch nobody reads it."""
    spec = POINTS[hook.on]
    if not spec.may or not text.strip():
        return HookAnswer()
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return HookAnswer(failed=str(error) if isinstance(error, _Twice) else "its answer is not JSON")
    if not isinstance(value, dict):
        return HookAnswer(failed="its answer is not an object")
    decision, reason, context = value.pop("decision", None), value.pop("reason", ""), value.pop("context", "")
    if not isinstance(reason, str) or not isinstance(context, str) or not isinstance(decision, str | None):
        return HookAnswer(failed="its answer has a field of a wrong type")
    if decision is not None and (decision not in _DECISIONS or (decision == "ask" and "ask" not in spec.may)):
        return HookAnswer(failed=f"it answered {decision[:40]!r}, which is no decision at {hook.on}")
    if len(reason) > REASON_CHARS_MAX or len(context) > CONTEXT_CHARS_MAX:
        return HookAnswer(
            failed=f"its reason is over {REASON_CHARS_MAX} or its context over {CONTEXT_CHARS_MAX} characters"
        )
    if context and "context" not in spec.may:
        return HookAnswer(failed=f"no context can be added at {hook.on}")
    return _rest(hook, value, HookAnswer(_DECISIONS.get(decision or ""), reason, None, context))


def _rest(hook: Hook, value: dict[str, Any], held: HookAnswer) -> HookAnswer:
    """What only some points know: a rewrite, a lane, tags."""
    may = POINTS[hook.on].may
    arguments, lane, tags = value.pop("arguments", None), value.pop("lane", None), value.pop("tags", None)
    if value:
        return HookAnswer(failed=f"its answer has a field that is not known: {next(iter(value))[:40]!r}")
    raw: bytes | None = None
    if arguments is not None:
        if not isinstance(arguments, dict | str) or "rewrite" not in may or not hook.may_rewrite:
            return HookAnswer(failed="it rewrote the arguments and may not")
        said = (
            arguments
            if isinstance(arguments, str)
            else json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
        )
        raw = said.encode("utf-8", "surrogatepass")
    if (lane is not None or tags is not None) and "route" not in may:
        return HookAnswer(failed=f"no lane and no tags can be chosen at {hook.on}")
    if lane is not None and lane not in ("local", *hook.lanes):
        return HookAnswer(failed=f"it chose the lane {str(lane)[:40]!r}, which its `lanes` do not list")
    if tags is not None and (not isinstance(tags, list) or any(tag not in hook.tags for tag in tags)):
        return HookAnswer(failed="it gave a tag that its `tags` do not list")
    return HookAnswer(held.decision, held.reason, raw, held.context, "", lane or "", tuple(dict.fromkeys(tags or ())))


class _Twice(ValueError):
    """A key stands twice: which of them counts is not known."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise _Twice("its answer has a key that stands twice")
    return out


def exited(hook: Hook, code: int | None, out: bytes, err: bytes) -> HookAnswer:
    """A command's answer from its exit: 0 go on (or what stdout says), 2 block with stderr as reason, anything else
    failed. `code` None: it was ended at its time limit."""
    if code == 0:
        return answer(hook, out)
    if code == 2 and hook.on in DECIDING:
        return HookAnswer("deny", err.decode("utf-8", "replace").strip()[:500] or "blocked without a reason")
    return HookAnswer(failed="it did not end in time" if code is None else f"it ended with {code}")


def said(hook: Hook, given: HookAnswer) -> tuple[Decision | None, str]:
    """(decision, reason) of an answer, its `on_error` when it failed. A failure never lifts an ask: `allow` then
    means go on."""
    if given.failed:
        fallback = on_error(hook)
        return (None if fallback == "allow" else fallback), f"hook {hook.id}: {given.failed}"
    return given.decision, f"hook {hook.id}: {given.reason or given.decision}"


def joined(answers: Iterable[tuple[Decision | None, str]]) -> tuple[Decision | None, str]:
    """The strictest of several hooks; None when none had anything to say."""
    strongest: tuple[Decision | None, str] = (None, "")
    for decision, reason in answers:
        if decision is not None and (strongest[0] is None or STRICT[decision] > STRICT[strongest[0]]):
            strongest = (decision, reason)
    return strongest


HookForm = Literal["command", "http", "model"]


def form(hook: Hook) -> HookForm:
    return "command" if hook.command is not None else "http" if hook.http is not None else "model"
