"""Checkpoint 2: what the mode of a profile means for a call. `plan` may only narrow; the others say what becomes of
an ask."""

from __future__ import annotations

from policies.verdict import Mode
from policies.view import View

LOOKS = frozenset({"read", "search", "list", "fetch", "web_search", "plan", "ask", "agent"})
"""Kinds that change nothing."""
HARMLESS = frozenset({"network"})
"""The effect that a call in mode plan may have: reading the web; rules still judge it."""
MEANING: dict[Mode, str] = {
    "manual": "Rules alone decide.",
    "plan": "Only calls that change nothing; every other is denied. Rules judge what is left.",
    "accept_edits": "Edits of files in the workspace that no rule speaks of are allowed.",
    "auto": "Asks without a floor go to the classifier first.",
    "dont_ask": "Nobody can be asked: every ask becomes a deny.",
    "bypass": "Asks without a floor are allowed; denies, floors and what could not be read stay.",
}


def plan_denies(whole: View) -> str:
    """Why a call changes something, "" when it does not or when only asking can tell."""
    facts = whole.facts
    if whole.writes:
        return "it writes " + ", ".join(whole.writes[:3])
    changing = [effect for effect in whole.effects if effect not in HARMLESS]
    if changing:
        return "its effects are " + ", ".join(changing)
    if facts.kind in {"write", "edit", "delete"}:
        return f"the tool {facts.tool} changes files"
    return ""


def accepts_edit(whole: View) -> bool:
    """Whether a call is an edit of files in the workspace and nothing more."""
    return (
        whole.facts.kind in {"write", "edit"}
        and bool(whole.writes)
        and not whole.effects
        and not whole.unknown
        and all(whole.place.inside(path) for path in (*whole.writes, *whole.reads))
    )
