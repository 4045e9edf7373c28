"""pi: chat, Messages and Responses; session id on Responses only; its SDK's user agent.

Seen: 0.73.1 (clients.md 1-3; run against a logging server). Compaction and branch summaries share one system text. A
broken stream is an error for it, a cut connection is retried: hence `midstream` (read in clients.md section 4).
"""

from __future__ import annotations

from gateway.harnesses._jsonc_providers import PI_CONNECT
from gateway.harnesses.contract import LIKELY, NO, PROVEN, TOLD, Harness, Shape, Sign, by_signs

SUMMARISER = b"You are a context summarization assistant. Your task is to read a conversation between a user and an AI"

SIGNS = (
    Sign("summary", "last", (b"summary of this conversation branch",), "asks for a branch summary"),
    Sign("compaction", "head", (SUMMARISER,), "system text of its compaction"),
)


def recognise(shape: Shape) -> int:
    if b"operating inside pi, a coding agent harness" in shape.head or SUMMARISER in shape.head:
        return PROVEN
    if shape.user_agent.startswith(("pi-coding-agent", "pi (")) or shape.product[0] == "pi":
        return TOLD
    return LIKELY if shape.tools == {"read", "bash", "edit", "write"} else NO


HARNESS = Harness(
    name="pi",
    title="pi",
    recognise=recognise,
    call=by_signs(SIGNS),
    cache_key_is_session=True,
    midstream="cut",
    connect=PI_CONNECT,
)
_: Harness = HARNESS
