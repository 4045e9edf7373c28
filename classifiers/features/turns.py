"""A conversation as features see it: who said, called or answered what, in order; no wire dialect, no harness. Pure.

Whoever has a request builds this value (the gateway from any dialect, training from its rows). The system text and the
number of tools have no place in it, so they cannot be read by accident. Texts may be cut by the builder to the bounds named
here: nothing beyond them is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from msgspec import Struct

Kind = Literal["human", "agent", "call", "result"]
"""`human`: a text in the human's role, machine-made parts still in it. `agent`: a text of the model. `call`: a tool call of
the model. `result`: what a tool answered."""

HUMAN_CHARS: Final = 16_000
"""Read of a human text; what follows is pasted material."""
AGENT_CHARS: Final = 4_000
ARGUMENTS_CHARS: Final = 16_000
"""Of a call's arguments: paths and commands stand before long contents in all but one tool seen."""
RESULT_CHARS: Final = 2_000
"""Of a result, its first and its last half of this."""
TURNS_MAX: Final = 4_000
"""Turns read of a conversation, the last ones."""


class Turn(Struct, frozen=True):
    """`tool` is the tool's name as the harness calls it; `arguments` its arguments as JSON text (free text for custom
    tools). `id` ties a result to its call where the dialect has one. `is_error` is the harness's own flag. `images`:
    pictures beside a text."""

    kind: Kind
    text: str = ""
    tool: str = ""
    arguments: str = ""
    id: str = ""
    is_error: bool = False
    images: int = 0


@dataclass(frozen=True, slots=True)
class Conversation:
    """`tools` are the names on offer: read as a set of abilities, never counted."""

    turns: tuple[Turn, ...]
    tools: tuple[str, ...] = ()


def ends(text: str, chars: int) -> str:
    """The first and last half of `chars` characters of a text."""
    half = chars // 2
    return text if len(text) <= chars else f"{text[:half]}\n{text[-half:]}"
