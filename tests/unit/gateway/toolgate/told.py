"""Calls, verdicts and rulings to test with."""

from __future__ import annotations

import json
from typing import Any

from gateway.toolgate.values import Complete, Form, Ruling
from policies.verdict import Matched, ToolCall, Verdict

ALLOW = Verdict("allow", "rules", "fine")
DENY = Verdict("deny", "rules", "it deletes", (Matched("no-rm", "deny"),), alternative="git clean -n")
ASK = Verdict("ask", "approval", "approval A-7 is needed", (Matched("ask-first", "ask"),))


def call(name: str = "bash", arguments: Any = None, **more: Any) -> ToolCall:
    raw = json.dumps({"command": "rm -rf /"} if arguments is None else arguments).encode()
    return ToolCall(more.pop("id", "c1"), name, raw, **more)


def complete(made: ToolCall | None = None, **more: Any) -> Complete:
    made = made or call()
    return Complete(made, made.arguments, **more)


def ruled(id: str = "c1", form: Form | None = None, arguments: bytes | None = None, **more: Any) -> Ruling:
    made = call(id=id, **more)
    verdict = ALLOW if form is None else DENY
    return Ruling(made, verdict, form, arguments, "no." if form else "", made.arguments)


def sse(name: str | None, **value: Any) -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + json.dumps(value).encode() + b"\n\n"


def values(data: bytes) -> list[Any]:
    """The JSON of every event."""
    lines = [line for event in data.split(b"\n\n") for line in event.split(b"\n")]
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]
