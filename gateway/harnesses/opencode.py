"""OpenCode: chat, Messages and Responses; session headers in all three; titles and compaction as calls without tools.

Seen: 1.18.33 (clients.md 1-3). The title call comes before the first real one and shares its session id; a sub-agent
(`task` tool) has a session of its own and names its parent in `x-parent-session-id`.
"""

from __future__ import annotations

from gateway.harnesses._jsonc_providers import opencode_style
from gateway.harnesses.contract import LIKELY, NO, PROVEN, Harness, Shape, Sign, by_signs

TOOLS = frozenset({"bash", "edit", "glob", "grep", "read", "todowrite", "webfetch", "write"})

SIGNS = (
    Sign("title", "head", (b"You are a title generator",), "system text asks for a thread title"),
    Sign("compaction", "head", (b"You are a context summarization agent",), "system text of its compaction agent"),
    Sign("compaction", "head", (b"tasked with summarizing conversations",), "system text of its compaction agent"),
    Sign("summary", "head", (b"Summarize what was done in this conversation",), "system text of its summary agent"),
)


def recognise(shape: Shape) -> int:
    if shape.product[0] == "opencode":
        return PROVEN
    if b"You are opencode" in shape.head:
        return PROVEN
    return LIKELY if shape.tools >= TOOLS and b"x-session-affinity" in shape.headers else NO


HARNESS = Harness(
    name="opencode",
    title="OpenCode",
    recognise=recognise,
    call=by_signs(SIGNS),
    version=lambda shape: shape.product[1] if shape.product[0] == "opencode" else "",
    cache_key_is_session=True,
    connect=opencode_style(
        ((".config/opencode/opencode.json", ".config/opencode/opencode.jsonc", ".config/opencode/config.json"),),
        schema="https://opencode.ai/config.json",
    ),
)
_: Harness = HARNESS
