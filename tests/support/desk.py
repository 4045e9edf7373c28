"""Judges tool calls by one policy: short forms for tests of the policies package."""

from __future__ import annotations

import json
from typing import Any

from policies.compiled import Policy
from policies.engine import Answer, Need, Situation, drive, judge
from policies.load import load
from policies.verdict import Caller, ToolCall, Verdict


def no_answer(need: Need) -> Answer:
    raise AssertionError(f"nobody answers {need}")


def policy(text: str, **more: Any) -> Policy:
    """Of the text behind `version: 1`; the bundled safe-default for an empty one."""
    return load([("p.yaml", "version: 1\n" + text)] if text else [], **more)


class Desk:
    """`cwd` is /repo and `home` /home/u unless a caller says otherwise."""

    def __init__(self, text: str = "", **more: Any) -> None:
        self.policy = policy(text, **more)

    def verdict(
        self,
        tool: str,
        arguments: dict[str, Any] | str | bytes,
        *,
        answer: Any = no_answer,
        situation: Situation | None = None,
        known: frozenset[str] | None = None,
        namespace: str = "",
        **who: Any,
    ) -> Verdict:
        """A text is a custom tool's input, bytes are raw JSON."""
        raw = arguments if isinstance(arguments, bytes) else _raw(arguments)
        caller = Caller(**({"cwd": "/repo", "home": "/home/u"} | who))
        call = ToolCall("c1", tool, raw, namespace, isinstance(arguments, str), known)
        return drive(judge(self.policy, call, caller, situation), answer)

    def decision(self, tool: str, arguments: dict[str, Any] | str | bytes, **more: Any) -> str:
        return self.verdict(tool, arguments, **more).decision


def _raw(arguments: dict[str, Any] | str) -> bytes:
    return arguments.encode() if isinstance(arguments, str) else json.dumps(arguments).encode()
