"""The policy engine behind the `Judge` port: answers what the engine asks for (parses, hooks), keeps what outlives a call
(refusals of a session, approvals, taint), and writes every decision to the audit log.

A plain call costs no task switch: the engine is driven in place, state in memory answers at once, the audit record is made
by the log's own thread. What goes wrong while judging is a refusal, never a release. A reload changes the policy for calls
judged from then on, also of replies under way: a rule that was just added is meant to hold at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from gateway.adapters.approvals import Approval, Approvals, Wanted
from gateway.adapters.history import History, Parse
from gateway.adapters.hooks import HookRunner
from gateway.config.settings import Settings
from gateway.errors import Conflict, GatewayError, StateUnavailable
from gateway.ir.exchange import Exchange
from gateway.ports import Clock, Judge, StateStore
from gateway.telemetry import LOG
from gateway.toolgate.caller import caller_of
from policies import audit, hooks, secrets, taint, tickets, toolmap
from policies.compiled import Policy
from policies.engine import Answer, Judging, Need, Situation, facts_json, judge, place
from policies.model import Hook
from policies.session import BREAKER, Refusals, counted, resumed, why
from policies.taint import Tainted
from policies.verdict import Caller, Decision, NeedHook, NeedParse, NeedScore, Score, Step, ToolCall, Verdict

if TYPE_CHECKING:
    from gateway.adapters.approver import Approver

_log = logging.getLogger(LOG)

REFUSALS: Final = "refusals"
"""Namespace of the state store: [in a row, in all, tripped] by key and session."""
CONTEXT: Final = "hook_context"
"""Namespace of the state store: what hooks said of released calls, for the next request (gateway.pipeline.points)."""
VERDICT_S: Final = 10.0
"""For the engine's questions about one call (parses, the store), beside the time limits of its hooks."""
HELD_MARGIN_S: Final = 2.0
"""A held call becomes a ticket so long before the gate would give up on the judge."""

CONTEXTS_MAX: Final = 8

_refusals = msgspec.json.Decoder(tuple[int, int, bool])
_texts = msgspec.json.Decoder(list[str])


class Record(Protocol):
    """Queues one record of the audit log (or what makes it, in the log's thread); never blocks."""

    def __call__(self, record: dict[str, Any] | Callable[[], dict[str, Any]], /) -> None: ...


class Told(Protocol):
    """Hears of a new approval; never blocks."""

    def __call__(self, approval: Approval, /) -> None: ...


_UNJUDGED: Final = Verdict("deny", "input_validation", "the call was not judged")


def _nobody(approval: Approval) -> None:
    """Where no webhook is configured."""


class PolicyJudge:
    """One per process. `policy` and `settings` are asked for each turn. `parse` is the shell's second parser: without it,
    what needs it stays unread and is asked about. `hold_s`: the longest a call may be held for an answer."""

    def __init__(
        self,
        policy: Callable[[], Policy | None],
        settings: Callable[[], Settings],
        clock: Clock,
        state: StateStore,
        approvals: Approvals,
        record: Record,
        *,
        mask_key: bytes,
        hold_s: Callable[[], float],
        parse: Parse | None = None,
        told: Told = _nobody,
        hooks: Callable[[Sequence[Hook]], HookRunner] = HookRunner,
        decided: Told = _nobody,
        approver: Callable[[], Approver | None] = lambda: None,
    ) -> None:
        self._policy = policy
        self._settings = settings
        self._clock = clock
        self._state = state
        self._approvals = approvals
        self._record = record
        self._mask_key = mask_key
        self._hold_s = hold_s
        self._parse = parse
        self._told = told
        self._history = History(state, parse)
        self._decided = decided
        self._approver = approver
        self._make_hooks = hooks
        self._hooks: tuple[Policy, HookRunner] | None = None
        self._old: list[HookRunner] = []

    async def judge(self, calls: Sequence[ToolCall], exchange: Exchange) -> Sequence[Verdict]:
        policy = self._policy()
        if policy is None:
            return [Verdict("deny", "input_validation", "no policy is loaded")] * len(calls)
        turn = _Turn(policy, exchange, caller_of(exchange, self._clock.now()))
        cases = [_Case(call) for call in calls]
        for case in cases:
            await self._safely(turn, case, self._first)
        held = [case for case in cases if case.verdict.decision == "ask" and case.verdict.ask == "hold" and case.ticket]
        if held:
            await asyncio.gather(*(self._safely(turn, case, self._held) for case in held))
        for case in cases:
            case.verdict = _handed_over(turn, case.verdict)
            self._note(turn, case)
        if turn.refusals is not None and turn.refusals != turn.refusals_before:
            await self._count(turn)
        if policy.at.pre_tool_use is not None:
            await self._told_next(turn, cases)
        return [case.verdict for case in cases]

    def foresee(self, exchange: Exchange) -> Callable[[], None] | None:
        """Only a policy in mode auto prepares anything; all others pay this look."""
        policy = self._policy()
        if policy is None or not policy.scores or (approver := self._approver()) is None:
            return None
        return approver.foresee(exchange)

    async def aclose(self) -> None:
        for runner in (*self._old, *((self._hooks[1],) if self._hooks else ())):
            await runner.aclose()

    # --- one call ---------------------------------------------------------------------------------------------

    async def _safely(self, turn: _Turn, case: _Case, work: Callable[[_Turn, _Case], Awaitable[Verdict]]) -> None:
        begun = time.perf_counter_ns()
        try:
            case.verdict = await work(turn, case)
        except Exception as error:  # noqa: BLE001 - logged below with its trace
            # The edge between untrusted calls and the engine: whatever fails here, the call must not pass.
            _log.exception("a tool call could not be judged")
            word = error.message if isinstance(error, GatewayError) else type(error).__name__
            case.verdict = Verdict(
                "deny", "input_validation", f"the policy could not be applied ({word})", policy=turn.policy.digest
            )
        case.latency_us += (time.perf_counter_ns() - begun) // 1000

    async def _first(self, turn: _Turn, case: _Case) -> Verdict:
        """The verdict before anybody is waited for; an ask has its request for approval."""
        if not turn.informed:
            await self._inform(turn)
        assert turn.refusals is not None
        situation = Situation(turn.refusals, tainted=turn.tainted, mask_key=self._mask_key)
        verdict = await self._driven(turn, judge(turn.policy, case.call, turn.caller, situation))
        if verdict.decision == "ask":
            verdict = await self._asked(turn, case, verdict)
        if case.ticket and verdict.decision == "allow":
            turn.refusals = resumed(turn.refusals)  # a person has looked
        turn.refusals = counted(turn.refusals, verdict.decision, turn.policy.file.deny_limit)
        return verdict

    async def _inform(self, turn: _Turn) -> None:
        ttl_s = self._settings().session.ttl_s
        turn.caller, turn.tainted = await self._history.of(turn.exchange, turn.policy, turn.caller, ttl_s)
        key = _session_key(turn.caller)
        held = await self._state.get(REFUSALS, key)
        turn.refusals = turn.refusals_before = Refusals() if held is None else Refusals(*_refusals.decode(held))
        turn.informed = True

    async def _driven(self, turn: _Turn, judging: Judging) -> Verdict:
        """A verdict that takes too long is the policy's `on_timeout`. The clock starts with the engine's first question: a
        plain call asks none."""
        policy = turn.policy
        given: Answer = None
        end_s = 0.0
        while True:
            try:
                need = judging.send(given)
            except StopIteration as stop:
                verdict: Verdict = stop.value
                return verdict
            loop = asyncio.get_running_loop()
            end_s = end_s or loop.time() + verdict_s(policy)
            try:
                async with asyncio.timeout_at(end_s):
                    given = await self._answer(turn, need)
            except TimeoutError:
                judging.close()
                return _late(policy)

    async def _answer(self, turn: _Turn, need: Need) -> Answer:
        if isinstance(need, NeedParse):
            return await self._parse(need) if self._parse is not None else None
        if isinstance(need, NeedHook):
            return await self._runner(turn.policy).run(need.hook, need.payload)
        return await self._score(turn, need)

    async def _score(self, turn: _Turn, need: NeedScore) -> Score | None:
        """The classifier's, unless a person has refused this very call: that stands."""
        approver = self._approver()
        score = None
        if approver is not None:
            score = await approver.score(turn.exchange, turn.policy, turn.caller, need.facts)
        if score is None or score.why or score.value < score.least:
            return score
        caller, digest = turn.caller, tickets.digest(need.call, turn.caller)
        try:
            standing = await self._approvals.standing(caller.key_id, caller.session, digest)
        except StateUnavailable as error:
            _log.error("whether a person refused a tool call is not known: %s", error.message)
            return None
        refused = standing is not None and standing.state == "denied"
        return replace(score, why="a person refused this very call") if refused else score

    def _runner(self, policy: Policy) -> HookRunner:
        if self._hooks is None or self._hooks[0] is not policy:
            if self._hooks is not None:
                self._old.append(self._hooks[1])  # may be in use; closed with the rest
            self._hooks = policy, self._make_hooks(policy.hooks)
        return self._hooks[1]

    # --- asking -----------------------------------------------------------------------------------------------

    async def _asked(self, turn: _Turn, case: _Case, verdict: Verdict) -> Verdict:
        """With the request for approval in its reason, unless a person has decided on this very call already. (The engine
        could be given grants; looked up here, they cost a plain call nothing, and one that was just made counts at once.)"""
        settings = self._settings().approvals
        wanted = self._wanted(turn, case.call, verdict)
        try:
            approval, new = await self._approvals.request(wanted, open_s=settings.open_s, open_max=settings.open_max)
        except StateUnavailable as error:
            _log.error("nobody can be asked about a tool call: %s", error.message)
            return _because(verdict, "nobody can be asked at the moment")
        if approval is None:
            return _because(verdict, f"{settings.open_max} calls of this session wait for an approval already")
        case.ticket = approval.id
        if new and turn.policy.at.permission_request is not None and approval.state == "pending":
            verdict, approval = await self._requested(turn, case, verdict, approval)
        if new and approval.state == "pending":
            self._told(approval)
        return await self._settled(verdict, approval)

    async def _requested(
        self, turn: _Turn, case: _Case, verdict: Verdict, approval: Approval
    ) -> tuple[Verdict, Approval]:
        """permission_request: hooks that look before a person is bothered. What they say is a decision about this very call
        and stands in the approvals; a grant is for one call, and never where a floor asks."""
        policy, trail = turn.policy, list(verdict.trail)
        payload = _request_payload(turn, case.call, verdict, approval)
        name = toolmap.qualified(case.call.name, case.call.namespace)
        said: list[tuple[Decision | None, str]] = []
        for hook in policy.at.permission_request or ():
            if hooks.wanted(hook, "permission_request", verdict.facts, name):
                answer = await self._runner(policy).run(hook.id, payload)
                said.append(hooks.said(hook, answer))
                trail.append(Step("approval", said[-1][0], said[-1][1]))
        decision, reason = hooks.joined(said)
        verdict = replace(verdict, trail=tuple(trail))
        by, _, why = reason.partition(": ")
        try:
            if decision == "deny":
                approval = await self._approvals.decide(approval.id, "deny", by, note=why)
            elif decision == "allow" and not verdict.floor and verdict.checkpoint != "hooks":
                approval = await self._approvals.decide(approval.id, "grant", by, note=why, uses=1)
        except Conflict:  # a person was faster
            approval = await self._approvals.find(approval.id) or approval
        return verdict, approval

    async def _held(self, turn: _Turn, case: _Case) -> Verdict:
        """Waits for a person; what nobody decides in time stays the ticket that it is."""
        within_s = max(0.0, min(case.verdict.ask_timeout_s, self._hold_s() - HELD_MARGIN_S))
        approval = await self._approvals.decided(case.ticket, within_s)
        verdict = case.verdict if approval is None else await self._settled(case.verdict, approval)
        if verdict.decision == "allow" and turn.refusals is not None:
            turn.refusals = resumed(turn.refusals)
        return verdict

    async def _settled(self, verdict: Verdict, approval: Approval) -> Verdict:
        """An ask after what its approval says."""
        if approval.state in ("granted", "denied"):
            self._decided(approval)
        if approval.state == "denied":
            return _refused(verdict, approval)
        if approval.state == "granted" and await self._approvals.spend(approval.id):
            text = f"granted by {approval.decided_by or 'a human'} (ticket {approval.id})"
            trail = (*verdict.trail, Step("approval", "allow", text))
            return replace(
                verdict, decision="allow", checkpoint="approval", reason=text, granted_by=approval.id, trail=trail
            )
        return _ticket(verdict, approval) if approval.state == "pending" else verdict

    def _wanted(self, turn: _Turn, call: ToolCall, verdict: Verdict) -> Wanted:
        """What a person decides on: the call as it would run, a hook's rewrite included. Secrets in it are masked."""
        if verdict.arguments is not None:
            call = replace(call, arguments=verdict.arguments)
        caller, defaults = turn.caller, turn.policy.file.defaults
        shown = tickets.display(call, caller)
        return Wanted(
            digest=tickets.digest(call, caller),
            key_id=caller.key_id,
            session=caller.session,
            harness=caller.harness,
            agent=caller.agent or "",
            tool=toolmap.qualified(call.name, call.namespace),
            shown=secrets.masked(shown, self._mask_key),
            reason=verdict.reason,
            rules=tuple(match.rule for match in verdict.rules),
            cwd=caller.cwd or "",
            policy=verdict.policy,
            ttl_s=defaults.ticket_ttl_s,
            uses=defaults.ticket_uses,
        )

    # --- afterwards -------------------------------------------------------------------------------------------

    def _note(self, turn: _Turn, case: _Case) -> None:
        call, verdict = case.call, case.verdict
        self._record(partial(_recorded, case, turn.caller, self._mask_key, turn.exchange.request_id))
        if verdict.decision == "allow" and verdict.facts is not None:
            labels = taint.sources(verdict.facts, place(turn.policy, turn.caller))
            self._history.judged(turn.caller.session, call.id, frozenset(labels))
        if turn.policy.scores and (approver := self._approver()) is not None:
            approver.judged(turn.policy, turn.caller, verdict)

    async def _told_next(self, turn: _Turn, cases: Sequence[_Case]) -> None:
        """What hooks said of calls that run is told with the next request; of refused ones the refusal has told it."""
        texts = [text for case in cases if case.verdict.decision == "allow" for text in case.verdict.context]
        if not texts:
            return
        session = turn.exchange.session.id
        try:
            held = await self._state.get(CONTEXT, session)
            known = _texts.decode(held) if held is not None else []
            ttl_s = self._settings().session.ttl_s
            kept = [*known, *texts][-CONTEXTS_MAX:]
            await self._state.put(CONTEXT, session, msgspec.json.encode(kept), ttl_s)
        except (StateUnavailable, msgspec.MsgspecError) as error:
            _log.error("what hooks said of calls is not told: %s", error)

    async def _count(self, turn: _Turn) -> None:
        assert turn.refusals is not None
        held = turn.refusals
        value = msgspec.json.encode((held.consecutive, held.total, held.tripped))
        try:
            await self._state.put(REFUSALS, _session_key(turn.caller), value, self._settings().session.ttl_s)
        except StateUnavailable as error:
            _log.error("refusals of a session could not be counted: %s", error.message)


@dataclass(slots=True)
class _Case:
    """One call. `ticket` is its request for approval, "" where none was made."""

    call: ToolCall
    verdict: Verdict = _UNJUDGED
    ticket: str = ""
    latency_us: int = 0


@dataclass(slots=True)
class _Turn:
    """The calls that became complete together, and what is known about them."""

    policy: Policy
    exchange: Exchange
    caller: Caller
    informed: bool = False
    refusals: Refusals | None = None
    refusals_before: Refusals | None = None
    tainted: Tainted | None = None


def verdict_s(policy: Policy) -> float:
    """Longest time for a verdict without people: every hook twice, because a rewrite is judged from the start."""
    return VERDICT_S + 2 * sum(hooks.timeout_s(hook) for hook in policy.at.pre_tool_use or ())


def _late(policy: Policy) -> Verdict:
    defaults = policy.file.defaults
    reason = f"no verdict was reached within {verdict_s(policy):g} s"
    step = Step("rules", defaults.on_timeout, reason)
    return Verdict(
        defaults.on_timeout, "rules", reason, policy=policy.digest, trail=(step,), floor=True,
        ask="ticket" if defaults.ask == "delegate" else defaults.ask, ask_timeout_s=defaults.ask_timeout_s,
    )  # fmt: skip


def _request_payload(turn: _Turn, call: ToolCall, verdict: Verdict, approval: Approval) -> bytes:
    if verdict.arguments is not None:
        call = replace(call, arguments=verdict.arguments)
    own = {
        "tool": hooks.tool_fields(call),
        "facts": facts_json(verdict.facts) if verdict.facts is not None else {},
        "ticket": approval.id,
        "reason": verdict.reason,
        "rules": [match.rule for match in verdict.rules],
        "floor": verdict.floor,
    }
    return hooks.payload("permission_request", turn.caller, own)


def _session_key(caller: Caller) -> str:
    return f"{caller.key_id}/{caller.session}"


def _handed_over(turn: _Turn, verdict: Verdict) -> Verdict:
    """Once the breaker has tripped, a refusal ends the turn: the next word is the human's. In the form of a shim, Codex and
    OpenCode let a model that insists go on without end (docs/decisions/0037-refusal-forms.md)."""
    held = turn.refusals
    if held is None or not held.tripped or verdict.decision == "allow":
        return verdict
    words = why(held, turn.policy.file.deny_limit)
    said = bool(verdict.rules) and verdict.rules[0].rule == BREAKER
    told = () if said else (f"{words[0].upper()}{words[1:]}: stop here and tell the user.",)
    form = verdict.refusal if verdict.refusal == "error" else "text"
    return replace(verdict, refusal=form, context=(*verdict.context, *told))


def _ticket(verdict: Verdict, approval: Approval) -> Verdict:
    words = (
        f"{verdict.reason.rstrip('.')}. Once a person has granted it (interlock approvals grant {approval.id}, or in the "
        f"inbox), make exactly this call again and it will run; until then go on with other work, or tell the user and stop"
    )
    trail = (*verdict.trail, Step("approval", "ask", f"approval {approval.id}"))
    return replace(verdict, reason=words, ticket=approval.id, trail=trail)


def _refused(verdict: Verdict, approval: Approval) -> Verdict:
    note = f": {approval.note}" if approval.note else ""
    words = f"{approval.decided_by or 'a person'} refused this very call (approval {approval.id}){note}"
    trail = (*verdict.trail, Step("approval", "deny", words))
    return replace(verdict, decision="deny", checkpoint="approval", reason=words, trail=trail)


def _because(verdict: Verdict, why: str) -> Verdict:
    return replace(verdict, ask="ticket", reason=f"{verdict.reason.rstrip('.')}; {why}")


def _recorded(case: _Case, caller: Caller, mask_key: bytes, request: str) -> dict[str, Any]:
    record = audit.decision(case.call, caller, case.verdict, latency_us=case.latency_us, mask_key=mask_key)
    return {**record, "request": request, "approval": case.ticket}


_: type[Judge] = PolicyJudge
