"""qwen-code: chat, Messages and Responses; on Messages its user agent is claude-cli with its own version.

Seen: 0.24.4 (clients.md 1-3); the texts of its side queries read from the installed open-source package. It asks much on
its own: titles, compression, memory extraction (a small agent of four tools, after the answer), a two-stage permission
classifier, recall and next-speaker queries.
"""

from __future__ import annotations

import re

from gateway.harnesses._jsonc_providers import QWEN_CONNECT
from gateway.harnesses.contract import LIKELY, NO, PROVEN, TOLD, Harness, Shape, Sign, by_signs

OWN_TOOLS = frozenset({"run_shell_command", "grep_search", "tool_call", "list_agents"})

TITLE = b"captures what this programming-assistant session is about"
COMPRESSION = b"the component that summarizes a conversation when its context window is about to overflow"
CLASSIFIER = b"You are a security classifier for an AI coding agent operating in auto mode"
MEMORY = (
    b"managed memory extraction subagent",
    b"You are performing a managed memory dream",
    b"You are selecting memories that will be useful to an AI coding assistant",
)
SUBAGENTS = (
    b"You are a general-purpose subagent working for a parent agent",
    b"You are a file search specialist",
)
OWN_HEADS = (TITLE, COMPRESSION, CLASSIFIER, *MEMORY, SUBAGENTS[0])

SIGNS = (
    Sign("title", "head", (TITLE,), "system text asks for a session title"),
    Sign("compaction", "head", (COMPRESSION,), "system text of its compression", None),
    Sign("safety", "head", (CLASSIFIER,), "its permission classifier", None),
    # The memory writer has tools and several turns, yet it is housekeeping: nobody waits for it.
    Sign("summary", "head", MEMORY, "its memory writer", None),
    Sign("summary", "first", (b"You are a specialized context summarizer",), "asks for its project summary"),
    Sign("subagent", "head", SUBAGENTS, "system text of its sub-agents", None),
)


def recognise(shape: Shape) -> int:
    name, version = shape.product
    if name == "qwencode" or b"You are Qwen Code" in shape.head or any(text in shape.head for text in OWN_HEADS):
        return PROVEN
    if name == "claude-cli" and version.startswith("0.") and not shape.view.user_id:
        # Claude Code has been past version 0 since 2025 and always sends metadata.user_id.
        return PROVEN if b"x-claude-code-session-id" not in shape.headers else NO
    if shape.tools >= OWN_TOOLS:
        return TOLD
    return LIKELY if {"run_shell_command", "grep_search"} <= shape.tools and "tool_call" in shape.tools else NO


def _version(shape: Shape) -> str:
    return shape.product[1] if re.fullmatch("qwencode|claude-cli", shape.product[0]) else ""


HARNESS = Harness(
    name="qwen-code",
    title="qwen-code",
    recognise=recognise,
    call=by_signs(SIGNS),
    version=_version,
    cache_key_is_session=True,
    connect=QWEN_CONNECT,
)
_: Harness = HARNESS
