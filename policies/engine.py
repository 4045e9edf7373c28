"""The judge: one tool call in, one verdict out, through five checkpoints in this order: input validation, mode,
rules, hooks, approval. Sans I/O: where it needs the world it yields a request (`NeedParse`, `NeedHook`, `NeedScore`)
and is resumed with the answer.

What never happens: a hook, a classifier, a mode or a grant lifts a deny; a hook, a classifier or a mode lifts a floor
or a call that could not be read; a rewrite is used without being judged from the start.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from policies import (
    commands,
    hooks,
    modes,
    publishing,
    ruling,
    session,
    taint,
    tickets,
    toolmap,
    tools,
    validate,
)
from policies.compiled import STRICT, Policy, Resolved, narrowest, strictest, subagent
from policies.facts import Facts
from policies.hooks import HookAnswer
from policies.model import AskForm, AutoApprove, DenyLimit, Hook
from policies.paths import clean
from policies.points import Points
from policies.ruling import Ruling
from policies.session import Refusals
from policies.taint import Tainted
from policies.tickets import Grant
from policies.verdict import (
    Caller,
    Checkpoint,
    Decision,
    Matched,
    Mode,
    NeedHook,
    NeedParse,
    NeedScore,
    Score,
    Step,
    ToolCall,
    Verdict,
)  # fmt: skip
from policies.view import Place, View, view

Need = NeedParse | NeedHook | NeedScore
Answer = bytes | HookAnswer | Score | None
"""To NeedParse: JSON bytes or None. To NeedHook: HookAnswer. To NeedScore: a Score, or None when there is no
classifier."""
Judging = Generator[Need, Answer, Verdict]
REWRITES_MAX = 4
DELEGATED = "delegated"
"""`granted_by` of a call that was handed to the harness to ask about."""
UNPROMPTED = frozenset({"bypass", "dont_ask", "auto", "accept_edits"})
"""Modes in which a harness runs calls without asking, where the client tells its own."""
NARROWER: dict[str | None, Mode] = {"plan": "plan", "dont_ask": "dont_ask"}
"""Modes of a client that only narrow: they hold beside the policy's."""
SYSTEM_ROOTS = frozenset({"/", "/home", "/root", "/Users", "/etc", "/usr", "/var", "/opt", "/tmp", "/mnt", "/srv"})
"""Folders that are never a workspace because a client says it works there."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known beside the call. `grants` are those that may cover it; `tainted` is text from outside (see
    policies.taint)."""

    refusals: Refusals = field(default_factory=Refusals)
    grants: tuple[Grant, ...] = ()
    tainted: Tainted | None = None
    mask_key: bytes = b""
    """What masks are made with where a call is rewritten."""


@dataclass(slots=True, eq=False)
class _Case:
    """One call under judgement; a value, but not frozen: making one so costs twice the time. `modes` are those of all
    profiles, and what the client says of itself where that can only narrow: all of them hold."""

    policy: Policy
    call: ToolCall
    caller: Caller
    situation: Situation
    profiles: tuple[Resolved, ...]
    modes: frozenset[Mode]
    place: Place
    value: Any = None
    facts: Facts | None = None
    whole: View | None = None
    put: frozenset[str] = frozenset()
    """Masks that stand in the call because they were put there just now."""

    @property
    def mode(self) -> Mode:
        """The narrowest, for people."""
        return narrowest(self.modes)


def judge(policy: Policy, call: ToolCall, caller: Caller, situation: Situation | None = None) -> Judging:
    """The verdict on one call. Bounds: see policies.validate, policies.tools; time is the caller's to bound."""
    profiles = _profiles(policy, caller)
    case = _Case(
        policy, call, caller, situation or Situation(), profiles, _modes(profiles, caller), place(policy, caller)
    )
    verdict = yield from _judged(case, rewrites=0)
    return verdict


def drive(judging: Judging, answer: Callable[[Need], Answer]) -> Verdict:
    """Runs a judgement to its end with a function that answers its needs; for callers that may block."""
    given: Answer = None
    while True:
        try:
            need = judging.send(given)
        except StopIteration as stop:
            verdict: Verdict = stop.value
            return verdict
        given = answer(need)


def place(policy: Policy, caller: Caller) -> Place:
    """The workspace of a caller: the policy's roots. The reported directory is used only where the policy names none,
    and never when it is the root, a home or a system folder."""
    workspace = policy.file.workspace
    return _place(workspace.roots, workspace.from_client, caller.cwd, caller.home)


@functools.lru_cache(maxsize=4096)
def _place(roots: tuple[str, ...], from_client: bool, told_cwd: str | None, told_home: str | None) -> Place:
    cwd = clean(told_cwd) if told_cwd and told_cwd.startswith("/") else None
    home = clean(told_home) if told_home and told_home.startswith("/") else None
    if not roots and from_client and cwd and _workplace(cwd, home):
        roots = (cwd,)
    return Place(tuple(clean(root) for root in roots), home, cwd)


def _workplace(cwd: str, home: str | None) -> bool:
    """Whether a reported directory may stand for the workspace: not a system folder, nor a home or what is above it."""
    return cwd not in SYSTEM_ROOTS and not (home and (home + "/").startswith(cwd + "/"))


def _profiles(policy: Policy, caller: Caller) -> tuple[Resolved, ...]:
    """The caller's profile; for a sub-agent also that of the agent above it, and the strictest of both holds."""
    own = policy.profile(caller)
    if not subagent(caller):
        return (own,)
    above = policy.profile(replace(caller, agent=None, parent=None))
    return (own,) if above is own else (own, above)


def _modes(profiles: tuple[Resolved, ...], caller: Caller) -> frozenset[Mode]:
    told = caller.extra.get("mode")
    held: set[Mode] = set(profiles[0].modes)
    for profile in profiles[1:]:
        held.update(profile.modes)
    if told in NARROWER:
        held.add(NARROWER[told])
    return frozenset(held)


def _judged(case: _Case, rewrites: int) -> Judging:
    trail: list[Step] = []
    read = validate.read(case.call)
    problem = f"invalid input: {read.problem}" if read.problem else _not_offered(case, "deny")
    if problem:
        return _end(case, trail, "deny", "input_validation", problem)
    reader = tools.Reader(case.place, commands.understand, case.policy.tools)
    found = yield from tools.facts(case.call, read.value, reader)
    if held_masks := publishing.masks(case.call):
        found = replace(found, masked=held_masks)
    whole = view(found, case.place, read.value, toolmap.qualified(case.call.name, case.call.namespace))
    # Not `replace`, which costs as much as all rules of a short policy.
    case = _Case(
        case.policy,
        case.call,
        case.caller,
        case.situation,
        case.profiles,
        case.modes,
        case.place,
        read.value,
        found,
        whole,
        case.put,
    )
    if found.invalid:
        return _end(case, trail, "deny", "input_validation", f"the call cannot be read: {found.invalid}")
    trail.append(Step("input_validation", "allow"))
    if publishing.sends(found) and rewrites < REWRITES_MAX:
        shown = publishing.masked(case.call, case.policy.leaks, case.situation.mask_key)
        if shown is not None:
            return (yield from _blanked(case, shown, trail, rewrites))
    if (reason := _mode_denies(case)) is not None:
        return _end(case, trail, "deny", "mode", reason)
    trail.append(Step("mode", None, case.mode))
    held = _tightened(case, _ruled(case))
    trail.append(Step("rules", held.decision, _note(held)))
    if held.decision == "deny":
        return _end(case, trail, "deny", "rules", _reason(case, held), held)
    if held.decision == "allow" and not case.policy.at.pre_tool_use:
        return _end(case, trail, "allow", "rules", _reason(case, held), held)  # nobody else has a say
    return (yield from _hooked(case, held, trail, rewrites))


def _blanked(case: _Case, arguments: bytes, trail: list[Step], rewrites: int) -> Judging:
    """A call that publishes, without what must not be published: judged from the start."""
    trail.append(Step("rules", None, "redact/publish: secrets and words of the team were masked"))
    call = replace(case.call, arguments=arguments)
    put = case.put.union(publishing.masks(call))
    fresh = replace(case, call=call, value=None, facts=None, whole=None, put=put)
    verdict = yield from _judged(fresh, rewrites + 1)
    return replace(verdict, arguments=verdict.arguments or arguments, trail=(*trail, *verdict.trail))


def _not_offered(case: _Case, wanted: Decision) -> str:
    """Why the tool is not one of the request's, when the policy's answer to that is `wanted`; "" otherwise."""
    if case.policy.file.defaults.unknown_tool != wanted or validate.offered(case.call):
        return ""
    return f"the request did not offer a tool named {case.call.name}"


def _mode_denies(case: _Case) -> str | None:
    if "plan" not in case.modes:
        return None
    assert case.whole is not None
    reason = modes.plan_denies(case.whole)
    return f"mode plan allows only calls that change nothing, and {reason}" if reason else None


def _ruled(case: _Case) -> Ruling:
    assert case.whole is not None
    context = _context(case)
    rulings = [ruling.rule(profile, case.whole, context) for profile in case.profiles]
    return rulings[0] if len(rulings) == 1 else ruling.joined(rulings)


def _context(case: _Case) -> ruling.Context:
    made: list[dict[str, Any]] = []

    def context() -> dict[str, Any]:
        if not made:
            made.append(_names(case))
        return made[0]

    return context


def _names(case: _Case) -> dict[str, Any]:
    """The names of `when:`; policies.conditions.VARIABLES says what they hold."""
    facts, caller = case.facts, case.caller
    assert facts is not None
    at = datetime.fromtimestamp(caller.now_s, UTC) if math.isfinite(caller.now_s) and abs(caller.now_s) < 1e11 else None
    return {
        "session": {
            "taint": sorted(caller.taint),
            "id": caller.session,
            "refusals": case.situation.refusals.total,
            "tags": list(caller.tags),
        },
        "caller": {
            "key": caller.key_id,
            "harness": caller.harness,
            "agent": caller.agent or "",
            "subagent": subagent(caller),
            "cwd": caller.cwd or "",
        },
        "call": {
            "tool": facts.tool,
            "kind": facts.kind,
            "server": facts.server,
            "args": case.value if isinstance(case.value, dict) else {},
            "reads": list(facts.reads),
            "writes": list(facts.writes),
            "hosts": list(facts.hosts),
            "effects": list(facts.effects),
            "unknown": list(facts.unknown),
            "masked": list(facts.masked),
        },
        "shell": {
            "programs": [command.program for command in facts.commands],
            "flags": [flag for command in facts.commands for flag in command.flags],
            "effects": list(facts.effects) if facts.kind == "shell" else [],
        },
        "now": {"hour": at.hour, "weekday": at.weekday(), "unix": int(caller.now_s)} if at else {},
    }


def _tightened(case: _Case, held: Ruling) -> Ruling:
    """What holds beside the rules: unread parts, taint, secrets that would leave, the breaker. Each only makes
    stricter."""
    facts, file = case.facts, case.policy.file
    assert facts is not None
    added: list[Matched] = []
    unread = _unread(case)
    if unread:
        parts = "; ".join(unread[:3])
        added.append(
            Matched("default/unknown", file.defaults.on_parse_error, "", f"a part could not be read: {parts}", True)
        )
    unoffered = _not_offered(case, "ask")
    if unoffered:
        added.append(Matched("default/unknown-tool", "ask", "", unoffered, True))
    strict = _taint_step(case, held)
    if strict is not None:
        added.append(strict)
    secret = _secret_step(case)
    if secret is not None:
        added.append(secret)
    blank = _masked_step(case)
    if blank is not None:
        added.append(blank)
    if case.situation.refusals.tripped:
        limit = _limit(case)
        added.append(Matched(session.BREAKER, "ask", "", session.why(case.situation.refusals, limit), True))
    if not added:
        return held
    decision = strictest([held.decision, *(match.decision for match in added)])
    matched = sorted((*held.matched, *added), key=lambda match: (-STRICT[match.decision], not match.floor))
    stays = held.said and held.decision == decision
    return Ruling(decision, tuple(matched), stays or any(match.decision == decision for match in added), held.uncovered)


def _unread(case: _Case) -> tuple[str, ...]:
    assert case.whole is not None
    found = [*case.whole.unknown]
    for part in case.whole.parts:
        found += part.unknown
    return tuple(dict.fromkeys(found)) if found else ()


def _limit(case: _Case) -> DenyLimit:
    auto = case.policy.file.auto_approve
    return (
        auto.deny_limit if auto is not None and "deny_limit" in auto.model_fields_set else case.policy.file.deny_limit
    )


def _taint_step(case: _Case, held: Ruling) -> Matched | None:
    settings, facts = case.policy.file.taint, case.facts
    assert facts is not None
    if not settings.enabled:
        return None
    sinks = [effect for effect in facts.effects if effect in settings.tighten]
    if not sinks:
        return None
    sources = sorted(case.caller.taint.intersection(settings.sources))
    if not sources and case.situation.tainted is None:
        return None
    repeated = (
        taint.repeats(case.situation.tainted, case.value, settings.repeat_chars) if case.situation.tainted else ""
    )
    if not sources and not repeated:
        return None
    stricter: Decision = "ask" if held.decision == "allow" or not settings.ask_to_deny else "deny"
    origin, what = ", ".join(sources or ["outside"]), ", ".join(sinks)
    why = f"this session has read text from {origin}, and the call's effects are {what}"
    if repeated:
        return Matched("taint/repeats", stricter, "", f"{why}; it repeats {repeated!r} from there", True)
    return Matched("taint/egress", stricter, "", why, True)


def _secret_step(case: _Case) -> Matched | None:
    facts = case.facts
    assert facts is not None
    if not publishing.sends(facts):
        return None
    found = publishing.found(case.call, case.policy.leaks)
    if found is None:
        return None
    return Matched("redact/publish", found.decision, "", f"the call would send {found.what} out", True)


def _masked_step(case: _Case) -> Matched | None:
    """A mask stands for a value that the model was not shown; the tool would take it for the value."""
    facts, action = case.facts, case.policy.file.redact.masked
    assert facts is not None
    masks = [mask for mask in facts.masked if mask not in case.put] if facts.masked else []
    if action == "off" or not masks or facts.kind in publishing.ONLY_LOOKS:
        return None
    why = (
        f"the call holds {', '.join(masks[:3])}, which stands for a value that was kept from the model; the tool would get "
        f"these very characters. Refer to the value by its variable or file instead"
    )
    return Matched("redact/masked", action, "", why, True)


def _note(held: Ruling) -> str:
    return ", ".join(match.rule for match in held.matched[:8]) or "no rule"


def _hooked(case: _Case, held: Ruling, trail: list[Step], rewrites: int) -> Judging:
    """Checkpoint 4. The first rewrite ends this round: the new call is judged from the start, the other hooks included, a
    bounded number of times; what the hooks said so far is kept as the least strict outcome."""
    facts = case.facts
    assert facts is not None
    said: list[tuple[Decision | None, str]] = []
    context: list[str] = []
    for hook in case.policy.at.pre_tool_use or ():
        if not hooks.wanted(hook, "pre_tool_use", facts, case.whole.tool if case.whole is not None else ""):
            continue
        given = yield NeedHook(hook.id, "pre_tool_use", _payload(case, held))
        answer = given if isinstance(given, HookAnswer) else HookAnswer(failed="it gave no answer")
        said.append(hooks.said(hook, answer))
        if answer.context:
            context.append(answer.context)
        if said[-1][0] == "deny":
            trail.append(Step("hooks", "deny", said[-1][1]))
            return replace(_end(case, trail, "deny", "hooks", said[-1][1], held), context=tuple(context))
        if answer.arguments is not None and not answer.failed and answer.arguments != case.call.arguments:
            verdict = yield from _rewritten(case, held, hook, answer.arguments, trail, said, rewrites)
            return replace(verdict, context=(*context, *verdict.context))
    decision, reason = hooks.joined(said)
    if said:
        trail.append(Step("hooks", decision, reason))
    verdict = yield from _approved(case, held, decision, reason, trail)
    return replace(verdict, context=tuple(context)) if context else verdict


def _payload(case: _Case, held: Ruling) -> bytes:
    facts = case.facts
    assert facts is not None
    own = {
        "tool": hooks.tool_fields(case.call),
        "facts": facts_json(facts),
        "verdict": {"decision": held.decision, "rules": [match.rule for match in held.matched]},
    }
    return hooks.payload("pre_tool_use", case.caller, own)


def _rewritten(
    case: _Case,
    held: Ruling,
    hook: Hook,
    arguments: bytes,
    trail: list[Step],
    said: list[tuple[Decision | None, str]],
    rewrites: int,
) -> Judging:
    """A rewritten call is a new call: judged from the start, by all hooks but the one that rewrote it. What the rules
    asked a human about before stays asked about: a rewrite must not be a way around a floor."""
    trail.append(Step("hooks", None, f"hook {hook.id} rewrote the arguments"))
    if rewrites >= REWRITES_MAX:
        return _end(case, trail, "deny", "hooks", f"hook {hook.id}: more than {REWRITES_MAX} rewrites of one call")
    rest = tuple(known for known in case.policy.at.pre_tool_use or () if known.id != hook.id)
    policy = replace(case.policy, at=Points(pre_tool_use=rest or None))
    fresh = replace(
        case, policy=policy, call=replace(case.call, arguments=arguments), value=None, facts=None, whole=None
    )
    verdict = yield from _judged(fresh, rewrites + 1)
    floor, reason = hooks.joined(entry for entry in said if entry[0] != "allow")
    if floor is not None and STRICT[floor] > STRICT[verdict.decision]:
        verdict = _restricted(verdict, floor, "hooks", reason)
    if verdict.decision == "allow" and held.decision == "ask" and not _liftable(case, held):
        verdict = replace(_restricted(verdict, "ask", "rules", _reason(case, held)), floor=True, rules=held.matched)
    return replace(verdict, arguments=verdict.arguments or arguments, trail=(*trail, *verdict.trail))


def _restricted(verdict: Verdict, decision: Decision, checkpoint: Checkpoint, reason: str) -> Verdict:
    """A stricter verdict; nobody has granted it."""
    form: AskForm = "ticket" if verdict.ask == "delegate" else verdict.ask
    return replace(verdict, decision=decision, checkpoint=checkpoint, reason=reason, granted_by="", ask=form)


def _approved(case: _Case, held: Ruling, hook: Decision | None, hook_reason: str, trail: list[Step]) -> Judging:
    """Checkpoint 5, for a call that nobody denied."""
    if held.decision == "allow":
        if hook == "ask":
            return (yield from _asked(case, held, trail, hook_reason, "hooks"))
        return _end(case, trail, "allow", "rules", _reason(case, held), held)
    lift = _liftable(case, held)
    if hook == "allow" and lift:
        return replace(_end(case, trail, "allow", "hooks", hook_reason, held), granted_by=hook_reason.partition(":")[0])
    reason = hook_reason if hook == "ask" else _reason(case, held)
    if lift and hook != "ask" and case.modes == {"bypass"}:
        return replace(_end(case, trail, "allow", "mode", "mode bypass", held), granted_by="mode bypass")
    if lift and hook != "ask" and case.modes <= {"accept_edits", "bypass"} and _plain_edit(case, held):
        verdict = _end(case, trail, "allow", "mode", "mode accept_edits: an edit in the workspace", held)
        return replace(verdict, granted_by="mode accept_edits")
    return (yield from _asked(case, held, trail, reason, "hooks" if hook == "ask" else "rules"))


def _liftable(case: _Case, held: Ruling) -> bool:
    """Whether anything but a human may let this ask pass."""
    return (
        not held.floor
        and not any(match.floor and match.decision == "ask" for match in held.matched)
        and not _unread(case)
    )


def _plain_edit(case: _Case, held: Ruling) -> bool:
    """An edit that only a default asks about: an ask that somebody wrote stays one."""
    assert case.whole is not None
    return not any(match.decision == "ask" for match in held.matched) and modes.accepts_edit(case.whole)


def _asked(case: _Case, held: Ruling, trail: list[Step], reason: str, asker: Checkpoint) -> Judging:
    grant = tickets.covering(case.situation.grants, case.call, case.caller)
    if grant is not None:
        text = f"granted by {grant.by or 'a human'} (ticket {grant.id})"
        return replace(_end(case, trail, "allow", "approval", text, held), granted_by=grant.id)
    if "dont_ask" in case.modes:
        return _end(case, trail, "deny", "mode", f"{reason}; nobody can be asked (mode dont_ask)", held)
    auto = case.policy.file.auto_approve
    if case.modes <= {"auto", "bypass"} and auto is not None and asker == "rules" and _scorable(case, held, auto):
        assert case.facts is not None
        score = yield NeedScore(case.call, case.facts)
        given = score if isinstance(score, Score) else None
        return _scored(case, held, trail, auto, given) or _put(case, held, trail, reason, asker, given)
    return _put(case, held, trail, reason, asker)


def _put(
    case: _Case, held: Ruling, trail: list[Step], reason: str, asker: Checkpoint, score: Score | None = None
) -> Verdict:
    """To a person."""
    verdict = _end(case, trail, "ask", asker, reason, held)
    if score is not None:
        verdict = replace(verdict, score=score)
    return _delegated(case, held, verdict) if verdict.ask == "delegate" else verdict


def _delegated(case: _Case, held: Ruling, verdict: Verdict) -> Verdict:
    """The harness asks its user: the call passes as it is. Only where every profile that holds says that this caller's
    harness prompts, nothing says that it does not at the moment, and no floor asks; otherwise a ticket is made."""
    why = ""
    if not all(profile.prompts for profile in case.profiles):
        why = "no profile of this caller says that its harness prompts"
    elif case.caller.extra.get("mode") in UNPROMPTED:
        why = f"the client says that it runs in mode {case.caller.extra['mode']}"
    elif not _liftable(case, held) or case.situation.refusals.tripped:
        why = "a floor is not left to the harness"
    trail = verdict.trail[:-1]
    if why:
        steps = (*trail, Step("approval", None, f"not delegated: {why}"), verdict.trail[-1])
        return replace(verdict, ask="ticket", trail=steps)
    text = f"{verdict.reason.rstrip('.')}; the harness asks its user"
    step = Step("approval", "allow", text)
    return replace(
        verdict, decision="allow", checkpoint="approval", reason=text, granted_by=DELEGATED, trail=(*trail, step)
    )  # fmt: skip


def _scored(case: _Case, held: Ruling, trail: list[Step], auto: AutoApprove, score: Score | None) -> Verdict | None:
    """Checkpoint 5 by the classifier, None where it does not approve. The policy may demand more than the model's own proof,
    never less."""
    if score is None:
        trail.append(Step("classifier", "ask", "no classifier"))
        return None
    assert case.facts is not None
    least = max([score.least, auto.threshold, *(auto.thresholds.get(effect, 0.0) for effect in case.facts.effects)])
    if not score.why and math.isfinite(score.value) and 0 < least <= score.value <= 1:
        text = f"approved by the classifier ({score.value:.3f} of at least {least:.3f})"
        verdict = _end(case, trail, "allow", "classifier", text, held)
        return replace(verdict, granted_by=f"classifier {score.version}", score=replace(score, least=least))
    note = score.why or f"{score.value:.3f} of at least {least:.3f}"
    trail.append(Step("classifier", "ask", f"{score.version}: {note}"))
    return None


def _scorable(case: _Case, held: Ruling, auto: AutoApprove) -> bool:
    assert case.facts is not None
    kept = frozenset(auto.never)
    return (
        _liftable(case, held)
        and not frozenset(auto.never_effects).intersection(case.facts.effects)
        and not case.situation.refusals.tripped
        and not any(match.rule in kept for match in held.matched)
    )


def _reason(case: _Case, held: Ruling) -> str:
    """One sentence for the human and the model."""
    deciding = next((match for match in held.matched if match.decision == held.decision), None)
    if deciding is None:
        parts = ", ".join(held.uncovered[:3])
        verb = {"allow": "allowed", "ask": "asked about", "deny": "denied"}[held.decision]
        return f"no rule speaks of {parts or case.call.name}; such calls are {verb} by default"
    where = f" ({deciding.part})" if deciding.part else ""
    return f"rule {deciding.rule}{where}: {deciding.message or _verb(deciding.decision)}"


def _verb(decision: Decision) -> str:
    return {"allow": "allowed", "ask": "needs an approval", "deny": "not allowed"}[decision]


def _end(
    case: _Case, trail: list[Step], decision: Decision, checkpoint: Checkpoint, reason: str, held: Ruling | None = None
) -> Verdict:
    defaults, rules = case.policy.file.defaults, held.matched if held else ()
    deciding = next((case.policy.rules[match.rule] for match in rules if match.rule in case.policy.rules), None)
    source = deciding if deciding is not None and deciding.decision == decision else None
    return Verdict(
        decision,
        checkpoint,
        reason,
        rules,
        case.facts,
        alternative=source.alternative if source else "",
        profile=case.profiles[0].name,
        mode=case.mode,
        policy=case.policy.digest,
        trail=(*trail, Step(checkpoint, decision, reason)),
        floor=decision == "ask" and any(match.floor and match.decision == "ask" for match in rules),
        ask=(source.ask_form if source and source.ask_form else defaults.ask),
        ask_timeout_s=(source.ask_timeout_s if source and source.ask_timeout_s else defaults.ask_timeout_s),
        refusal=(source.refusal if source and source.refusal else case.policy.refusal(case.caller.harness)),
    )


def facts_json(facts: Facts) -> dict[str, Any]:
    """Facts as JSON, without what is empty."""
    out: dict[str, Any] = {"kind": facts.kind, "tool": facts.tool}
    for name in ("server", "reads", "writes", "hosts", "effects", "unknown", "invalid", "masked"):
        held = getattr(facts, name)
        if held:
            out[name] = list(held) if isinstance(held, tuple) else held
    if facts.commands:
        out["commands"] = [_command_json(command) for command in facts.commands]
    return out


_COMMAND_FIELDS = (
    "program", "subcommand", "argv", "flags", "operands", "reads", "writes", "hosts", "effects", "wrappers", "source",
    "unknown",
)  # fmt: skip


def _command_json(command: Any) -> Mapping[str, Any]:
    held = {name: getattr(command, name) for name in _COMMAND_FIELDS}
    out = {name: list(value) if isinstance(value, tuple) else value for name, value in held.items() if value}
    if command.assigns:
        out["assigns"] = dict(command.assigns)
    return out
