"""Kilo CLI: a relative of OpenCode; its title call carries the session id with the prefix `title-`.

Seen: 7.7.2, chat (clients.md 1 and 3.3; run against a logging server for the user agent and the tool set). User messages
end with an `<environment_details>` block.
"""

from __future__ import annotations

from gateway.harnesses._jsonc_providers import opencode_style
from gateway.harnesses.contract import LIKELY, NO, PROVEN, Harness, Shape, Sign, by_signs

SIGNS = (
    Sign("title", "head", (b"You are a title generator",), "system text asks for a thread title"),
    Sign(
        "compaction", "head", (b"context summarization assistant for coding sessions",), "system text of its compaction"
    ),
    Sign("compaction", "head", (b"You are a context summarization agent",), "system text of its compaction"),
    Sign(
        "commit_message",
        "head",
        (b"commit message generator", b"commit messages"),
        "system text asks for a commit message",
    ),
)


def recognise(shape: Shape) -> int:
    if shape.product[0] in ("kilo-code", "kilo"):
        return PROVEN
    if shape.header(b"x-title") == "Kilo Code" or b"You are Kilo" in shape.head:
        return PROVEN
    return LIKELY if "kilo_local_recall" in shape.tools else NO


HARNESS = Harness(
    name="kilo",
    title="Kilo CLI",
    recognise=recognise,
    call=by_signs(SIGNS),
    version=lambda shape: shape.product[1] if shape.product[0].startswith("kilo") else "",
    cache_key_is_session=True,
    session_prefixes=("title-",),
    connect=opencode_style(
        (
            (
                ".config/kilo/kilo.json",
                ".config/kilo/kilo.jsonc",
                ".config/kilo/opencode.json",
                ".config/kilo/opencode.jsonc",
                ".config/kilo/config.json",
            ),
        ),
        schema=None,
    ),
)
_: Harness = HARNESS
