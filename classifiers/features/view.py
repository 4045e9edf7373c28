"""The request view: all that scoring may know of a request, in one value. Pure.

`view_of` reads a conversation in one go; the gateway keeps a `Trail` per session and calls `view_of_trail`. Both give the
same view for the same turns (tests/property). `text` is what the model reads: the ask, what the human complained about
since, and the plan that was agreed to, because "yes" after a plan for a migration asks for a migration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from classifiers.features.facts import facts_of
from classifiers.features.results import Class
from classifiers.features.tools import Act, abilities
from classifiers.features.trajectory import Trail
from classifiers.features.turns import TURNS_MAX, Conversation, ends

PLAN_CHARS: Final = 1200
"""Read of an agreed plan: how it begins, and how it ends, where the proposal stands."""

PLAN_CHARS_MIN: Final = 40
"""A shorter text before a "yes" plans nothing: "I looked at it." """

_QUESTIONS: Final = ("?", "？")
_OFFER: Final = re.compile(r"[^.!?\n。！？]{0,200}[?？]")
"""A question of the agent's within its plan ("Shall I go on?"): it was answered, it is no work."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """`ask` is the human's latest ask in their own words, "" if there is none. `text` is what a model reads, `marks` the
    kinds of material beside the ask. `plan` is what the human agreed to, if `confirmed`. `abilities` say what the tool set
    can do: for eligibility, never for a score. `trajectory` is in the order of schema.TRAJECTORY."""

    ask: str
    text: str
    marks: frozenset[str]
    first_ask: str
    plan: str
    confirmed: bool
    correction: str
    abilities: frozenset[Act]
    last_result: Class | None
    trajectory: tuple[float, ...]
    resumed: int = 0


def view_of(conversation: Conversation) -> RequestView:
    """Linear in the turns; of a longer conversation the last TURNS_MAX are read."""
    trail = Trail()
    for turn in conversation.turns[-TURNS_MAX:]:
        trail.feed(facts_of(turn))
    return view_of_trail(trail, conversation.tools)


def view_of_trail(trail: Trail, tools: Iterable[str] = ()) -> RequestView:
    said = trail.ask
    ask = said.words if said is not None else ""
    return RequestView(
        ask=ask,
        text=text_of(trail),
        marks=said.marks if said is not None else frozenset(),
        first_ask=trail.first_ask,
        plan=trail.plan,
        confirmed=trail.confirmed,
        correction=trail.correction,
        abilities=abilities(tools),
        last_result=trail.last,
        trajectory=trail.vector(),
        resumed=trail.resumed,
    )


def text_of(trail: Trail) -> str:
    """What a model reads. A question that led to a plan is done with: the plan is the work. Where compaction left nothing of
    the human, the agent's summary speaks for them."""
    plan = _OFFER.sub("", ends(trail.plan, PLAN_CHARS)).strip() if trail.confirmed else ""
    plan = plan if len(plan) >= PLAN_CHARS_MIN else ""
    if trail.ask is None:
        return plan or (ends(trail.agent_text, PLAN_CHARS) if trail.resumed else "")
    asked = trail.ask.words
    if plan and asked.rstrip().endswith(_QUESTIONS):
        asked = ""
    return "\n".join(filter(None, (asked, trail.correction, plan)))
