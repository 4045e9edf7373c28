"""Claude Code: Messages; session and agent headers; a probe of one token; titles, topics and command checks on the side.

From the published gateway contract (code.claude.com, 2026-08-22: protocols.md 1.6) and from what public proxies recognise
in its requests; its own source was not looked at. `metadata.user_id` is sent by every version.
"""

from __future__ import annotations

from gateway.harnesses._claude_config import CONNECT
from gateway.harnesses.contract import LIKELY, NO, PROVEN, TOLD, Found, Harness, Shape, Sign, by_signs

TOPIC = b"Analyze if this message indicates a new conversation topic"

SIGNS = (
    Sign("title", "head", (TOPIC, b"isNewTopic"), "system text asks for topic and title"),
    Sign("title", "head", (b"Generate a concise, sentence-case title",), "system text asks for a session title"),
    Sign("title", "last", (b"Please write a 5-10 word title",), "asks for a title of the conversation"),
    Sign(
        "summary", "head", (b"Summarize this coding conversation in under 50 characters",), "asks for a short summary"
    ),
    Sign("summary", "head", (b"Extract any file paths that this command reads",), "reads file paths from a command"),
    Sign("safety", "first", (b"policy_spec",), "its command check"),
    Sign("safety", "head", (b"Your task is to process Bash commands",), "its command check"),
    Sign("compaction", "head", (b"tasked with summarizing conversations",), "system text of its compaction", None),
)
_signs = by_signs(SIGNS)
COMPACTION = "Your task is to create a detailed summary of the conversation so far"
PROBE_WORDS = (b'"quota"', b'"count"', b'"test"', b'"foo"')


def recognise(shape: Shape) -> int:
    if b"x-claude-code-session-id" in shape.headers or b"You are Claude Code" in shape.head:
        return PROVEN
    name, version = shape.product
    if name == "claude-cli":
        return NO if version.startswith("0.") else TOLD
    if "claude-code" in shape.header(b"anthropic-beta"):
        return TOLD
    return LIKELY if "_account_" in (shape.view.user_id or "") and "_session_" in (shape.view.user_id or "") else NO


def call(shape: Shape) -> Found | None:
    found = _signs(shape)
    if found is not None:
        return found
    if shape.view.max_output_tokens == 1 and not shape.tools and any(word in shape.last for word in PROBE_WORDS):
        return "probe", "one token asked for, as its quota check does"
    # The request for compaction comes as the last user message, after the whole conversation and with the tools.
    if shape.last_role == "user" and COMPACTION.encode() in shape.last:
        return "compaction", "asks for its summary of the conversation"
    return None


HARNESS = Harness(
    name="claude-code",
    title="Claude Code",
    recognise=recognise,
    call=call,
    version=lambda shape: shape.product[1] if shape.product[0] == "claude-cli" else "",
    connect=CONNECT,
)
_: Harness = HARNESS
