"""Whether a session leaves its model: on evidence, where it is free, or because it pays. Pure.

A session stays where its prompt cache is warm. It is moved

- *on evidence*: checks after edits fail twice in a row, the same call is made three times over, or the human complains. Then
  one lane up, among the models of its route, at any turn. What is already moved for is not evidence a second time.
- *where it is free*: the cache has gone cold, or compaction has just replaced the history. Then to the first choice.
- *where a new ask is put*: to the first choice if that is a stronger lane, or if what is saved over the turns expected to
  follow is more than the move costs. Never in the middle of an ask.

Every move is priced (gateway.routing.costs). The last kind must fit into the switch budget: what moves have lost in cold
caches so far and this one's share stay within `budget_pct` of what the session has cost and is expected to cost still.
Evidence goes before the budget unless the operator says otherwise: what is saved does not help a session that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from gateway.ir.exchange import Exchange, Hop, LaneName, Move, MoveKind
from gateway.routing import costs
from gateway.routing.costs import Tariff
from gateway.routing.strategies.contract import LANE_RANK

Prices = Callable[[str], Tariff | None]
"""Model to tariff, None where no price is known."""

EVIDENCE: Final = (
    ("failed_cycles", 2, "{} checks failed in a row"),
    ("repeat_streak", 3, "the same call was made {} times over"),
    ("corrections", 1, "{} complaints about the result"),
)
"""Signal, from how many on, and the words for it. The first two are the strongest in-session signals known (routing.md 0.2);
one complaint of a human outweighs any count."""

TURNS_MIN: Final = 4
"""Turns expected to follow even in a session that is longer than usual."""

WARM_MAX: Final = 4
"""Models whose warm caches are remembered per session."""


class Rules(msgspec.Struct, frozen=True):
    budget_pct: float = 15.0
    escalate: Literal["always", "within_budget", "never"] = "always"
    turns: int = 22
    wait_s_max: float = 60.0


class Warm(msgspec.Struct, frozen=True, array_like=True):
    """A model has so many tokens of this session in its cache since then (Unix seconds)."""

    model: str
    at_s: float
    tokens: int


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What moves depend on, as it stands before this request. `marks` are the counts of EVIDENCE that were answered by a
    move already; `floor` is the lane that evidence led to, below which the present ask does not fall back; `resumed` counts
    compactions."""

    spent_usd_micros: int = 0
    moved_usd_micros: int = 0
    warm: tuple[Warm, ...] = ()
    floor: LaneName | None = None
    marks: tuple[int, ...] = ()
    resumed: int = 0


FRESH: Final = Standing()
_NO_SIGNALS: Final[Mapping[str, int]] = {}


def unpriced(_: str) -> Tariff | None:
    return None


def evidence(signals: Mapping[str, int] | None, marks: Sequence[int]) -> str:
    """What speaks for a stronger model and is not answered yet, in words; "" if nothing does."""
    if not signals:
        return ""
    for place, (name, enough, words) in enumerate(EVIDENCE):
        count = signals.get(name, 0)
        if count >= enough and count - min(marks[place] if marks else 0, count) >= enough:
            return words.format(count)
    return ""


def cold_tokens(standing: Standing, model: str, context_tokens: int, now_s: float, ttl_s: float) -> int:
    """Tokens of the history that the model does not have in its cache."""
    for warm in standing.warm:
        if warm.model == model and now_s - warm.at_s <= ttl_s:
            return max(0, context_tokens - warm.tokens)
    return context_tokens


def cache_state(standing: Standing, model: str, now_s: float, ttl_s: float) -> Literal["warm", "cold"]:
    """Warm where nothing is remembered: a session is not moved for what is not known."""
    for known in standing.warm:
        if known.model == model:
            return "warm" if now_s - known.at_s <= ttl_s else "cold"
    return "warm"


class Weighing(msgspec.Struct, frozen=True):
    """Everything one weighing needs. `ttl_s` is of a model's cache."""

    exchange: Exchange
    standing: Standing
    rules: Rules
    prices: Prices
    ttl_s: Callable[[str], float]

    @property
    def turns_left(self) -> int:
        return max(self.rules.turns - self.exchange.session.turns, TURNS_MIN)

    def move(self, home: str, target: str, kind: MoveKind, why: str, *, free: bool = False) -> Move:
        """Priced, and not yet judged (`made` is True). `free`: no warm cache is left behind."""
        context, at_s = self.exchange.context_tokens, self.exchange.received_s
        there, here = self.prices(target), self.prices(home)
        tokens = cold_tokens(self.standing, target, context, at_s, self.ttl_s(target))
        if there is None:
            return Move(home, target, kind, True, why, tokens=tokens)
        lost = 0 if free else round(costs.loss(there, tokens))
        turns = self.turns_left
        saved = None
        if here is not None:
            saved = round(costs.rest(here, context, turns) - costs.rest(there, context, turns))
        return Move(home, target, kind, True, why, lost, saved, round(there.wait_s(tokens), 1), tokens)

    def over_budget(self, move: Move) -> str:
        """Why the switch budget does not hold the move; "" if it does. The session is expected to cost what it has cost and
        the rest on the dearer of the two: staying there is what a saving is measured against, going there was asked for."""
        there = self.prices(move.target)
        if there is None or move.cost_usd_micros is None:
            return "its price is not known"
        context, turns = self.exchange.context_tokens, self.turns_left
        here = self.prices(move.source) or there
        ahead = max(costs.rest(here, context, turns), costs.rest(there, context, turns))
        allowed = (self.standing.spent_usd_micros + ahead) * self.rules.budget_pct / 100
        lost = self.standing.moved_usd_micros + move.cost_usd_micros
        if lost > allowed:
            return f"moves would lose {usd(lost)} of {usd(allowed)} allowed (session.switch_budget_pct)"
        return ""


def usd(micros: float) -> str:
    return f"${micros / 1_000_000:.4f}"


def weigh(weighing: Weighing, home: Hop, hops: Sequence[Hop], trouble: str, cache: str, *, at_ask: bool) -> Move | None:
    """The move to be made, or the one that was weighed and refused (`made` False); None where there is none to weigh.

    `hops` are the eligible ones in order of preference, `home` the session's model, `at_ask` whether the human has just
    spoken. Of one who complains, or goes on while checks fail, it is the same ask still."""
    if trouble:
        up = _one_up(home, hops)
        if up is not None:
            return _escalated(weighing, home, up, trouble)
    signals = weighing.exchange.labels.signals or {}
    resumed = signals.get("resumed", 0) > weighing.standing.resumed
    another = at_ask and not resumed and not any(signals.get(name, 0) for name, _, _ in EVIDENCE)
    first = _first(weighing.standing, home, hops, keep_floor=not another)
    if first is None or first.model == home.model:
        return None
    if resumed:
        return weighing.move(home.model, first.model, "free", "compaction has just replaced the history", free=True)
    if not at_ask:
        return None
    if cache == "cold":
        return weighing.move(home.model, first.model, "free", f"the cache of {home.model} is cold", free=True)
    return _priced(weighing, home, first)


def _one_up(home: Hop, hops: Sequence[Hop]) -> Hop | None:
    stronger = [h for h in hops if LANE_RANK[h.lane] > LANE_RANK[home.lane]]
    return min(stronger, key=lambda h: LANE_RANK[h.lane]) if stronger else None


def _first(standing: Standing, home: Hop, hops: Sequence[Hop], *, keep_floor: bool) -> Hop | None:
    """The first choice that is not below the lane that evidence led to."""
    floor = LANE_RANK[standing.floor] if keep_floor and standing.floor else 0
    return next((h for h in hops if LANE_RANK[h.lane] >= floor), None)


def _escalated(weighing: Weighing, home: Hop, up: Hop, trouble: str) -> Move:
    move = weighing.move(home.model, up.model, "evidence", trouble)
    rule = weighing.rules.escalate
    if rule == "never":
        return refused(move, "session.escalate is never")
    if rule == "within_budget" and (over := weighing.over_budget(move)):
        return refused(move, over)
    return move


def _priced(weighing: Weighing, home: Hop, first: Hop) -> Move:
    stronger = LANE_RANK[first.lane] > LANE_RANK[home.lane]
    why = f"{first.model} is the first choice for this ask"
    move = weighing.move(home.model, first.model, "score" if stronger else "saving", why)
    if over := weighing.over_budget(move):
        return refused(move, over)
    if stronger:
        return move
    if move.saved_usd_micros is None or move.saved_usd_micros <= (move.cost_usd_micros or 0):
        return refused(move, f"it saves {usd(move.saved_usd_micros or 0)} and costs {usd(move.cost_usd_micros or 0)}")
    if move.wait_s > weighing.rules.wait_s_max:
        return refused(move, f"reading {move.tokens} tokens takes {move.wait_s:.0f} s there")
    return move


def refused(move: Move, why: str) -> Move:
    return Move(
        move.source,
        move.target,
        move.kind,
        False,
        f"{move.why}, but {why}",
        move.cost_usd_micros,
        move.saved_usd_micros,
        move.wait_s,
        move.tokens,
    )


def after(
    standing: Standing, exchange: Exchange, move: Move | None, *, served: str, lane: LaneName, cost_usd_micros: int,
    belongs: bool,
) -> Standing:  # fmt: skip
    """The standing after the call was answered by `served`. `belongs`: the call is one of the conversation; others (titles)
    only cost."""
    spent = standing.spent_usd_micros + cost_usd_micros
    if not belongs:
        return msgspec.structs.replace(standing, spent_usd_micros=spent)
    labels, known = exchange.labels, standing.warm
    signals = labels.signals or _NO_SIGNALS
    resumed = signals.get("resumed", 0)
    entry = Warm(served, exchange.received_s, exchange.context_tokens)
    if resumed > standing.resumed or not known or (len(known) == 1 and known[0].model == served):
        warm: tuple[Warm, ...] = (entry,)
    else:
        warm = (entry, *[w for w in known if w.model != served])[:WARM_MAX]
    if move is None and not standing.marks and standing.floor is None:  # nearly always: nothing moved, now or before
        return Standing(spent, standing.moved_usd_micros, warm, None, (), resumed)
    made = move is not None and move.made and move.target == served
    moved = standing.moved_usd_micros + ((move.cost_usd_micros or 0) if made and move is not None else 0)
    counts = tuple([signals.get(name, 0) for name, _, _ in EVIDENCE])
    escalated = made and move is not None and move.kind == "evidence"
    marks = counts if escalated else tuple(map(min, standing.marks, counts)) if standing.marks else ()
    floor = standing.floor
    if labels.call == "main" and not any(counts) and resumed <= standing.resumed:
        floor = None  # the human has put another ask, and nothing speaks against the first choice
    return Standing(spent, moved, warm, lane if escalated else floor, marks, resumed)
