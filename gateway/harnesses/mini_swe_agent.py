"""mini-swe-agent: chat, not streaming, one tool (`bash`); no session id; litellm's or its SDK's user agent.

Seen: 2.4.6 (clients.md 1-3). The task is the first user message, wrapped in instructions.
"""

from __future__ import annotations

import re

from gateway.harnesses.contract import LIKELY, NO, PROVEN, Harness, Shape
from gateway.reading import human_words

MARK = b"COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
_TASK = re.compile(r"\A\s*Please solve this issue:\s*(.*?)\n+\s*You can execute bash commands", re.DOTALL)


def recognise(shape: Shape) -> int:
    if MARK in shape.first and b"Please solve this issue" in shape.first:
        return PROVEN
    return LIKELY if shape.tools == {"bash"} and b"assistant that can interact with a computer" in shape.head else NO


def human(text: str) -> str:
    """The issue without the instructions around it."""
    found = _TASK.match(text)
    return human_words(found[1] if found else text)


HARNESS = Harness(name="mini-swe-agent", title="mini-swe-agent", recognise=recognise, human=human)
_: Harness = HARNESS
