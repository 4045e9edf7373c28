"""Circuit breaker and cool-down of one endpoint, as a value and a transition function.

closed: calls pass; `failures` within `window_s` open it. open: no call for `open_s`. half_open: at most `half_open_probes`
calls at a time are probes; a probe's success closes it, its failure opens it again. Calls that are no probes may be under
way beside them (begun before it opened, or asked for by name): their ends change nothing while it is not closed. A rate
limit does not count as failure but cools the endpoint down for as long as the upstream asked (Envoy: outlier ejection,
retry-after back-off).

Processes that serve together tell one another their values (`joined`): what one of them learned, the others believe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Phase = Literal["closed", "open", "half_open"]
Outcome = Literal["success", "failure", "neutral"]

COOLDOWN_MAX_S = 600.0
"""Longest cool-down believed; some vendors send hours for a daily quota, which a restart of their clock may lift."""


@dataclass(frozen=True, slots=True)
class Rules:
    failures: int = 5
    window_s: float = 30.0
    open_s: float = 30.0
    half_open_probes: int = 1


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failed_at` are the failures in the window (seconds, oldest first, at most `failures`); `probes` those under way.
    `openings` counts how often it opened: a probe belongs to one opening and says nothing about a later one. `good_at_s`
    is when a success last took failures back or closed it."""

    phase: Phase = "closed"
    failed_at: tuple[float, ...] = ()
    opened_at_s: float = 0.0
    openings: int = 0
    probes: int = 0
    cool_until_s: float = 0.0
    good_at_s: float = 0.0


def status(breaker: Breaker, rules: Rules, now_s: float) -> tuple[bool, str]:
    """(may a call start now, why not)."""
    if now_s < breaker.cool_until_s:
        return False, f"rate limited for another {breaker.cool_until_s - now_s:.0f} s"
    if breaker.phase == "closed":
        return True, ""
    if breaker.phase == "open" and now_s - breaker.opened_at_s < rules.open_s:
        return False, f"breaker open for another {rules.open_s - (now_s - breaker.opened_at_s):.0f} s"
    if breaker.phase == "half_open" and breaker.probes >= rules.half_open_probes:
        return False, "breaker half open, probe under way"
    return True, "probe"


NO_PROBE = 0


def started(breaker: Breaker, rules: Rules, now_s: float) -> tuple[Breaker, int]:
    """A call begins: (the breaker after, NO_PROBE or the opening that the call probes: hand it to `ended`). An open breaker
    whose time is up becomes half open with this call as its first probe; with all probes under way a further call is none.
    """
    if breaker.phase == "open" and now_s - breaker.opened_at_s >= rules.open_s:
        return replace(breaker, phase="half_open", probes=1), breaker.openings
    if breaker.phase == "half_open" and breaker.probes < rules.half_open_probes:
        return replace(breaker, probes=breaker.probes + 1), breaker.openings
    return breaker, NO_PROBE


def ended(breaker: Breaker, rules: Rules, now_s: float, outcome: Outcome, *, probe: int = NO_PROBE) -> Breaker:
    """A call ended. neutral: it says nothing about the endpoint (the client left, the request itself was refused)."""
    match breaker.phase:
        case "closed":
            return _counted(breaker, rules, now_s, outcome)
        case "half_open" if probe == breaker.openings:
            return _probed(breaker, now_s, outcome)
        case _:
            return breaker


def _counted(breaker: Breaker, rules: Rules, now_s: float, outcome: Outcome) -> Breaker:
    if outcome == "neutral":
        return breaker
    if outcome == "success":
        return replace(breaker, failed_at=(), good_at_s=now_s) if breaker.failed_at else breaker
    recent = (*(t for t in breaker.failed_at if now_s - t < rules.window_s), now_s)[-rules.failures :]
    if len(recent) >= rules.failures:
        return _opened(breaker, now_s)
    return replace(breaker, failed_at=recent)


def _opened(breaker: Breaker, now_s: float) -> Breaker:
    return replace(breaker, phase="open", opened_at_s=now_s, openings=breaker.openings + 1, probes=0, failed_at=())


def _closed(breaker: Breaker, good_at_s: float) -> Breaker:
    return Breaker(openings=breaker.openings, cool_until_s=breaker.cool_until_s, good_at_s=good_at_s)


def _probed(breaker: Breaker, now_s: float, outcome: Outcome) -> Breaker:
    if outcome == "success":
        return _closed(breaker, now_s)
    if outcome == "failure":
        return _opened(breaker, now_s)
    return replace(breaker, probes=max(0, breaker.probes - 1))


def cooled(breaker: Breaker, now_s: float, retry_after_s: float) -> Breaker:
    until = now_s + min(max(retry_after_s, 0.0), COOLDOWN_MAX_S)
    return replace(breaker, cool_until_s=max(breaker.cool_until_s, until))


def joined(own: Breaker, told: Sequence[Breaker], rules: Rules, now_s: float) -> Breaker:
    """`own` with what others tell of the same endpoint, all on one clock. The newest word wins: a success after an opening
    closes, an opening after a success opens; failures since the last success are counted together. Joining twice changes
    nothing, so values may be passed on as they are. Probes stay everybody's own: each process may send its own."""
    good_at = max((own.good_at_s, *(b.good_at_s for b in told)))
    cool_until = max((own.cool_until_s, *(b.cool_until_s for b in told)))
    opened_at = max((b.opened_at_s for b in told if b.phase != "closed"), default=0.0)
    result = replace(own, cool_until_s=cool_until, good_at_s=good_at)
    if opened_at > good_at and (own.phase == "closed" or opened_at > own.opened_at_s):
        return _opened(result, opened_at)
    if own.phase != "closed":
        return _closed(result, good_at) if good_at > own.opened_at_s else result
    together: Counter[float] = Counter()
    for one in (own, *told):
        together |= Counter(one.failed_at)  # not the sum: what was passed on comes back
    failed = sorted(t for t in together.elements() if t > good_at and now_s - t < rules.window_s)[-rules.failures :]
    if len(failed) >= rules.failures:
        return _opened(result, failed[-1])
    return replace(result, failed_at=tuple(failed))
