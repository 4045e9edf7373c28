"""Continue CLI: chat and Messages; no session id; its HTTP library's user agent (`ls/JS`, `node-fetch`).

Seen: 1.5.47 (clients.md 1-3); the texts of title and compaction read from the installed open-source package. Compaction
is the whole conversation with one more user message, so the tools may still be there.
"""

from __future__ import annotations

from gateway.harnesses._continue_config import CONNECT
from gateway.harnesses.contract import LIKELY, NO, PROVEN, TOLD, Harness, Shape, Sign, by_signs

OWN_TOOLS = frozenset({"Checklist", "CheckBackgroundJob"})
TITLE = b"please reply with a title for the chat that is 3-4 words in length"
COMPACTION = b"Please provide a concise summary of our conversation so far, capturing the key context"

SIGNS = (
    Sign("title", "last", (TITLE,), "asks for a chat title"),
    Sign("compaction", "last", (COMPACTION,), "asks for its summary of the conversation", None),
)


def recognise(shape: Shape) -> int:
    if b"You are an agent in the Continue CLI" in shape.head:
        return PROVEN
    if TITLE in shape.first or (COMPACTION in shape.last and shape.product[0] in ("ls", "")):
        return PROVEN
    if shape.tools >= OWN_TOOLS:
        return TOLD
    return LIKELY if shape.user_agent.startswith("ls/JS") and "Bash" in shape.tools else NO


HARNESS = Harness(
    name="continue",
    title="Continue CLI",
    recognise=recognise,
    call=by_signs(SIGNS),
    connect=CONNECT,
)
_: Harness = HARNESS
