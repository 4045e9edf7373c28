"""The named points at which hooks are asked: when each is reached, what a hook is told there, and what it may do.

One table is the source of everything: the JSON schemas, what an answer may hold, what a policy may say of a hook, and
docs/reference/hooks.md. `Points` holds the hooks of a policy by point, resolved when it is loaded: a point without hooks
is None, and costs a request a comparison.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal

from policies.model import Hook, Point

Right = Literal["deny", "ask", "allow", "rewrite", "context", "route"]
"""deny: refuses the call or the request. ask: a person must look. allow: lifts an ask that has no floor. rewrite: replaces
the call's arguments. context: adds text behind the conversation. route: narrows the lanes, adds tags."""

SCHEMA_VERSION = 1
DRAFT = "https://json-schema.org/draft/2020-12/schema"
REASON_CHARS_MAX = 2_000
CONTEXT_CHARS_MAX = 10_000
"""Of one answer; more is a failure, not a cut: half a rule may mean its opposite."""

_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
_MAYBE: dict[str, Any] = {"type": ["string", "null"]}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_FLAG: dict[str, Any] = {"type": "boolean"}
_TOOL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "id": _TEXT,
        "arguments": {"description": "The arguments of a function, decoded."},
        "input": {"type": "string", "description": "The text of a custom tool."},
        "arguments_base64": {"type": "string", "description": "What is neither JSON nor text."},
    },
    "required": ["name", "id"],
}
_VERDICT: dict[str, Any] = {
    "type": "object",
    "properties": {"decision": {"enum": ["allow", "ask"]}, "rules": _TEXTS},
    "required": ["decision", "rules"],
}
_PROMPT = {"type": "string", "description": "The newest text from the user's side."}
_REQUEST: dict[str, dict[str, Any]] = {
    "model": {"type": "string", "description": "As it was asked for."},
    "dialect": {"enum": ["chat", "messages", "responses"]},
    "call": {"type": "string", "description": "What the harness asks for: main, tool_result, title, summary, …"},
    "tools": _TEXTS,
    "prompt": _PROMPT,
}

COMMON: dict[str, dict[str, Any]] = {
    "version": {"const": SCHEMA_VERSION},
    "point": _TEXT,
    "request": {"type": "string", "description": 'Id of the request, "" where there is none.'},
    "session": _TEXT,
    "key": {"type": "string", "description": "Public id of the caller's key."},
    "harness": _TEXT,
    "agent": _MAYBE,
    "tags": _TEXTS,
    "cwd": {"type": ["string", "null"], "description": "What the client reports; a hint."},
    "taint": {**_TEXTS, "description": "Sources that the session has read text from, where they are known."},
    "at": {"type": "number", "description": "Unix seconds."},
}
"""What every payload has."""


@dataclass(frozen=True, slots=True)
class Spec:
    """`own`: the point's own fields with their JSON schemas. Without rights it only watches: hooks run behind the client's
    back, and what they print is thrown away. `tools`: a call's name and kind are known; `facts`: its commands too."""

    about: str
    own: dict[str, dict[str, Any]]
    may: tuple[Right, ...] = ()
    tools: bool = False
    facts: bool = False

    @property
    def decides(self) -> bool:
        return "deny" in self.may


POINTS: dict[Point, Spec] = {
    "session_start": Spec(
        "The first request of a session, and again until one was let through. Its context stays for the whole session.",
        _REQUEST,
        ("deny", "context"),
    ),
    "request": Spec(
        "A request has been read, its caller and session are known.",
        _REQUEST | {"stream": _FLAG, "messages": _COUNT},
        ("deny", "context"),
    ),
    "pre_route": Spec(
        "Before a model is chosen.",
        {"model": _TEXT, "call": _TEXT, "task": _MAYBE, "context_tokens": _COUNT, "prompt": _PROMPT},
        ("deny", "context", "route"),
    ),
    "post_route": Spec(
        "A route was chosen; nothing has been called.",
        {"model": _TEXT, "lane": _TEXT, "route": _TEXT, "reason": _TEXT, "hops": _TEXTS},
        ("deny", "context"),
    ),
    "pre_upstream": Spec(
        "Before each attempt at a model.",
        {"model": _TEXT, "provider": _TEXT, "lane": _TEXT, "dialect": _TEXT, "request_bytes": _COUNT},
        ("deny", "context"),
    ),
    "pre_tool_use": Spec(
        "A tool call is complete and no rule denied it. A rewrite is judged from the start, by the other hooks too.",
        {"tool": _TOOL, "facts": {"type": "object"}, "verdict": _VERDICT},
        ("deny", "ask", "allow", "rewrite", "context"),
        tools=True,
        facts=True,
    ),
    "post_tool_use": Spec(
        "A tool's result came with the next request; once for each.",
        {"tool": _TOOL, "result": _TEXT, "is_error": _FLAG, "cut": {**_FLAG, "description": "The result is longer."}},
        ("deny", "context"),
        tools=True,
    ),
    "permission_request": Spec(
        "A call is about to wait for a person, for the first time.",
        {"tool": _TOOL, "facts": {"type": "object"}, "ticket": _TEXT, "reason": _TEXT, "rules": _TEXTS, "floor": _FLAG},
        ("deny", "ask", "allow"),
        tools=True,
        facts=True,
    ),
    "permission_decided": Spec(
        "Somebody granted or refused.",
        {"ticket": _TEXT, "decision": {"enum": ["grant", "deny"]}, "by": _TEXT, "note": _TEXT, "tool": {"type": "string"}},
    ),
    "response": Spec(
        "An answer has been sent to its end.",
        {
            "model": _TEXT, "lane": _TEXT, "stop": _TEXT, "tool_calls": _COUNT, "input_tokens": _COUNT,
            "output_tokens": _COUNT, "cost_usd_micros": _COUNT, "total_ms": {"type": "number"},
        },
    ),
    "stop": Spec("The model ended its turn without a tool call.", {"model": _TEXT, "stop": _TEXT}),
    "compaction": Spec(
        "The harness has replaced the conversation by a shorter one.",
        {"model": _TEXT, "before_tokens": _COUNT, "after_tokens": _COUNT},
    ),
    "error": Spec(
        "A request was refused or failed, or its answer broke.",
        {"outcome": _TEXT, "status": _COUNT, "message": _TEXT, "model": _TEXT},
    ),
    "reload": Spec(
        "Configuration and policy were read again. `problem` says why they were not taken.",
        {"policy": _TEXT, "generation": _COUNT, "problem": _TEXT},
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Points:
    """Hooks by point, in their order; None where there are none."""

    session_start: tuple[Hook, ...] | None = None
    request: tuple[Hook, ...] | None = None
    pre_route: tuple[Hook, ...] | None = None
    post_route: tuple[Hook, ...] | None = None
    pre_upstream: tuple[Hook, ...] | None = None
    pre_tool_use: tuple[Hook, ...] | None = None
    post_tool_use: tuple[Hook, ...] | None = None
    permission_request: tuple[Hook, ...] | None = None
    permission_decided: tuple[Hook, ...] | None = None
    response: tuple[Hook, ...] | None = None
    stop: tuple[Hook, ...] | None = None
    compaction: tuple[Hook, ...] | None = None
    error: tuple[Hook, ...] | None = None
    reload: tuple[Hook, ...] | None = None

    @property
    def on_requests(self) -> bool:
        """Some point is reached while a request is served, outside the judging of its calls (whose context is told with
        the next request, so that counts too)."""
        return any(
            getattr(self, name) is not None for name in POINTS if name not in ("permission_request", *_NOT_OF_REQUESTS)
        )


_NOT_OF_REQUESTS: tuple[Point, ...] = ("permission_decided", "reload")


NONE = Points()


def resolved(hooks: Iterable[Hook]) -> Points:
    """The hooks of a policy by point."""
    by: dict[str, tuple[Hook, ...]] = {}
    for hook in hooks:
        by[hook.on] = (*by.get(hook.on, ()), hook)
    return Points(**by)


assert tuple(POINTS) == tuple(field.name for field in fields(Points))


def schema(point: Point) -> dict[str, Any]:
    """JSON Schema (2020-12) of what a hook gets at a point."""
    spec = POINTS[point]
    properties = COMMON | {"point": {"const": point}} | spec.own
    return {
        "$schema": DRAFT,
        "title": f"interlock hook: {point}",
        "description": spec.about,
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


_RIGHTS: dict[Right, dict[str, dict[str, Any]]] = {
    "rewrite": {
        "arguments": {"type": ["object", "string"], "description": "Replaces the call's arguments; needs may_rewrite."}
    },
    "context": {"context": {"type": "string", "maxLength": CONTEXT_CHARS_MAX, "description": "Told to the model."}},
    "route": {
        "lane": {"type": "string", "description": "local, or one of the hook's `lanes`: no other lane is used."},
        "tags": {**_TEXTS, "description": "Of the hook's `tags`; added to the request's."},
    },
}


def answer_schema(point: Point) -> dict[str, Any] | None:
    """JSON Schema of what a hook may answer at a point; None where nobody reads it."""
    may = POINTS[point].may
    if not may:
        return None
    properties: dict[str, Any] = {
        "decision": {"enum": [*(name for name in ("allow", "ask", "deny") if name in may or name == "allow"), None]},
        "reason": {"type": "string", "maxLength": REASON_CHARS_MAX},
    }
    for right in may:
        properties |= _RIGHTS.get(right, {})
    return {
        "$schema": DRAFT,
        "title": f"interlock hook answer: {point}",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
