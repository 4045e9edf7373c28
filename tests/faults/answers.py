"""Good answers of an upstream, what is made of them, and the HTTP around both. Nothing here opens a socket or sleeps."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Expect = Literal["whole", "broken", "either"]
"""whole: everything arrives, so a gateway that fails the request loses it needlessly. broken: content is missing, so a
gateway that ends the answer well lies. either: both can be right (it depends on sizes, limits or what the client asked for)."""


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Reset:
    """The connection is dropped."""


@dataclass(frozen=True)
class Flood:
    """`size` bytes of `what`, as long as somebody takes them."""

    what: bytes
    size: int


Step = bytes | Pause | Reset | Flood


@dataclass(frozen=True)
class Good:
    """A good answer: `pieces` are SSE events of a stream, or the one body of a whole reply. `end` is the index of the event
    from which the reply is complete in content (finish_reason, message_delta, response.completed)."""

    dialect: str
    stream: bool
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    pieces: tuple[bytes, ...]
    content: tuple[int, ...] = ()
    """Indexes of events with text, reasoning or arguments."""
    calls: tuple[int, ...] = ()
    end: int = 0


@dataclass
class Played:
    """`hangs`: the answer never ends by itself. `structure`: the vendor broke the grammar of its own dialect, which a
    pass-through forwards: a strict reader may complain."""

    name: str
    steps: list[Step]
    expect: Expect
    keep: bool = True
    structure: bool = False
    big: bool = False
    notes: dict[str, object] = field(default_factory=dict)


# --- framing -----------------------------------------------------------------------------------------------------

REASONS = {200: b"OK", 400: b"Bad Request", 429: b"Too Many Requests"}


def head(
    good: Good, framing: str, *, length: int | None = None, drop: bytes = b"", add: tuple[bytes, ...] = ()
) -> bytes:
    lines = [b"HTTP/1.1 %d %s" % (good.status, REASONS.get(good.status, b"Status"))]
    lines += [name + b": " + value for name, value in good.headers if name != drop and name != b"content-length"]
    lines += add
    if framing == "chunked":
        lines.append(b"transfer-encoding: chunked")
    elif framing == "length":
        size = sum(map(len, good.pieces)) if length is None else length
        lines.append(b"content-length: %d" % size)
    else:
        lines.append(b"connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST = b"0\r\n\r\n"


def framed(
    good: Good, body: list[Step], *, ends: bool = True, framing: str | None = None, **more: object
) -> list[Step]:
    """The whole answer around `body`. `ends`: the body is closed as HTTP wants."""
    framing = framing or ("chunked" if good.stream else "length")
    if framing == "length" and "length" not in more:
        more["length"] = sum(len(step) for step in body if isinstance(step, bytes))
    out: list[Step] = [head(good, framing, **more)]  # type: ignore[arg-type]
    out += [chunk(step) if framing == "chunked" and isinstance(step, bytes) and step else step for step in body]
    if framing == "chunked" and ends:
        out.append(LAST)
    if framing == "close" and ends:
        out.append(b"")
    return out


def whole(name: str, good: Good, body: list[Step], expect: Expect = "whole", **more: object) -> Played:
    framing = more.get("framing")
    return Played(name, framed(good, body, **more), expect, keep=framing != "close")  # type: ignore[arg-type]


def text_of(good: Good) -> bytes:
    return b"".join(good.pieces)


# --- accidents ---------------------------------------------------------------------------------------------------

Make = Callable[[random.Random, Good], Played]
"""An accident: takes a good answer and a random source, gives the writes of the whole HTTP answer, and what may be expected of
a gateway that receives it."""


class Kind(dict[str, tuple[float, Make]]):
    """Accidents of one kind, each with its weight, in the order of their definition: seeds count on it."""

    def accident(self, weight: float) -> Callable[[Make], Make]:
        def note(make: Make) -> Make:
            self[make.__name__] = (weight, make)
            return make

        return note


def none(rng: random.Random, good: Good) -> Played:
    return whole("none", good, list(good.pieces))
