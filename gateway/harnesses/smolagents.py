"""smolagents: chat, not streaming, `tool_choice: required`; no session id; its SDK's user agent.

Seen: 1.26.0 (clients.md 1-3). Planning steps are calls without tools under the same task; they need the model's best, so
they stay `main`.
"""

from __future__ import annotations

import re

from gateway.harnesses.contract import LIKELY, NO, PROVEN, Harness, Shape
from gateway.reading import human_words

HEADS = (
    b"You are an expert assistant who can solve any task using tool calls",
    b"You are an expert assistant who can solve any task using code blobs",
)
_NEW_TASK = re.compile(r"\A\s*New task:\s*", re.IGNORECASE)


def recognise(shape: Shape) -> int:
    if any(head in shape.head for head in HEADS):
        return PROVEN
    return LIKELY if "final_answer" in shape.tools else NO


HARNESS = Harness(
    name="smolagents",
    title="smolagents",
    recognise=recognise,
    human=lambda text: human_words(_NEW_TASK.sub("", text)),
)
_: Harness = HARNESS
