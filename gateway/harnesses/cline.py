"""Cline: chat; sends no session id and no user agent of its own (only its SDK's), so its words and tools tell it.

Seen: CLI 3.0.65 (clients.md 1-3; run against a logging server). Compaction is one user message under a one-line system
text, without tools. Sub-agents (`spawn_agent`, teammates) get a system text of their own and part of the tools. A broken
stream ends its run, and so does a cut of a chunked answer (tests/harness/baseline.json): it gets the proper error.
"""

from __future__ import annotations

from gateway.harnesses._cline_config import CONNECT
from gateway.harnesses.contract import LIKELY, NO, PROVEN, TOLD, Harness, Shape, Sign, by_signs

TOOLS = frozenset({"read_files", "run_commands", "editor"})
SUMMARISER = b"Summarize the provided coding session into a concise continuation note"

SIGNS = (
    Sign("compaction", "head", (SUMMARISER,), "system text of its compaction"),
    Sign(
        "compaction",
        "last",
        (b"The current conversation is rapidly running out of context",),
        "asks for its summary",
        None,
    ),
)


def recognise(shape: Shape) -> int:
    if b"You are Cline," in shape.head or SUMMARISER in shape.head:
        return PROVEN
    if shape.product[0] == "cline":
        return TOLD
    return LIKELY if shape.tools >= TOOLS or "team_mission_log" in shape.tools else NO


HARNESS = Harness(
    name="cline",
    title="Cline",
    recognise=recognise,
    call=by_signs(SIGNS),
    version=lambda shape: shape.product[1] if shape.product[0] == "cline" else "",
    connect=CONNECT,
)
_: Harness = HARNESS
