"""Aider: chat without tools, edits as text; no session id and its SDK's user agent, so its words tell it.

Seen: 0.86.2 with the edit formats diff and whole (clients.md 1-3); prompts of the other formats, of commit messages and of
history summaries read from the installed open-source package. A conversation begins with example exchanges, and the edit
rules are appended to the human's latest message: `human` takes both away.
"""

from __future__ import annotations

import re

from gateway.harnesses._aider_config import CONNECT
from gateway.harnesses.contract import LIKELY, NO, PROVEN, Harness, Shape, Sign, by_signs
from gateway.reading import human_words

ROLES = (
    b"Act as an expert software developer.",
    b"Act as an expert code analyst.",
    b"Act as an expert architect engineer",
    b"Act as an expert software engineer ",
)
COMMIT = b"concise, one-line Git commit messages based on the provided diffs"
SUMMARY = b"summarize this partial conversation about programming"

SIGNS = (
    Sign("commit_message", "head", (COMMIT,), "system text asks for a commit message"),
    Sign("summary", "head", (SUMMARY,), "system text of its history summary"),
    Sign("summary", "first", (SUMMARY,), "system text of its history summary"),
)

_RULES = re.compile(
    r"\n+(?:# \*SEARCH/REPLACE block\* Rules:|To suggest changes to a file you MUST|# File editing rules:"
    r"|Reply in \w+\.\s*\Z|Just tell me how to edit the files)",
)
_SYNTHETIC = (
    "I switched to a new code base.",
    "I am not sharing any",
    "I have *added",
    "Here are summaries of some files",
    "Here are some READ ONLY files",
    "Here are READ ONLY files",
    "I spoke to you previously about",
    "I ran this command:",
    # The example exchanges of its edit formats.
    "Change get_factorial()",
    "Refactor hello() into its own file",
    "Change the greeting to be more casual",
)


def recognise(shape: Shape) -> int:
    if shape.tools or shape.dialect != "chat":
        return NO
    if COMMIT in shape.head or SUMMARY in shape.head:
        return PROVEN
    if shape.product[0] == "aider":
        return PROVEN
    if not any(role in shape.head for role in ROLES):
        return NO
    return PROVEN if shape.user_agent.startswith(("OpenAI/", "litellm", "AsyncOpenAI/")) else LIKELY


def human(text: str) -> str:
    """The ask without the edit rules behind it; "" for Aider's own turns."""
    text = text.lstrip()
    if text.startswith(_SYNTHETIC):
        return ""
    return human_words(_RULES.split(text, maxsplit=1)[0])


HARNESS = Harness(
    name="aider",
    title="Aider",
    recognise=recognise,
    call=by_signs(SIGNS),
    human=human,
    refusal="text",  # it runs no tools, so nobody would print a shim
    connect=CONNECT,
)
_: Harness = HARNESS
