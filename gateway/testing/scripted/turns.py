"""What the scripted model says, free of any dialect: parts of one assistant turn and its figures.

Knows nothing of HTTP or of a wire format; the renderers (`chat`, `responses`, `messages`) turn a `Turn` into bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Dialect: TypeAlias = Literal["chat", "responses", "messages"]
Profile: TypeAlias = Literal["plain", "anthropic", "deepseek", "openai", "vllm"]
Finish: TypeAlias = Literal["stop", "tool", "length", "filter", "refusal"]

DIALECTS: tuple[Dialect, ...] = ("chat", "responses", "messages")
PROFILES: tuple[Profile, ...] = ("plain", "anthropic", "deepseek", "openai", "vllm")


@dataclass(frozen=True, slots=True)
class Text:
    """Plain answer text."""

    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in the vendor's own field, not as plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """A piece of reasoning. `signature` None: the server mints one where the vendor would; "" sends none at all."""

    text: str
    signature: str | None = None
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `arguments` as text goes out as it is (broken JSON too). `id` None: minted; "": the field is missing.

    `custom`: a Responses custom tool, whose input is free text. `namespace`: the Responses namespace that holds it.
    """

    name: str
    arguments: Mapping[str, object] | str
    id: str | None = None
    custom: bool = False
    namespace: str | None = None

    @property
    def arguments_text(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments, ensure_ascii=False)


Part: TypeAlias = Text | Refusal | Thinking | Call


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one answer. `input` counts everything that was read, `cached` and `written` are parts of it;
    `reasoning` is a part of `output`."""

    input: int
    output: int
    cached: int = 0
    written: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One scripted answer. `finish` None is derived from the parts, `tokens` None is estimated from the request.

    `fault` names one entry of `faults.FAULTS` for this turn alone. `raw` replaces the body with these bytes, one write
    each, whatever the dialect; `status` and `headers` go with it.
    """

    parts: tuple[Part, ...] = ()
    finish: Finish | None = None
    tokens: Tokens | None = None
    fault: str | None = None
    raw: tuple[bytes, ...] | None = None
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()
    label: str = "scripted"

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(part for part in self.parts if isinstance(part, Call))

    @property
    def ending(self) -> Finish:
        if self.finish is not None:
            return self.finish
        return "tool" if self.calls else "stop"


def say(text: str, *, label: str = "scripted") -> Turn:
    """A turn of plain text."""
    return Turn(parts=(Text(text),), label=label)


def call(name: str, **arguments: object) -> Turn:
    """A turn of one tool call."""
    return Turn(parts=(Call(name, arguments),), label="tool_call")


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence of `seconds` between two writes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is dropped here, without any goodbye."""


Step: TypeAlias = bytes | Pause | Cut


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer as a plan of writes. `whole`: a body of known length; otherwise it is sent as it comes, chunked
    or, when `unframed`, ended by the end of the connection alone."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    steps: tuple[Step, ...]
    whole: bool
    delay_s: float = 0.0
    unframed: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(step for step in self.steps if isinstance(step, bytes))
