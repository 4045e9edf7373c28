"""A judge that follows a script, for tests and for trying refusals out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from gateway.ir.exchange import Exchange
from gateway.ports import Judge
from policies.verdict import Decision, Matched, ToolCall, Verdict

Answer = Decision | Verdict | Exception
Script = Mapping[str, Answer] | Callable[[ToolCall], Answer]


class ScriptedJudge:
    """Answers by the tool's name (or as a function of the call); what the script does not name is `otherwise`. An exception
    in it is raised. `seen` are the calls in the order in which they came; `delay_s` passes before each answer."""

    def __init__(self, script: Script | None = None, *, otherwise: Answer = "allow", delay_s: float = 0.0) -> None:
        self._script: Script = script if script is not None else {}
        self._otherwise: Answer = otherwise
        self._delay_s = delay_s
        self.seen: list[ToolCall] = []

    async def judge(self, calls: Sequence[ToolCall], exchange: Exchange) -> Sequence[Verdict]:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        self.seen += calls
        return [self._verdict(call) for call in calls]

    def foresee(self, exchange: Exchange) -> None:
        """Nothing to prepare."""

    def _verdict(self, call: ToolCall) -> Verdict:
        answer = self._script(call) if callable(self._script) else self._script.get(call.name, self._otherwise)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Verdict) else verdict(answer)


def verdict(decision: Decision, reason: str = "the script says so", **more: object) -> Verdict:
    """A verdict with one rule behind it."""
    rules = () if decision == "allow" else (Matched("scripted", decision),)
    return Verdict(decision, "rules", reason, rules, **more)  # type: ignore[arg-type]


_: type[Judge] = ScriptedJudge
