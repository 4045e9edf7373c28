"""Hooks as values: the points, the JSON a hook gets, the answer it may give, and how answers are joined. Running them
is an edge's. A hook that fails counts as its `on_error`: deny at points that decide, allow at points that only watch.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from policies import toolmap, validate
from policies.compiled import STRICT
from policies.facts import Facts
from policies.globs import Words
from policies.matchers import KINDS
from policies.model import Hook, Point
from policies.verdict import Caller, Decision, ToolCall

DECIDING: frozenset[Point] = frozenset(
    {"pre_tool_use", "permission_request", "request", "pre_upstream", "session_start", "pre_route"}
)
"""Points where a refusal has an effect: there is something left to stop."""
TIMEOUT_MS = 5_000
MODEL_TIMEOUT_MS = 30_000
SCHEMA_VERSION = 1

POINTS: dict[Point, tuple[str, dict[str, str]]] = {
    "session_start": ("The first request of a session.", {}),
    "request": (
        "A request has been read and its caller is known.",
        {"model": "string", "dialect": "string", "messages": "integer"},
    ),
    "pre_route": ("Before a route is chosen.", {"model": "string", "call": "string", "task": "string"}),
    "post_route": ("A route was chosen.", {"model": "string", "lane": "string", "route": "string"}),
    "pre_upstream": ("Before a request is sent to a model.", {"model": "string", "provider": "string", "hop": "integer"}),
    "pre_tool_use": (
        "A tool call is complete and the rules have judged it.",
        {"tool": "object", "facts": "object", "verdict": "object"},
    ),
    "post_tool_use": ("A tool's result came with the next request.", {"tool": "object", "result": "string"}),
    "permission_request": ("A call is about to wait for an approval.", {"tool": "object", "ticket": "string"}),
    "permission_decided": ("Somebody granted or refused.", {"ticket": "string", "decision": "string", "by": "string"}),
    "response": ("An answer has been sent.", {"model": "string", "stop": "string", "tool_calls": "integer"}),
    "stop": ("The model ended its turn without a tool call.", {"model": "string"}),
    "compaction": ("The conversation was shortened.", {"before_tokens": "integer", "after_tokens": "integer"}),
    "error": ("A request failed.", {"code": "string", "message": "string"}),
    "reload": ("Configuration or policy was reloaded.", {"policy": "string"}),
}  # fmt: skip
"""Point -> (when it is reached, its own fields with their JSON types)."""


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """`decision` None: nothing to say. `arguments` are a rewrite. `failed` says why the hook gave no answer; then its
    `on_error` is its decision."""

    decision: Decision | None = None
    reason: str = ""
    arguments: bytes | None = None
    context: str = ""
    failed: str = ""


def timeout_s(hook: Hook) -> float:
    return (hook.timeout_ms or (MODEL_TIMEOUT_MS if hook.model is not None else TIMEOUT_MS)) / 1000


def on_error(hook: Hook) -> Decision:
    return hook.on_error or ("deny" if hook.on in DECIDING else "allow")


def wanted(hook: Hook, point: Point, facts: Facts | None = None) -> bool:
    if hook.on != point:
        return False
    if hook.tool is None or facts is None:
        return True
    kinds = frozenset(name for name in hook.tool if name in KINDS)
    return facts.kind in kinds or facts.tool in Words(name for name in hook.tool if name not in KINDS)


def payload(point: Point, caller: Caller, own: dict[str, Any]) -> bytes:
    """The JSON of a point: what all points have, and its own fields."""
    value = {
        "version": SCHEMA_VERSION,
        "point": point,
        "session": caller.session,
        "key": caller.key_id,
        "harness": caller.harness,
        "agent": caller.agent,
        "tags": list(caller.tags),
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


def schema(point: Point) -> dict[str, Any]:
    """JSON Schema (2020-12) of what a hook gets at a point."""
    about, own = POINTS[point]
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    maybe = {"type": ["string", "null"]}
    common: dict[str, Any] = {
        "version": {"const": SCHEMA_VERSION}, "point": {"const": point}, "session": text, "key": text, "harness": text,
        "agent": maybe, "tags": texts, "cwd": maybe, "taint": texts, "at": {"type": "number", "description": "Unix seconds"},
    }  # fmt: skip
    properties = common | {name: {"type": kind} for name, kind in own.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"interlock hook: {point}",
        "description": about,
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


ANSWER_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "interlock hook answer",
    "description": "What a hook may print on stdout (command) or answer with (http). Nothing at all means: go on.",
    "type": "object",
    "properties": {
        "decision": {"enum": ["allow", "ask", "deny", None]},
        "reason": {"type": "string"},
        "arguments": {"type": ["object", "string"], "description": "Replaces the call's arguments; needs may_rewrite."},
        "context": {"type": "string", "description": "Told to the model with the result."},
    },
    "additionalProperties": False,
}


def answer(hook: Hook, text: bytes) -> HookAnswer:
    """A hook's answer from its JSON. Anything that is not what ANSWER_SCHEMA says is a failure."""
    if not text.strip():
        return HookAnswer()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return HookAnswer(failed="its answer is not JSON")
    if not isinstance(value, dict) or value.keys() - ANSWER_SCHEMA["properties"].keys():
        return HookAnswer(failed="its answer is not an object with decision, reason, arguments, context")
    decision, reason, context = value.get("decision"), value.get("reason", ""), value.get("context", "")
    if decision not in (None, "allow", "ask", "deny") or not isinstance(reason, str) or not isinstance(context, str):
        return HookAnswer(failed="its answer has a field of a wrong type")
    arguments = value.get("arguments")
    if arguments is None:
        return HookAnswer(decision, reason, None, context)
    if not isinstance(arguments, dict | str) or not hook.may_rewrite:
        return HookAnswer(failed="it rewrote the arguments and may not")
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return HookAnswer(decision, reason, raw.encode("utf-8", "surrogatepass"), context)


def exited(hook: Hook, code: int | None, out: bytes, err: bytes) -> HookAnswer:
    """A command's answer from its exit: 0 go on (or what stdout says), 2 block with stderr as reason, anything else
    failed. `code` None: it was ended at its time limit."""
    if code == 0:
        return answer(hook, out)
    if code == 2:
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
