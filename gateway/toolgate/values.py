"""What the gate is told, and what becomes of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from gateway.errors import PolicyDenied
from gateway.ir import request as ir
from gateway.ir.events import Delta, Event
from policies.verdict import ToolCall, Verdict

Form = Literal["text", "shim", "retry", "error"]
"""How a refusal reaches the client. text: the call is removed and the reason stands as the assistant's text. shim: a shell
call becomes a harmless command that prints the reason and fails. retry: the model is asked again (only while nothing of the
turn has reached the client, and only if every call of it is refused). error: the turn ends with an error."""

HELD_BYTES_MAX: Final = 4 << 20
"""Calls under way in one stream; a written file of this size is beyond every model's output limit. More is refused."""
HELD_S_MAX: Final = 1800.0
"""A call must be complete by then: 30k tokens of a written file at 20 a second."""
JUDGE_S_MAX: Final = 900.0
"""A verdict must be there by then, otherwise the call is refused. The judge has limits of its own for hooks and for people
who are asked; this is the last one, for a judge that hangs."""
RETRIES_MAX: Final = 2


@dataclass(frozen=True, slots=True)
class Manner:
    """How a client is refused, unless the verdict says it. `form_other` where a shim is not possible, and for what `retry`
    falls back to. Limits in bytes and seconds; at each of them a call is refused, never released."""

    form: Form = "shim"
    form_other: Literal["text", "error"] = "text"
    held_bytes: int = HELD_BYTES_MAX
    held_s: float = HELD_S_MAX
    judge_s: float = JUDGE_S_MAX
    retries: int = RETRIES_MAX


DEFAULT_MANNER: Final = Manner()


@dataclass(frozen=True, slots=True)
class Complete:
    """A call that is whole. `wire` are its arguments as they came; `wrapped`: the judge sees the free text inside them;
    `part` is the call in neutral form, None for a vendor's own item."""

    call: ToolCall
    wire: bytes
    wrapped: bool = False
    part: ir.ToolCall | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of one call. `form` None: it is released. `arguments`: the client gets these instead of its own (a
    rewrite, or a shim). `text` is what the client reads in its place. `wire` are the arguments as the model sent them."""

    call: ToolCall
    verdict: Verdict
    form: Form | None = None
    arguments: bytes | None = None
    text: str = ""
    wire: bytes = b""
    part: ir.ToolCall | None = None

    @property
    def gone(self) -> bool:
        """The client never sees the call."""
        return self.form is not None and self.arguments is None

    @property
    def untouched(self) -> bool:
        return self.form is None and self.arguments is None

    @property
    def out(self) -> bytes:
        """The arguments that the client gets."""
        return self.wire if self.arguments is None else self.arguments


class Item(msgspec.Struct, frozen=True):
    """Something held: one raw event of the upstream with what it means, and the blocks of the calls it is about. `call`: it
    holds something of a call, even where that has no block yet. `framed`: it is nothing but pieces of its one call, of
    several events. Without `raw` only the events count."""

    raw: bytes
    events: Sequence[Event] = ()
    blocks: frozenset[int] = frozenset()
    call: bool = False
    framed: bool = False

    @property
    def spare(self) -> bool:
        """Nothing but pieces of calls: of no use where the calls will not be released."""
        return self.call and all(isinstance(event, Delta) for event in self.events)


Rulings = Mapping[int, Ruling]
"""By block, in the order of the blocks."""


class TurnRefused(Exception):
    """Every call of the turn was refused, in the form `retry`, and nothing of it has reached the client: the model may be
    told and asked again."""

    def __init__(self, rulings: Sequence[Ruling]) -> None:
        super().__init__("every tool call of the turn was refused")
        self.rulings = tuple(rulings)


def answered(rulings: Sequence[Ruling], thoughts: Sequence[ir.Reasoning]) -> tuple[ir.Message, ...]:
    """What the conversation goes on with when the model is asked again: its own refused turn (with its thoughts, which some
    vendors insist on) and a failed result for each call."""
    calls = tuple(ruling.part for ruling in rulings if ruling.part is not None)
    results = tuple(
        ir.ToolResult(ruling.part.id, (ir.Text(ruling.text),), True, ruling.part.kind, ruling.part.name)
        for ruling in rulings
        if ruling.part is not None
    )
    return ir.Message("assistant", (*thoughts, *calls)), ir.Message("tool", results)


def denied(ruling: Ruling) -> PolicyDenied:
    return PolicyDenied(ruling.text)
