"""What can happen to an upstream's answer, as functions from good bytes to bad ones.

An accident takes a good answer (`Good`) and a random source and gives `Played`: the writes of the whole HTTP answer, and
what may be expected of a gateway that receives it. Nothing here opens a socket or sleeps.
"""

from __future__ import annotations

import gzip
import random
import zlib
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


# --- the accidents -----------------------------------------------------------------------------------------------

Make = Callable[[random.Random, Good], Played]
ACCIDENTS: dict[str, tuple[float, Make]] = {}


def accident(weight: float) -> Callable[[Make], Make]:
    def note(make: Make) -> Make:
        ACCIDENTS[make.__name__] = (weight, make)
        return make

    return note


def choose(rng: random.Random, good: Good, only: str | None = None) -> Played:
    """A random accident; `only`: this one."""
    if only is not None:
        name = only
    else:
        names = list(ACCIDENTS)
        name = rng.choices(names, [ACCIDENTS[n][0] for n in names])[0]
    return ACCIDENTS[name][1](rng, good)


@accident(14)
def none(rng: random.Random, good: Good) -> Played:
    return whole("none", good, list(good.pieces))


# Before the head.


@accident(2)
def silent_close(rng: random.Random, good: Good) -> Played:
    return Played("silent_close", [], "broken", keep=False)


@accident(2)
def reset(rng: random.Random, good: Good) -> Played:
    return Played("reset", [Reset()], "broken", keep=False)


@accident(2)
def hang_before_head(rng: random.Random, good: Good) -> Played:
    return Played("hang_before_head", [Pause(5000)], "broken", keep=False)


@accident(2)
def slow_head(rng: random.Random, good: Good) -> Played:
    return Played("slow_head", [Pause(rng.uniform(0.1, 8)), *framed(good, list(good.pieces))], "whole")


@accident(1)
def half_head(rng: random.Random, good: Good) -> Played:
    first = head(good, "chunked")
    cut = rng.randrange(1, len(first))
    last = rng.choice([Reset(), Pause(5000)])
    return Played("half_head", [first[:cut], last], "broken", keep=False)


@accident(1)
def no_http(rng: random.Random, good: Good) -> Played:
    words = rng.choice([b"SSH-2.0-OpenSSH_9.9\r\n", b"\x16\x03\x01\x02\x00\x01", b"HTTP/9.9 abc\r\n\r\n", b"\x00" * 64])
    return Played("no_http", [words, Pause(1)], "broken", keep=False)


@accident(0.7)
def odd_head(rng: random.Random, good: Good) -> Played:
    body = text_of(good)
    odd = {
        "both lengths": head(good, "chunked", add=(b"content-length: 5",)) + chunk(body) + LAST,
        "101": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        "huge": b"HTTP/1.1 200 OK\r\n" + b"x-pad: " + b"y" * 200_000 + b"\r\n\r\n",
        "many": b"HTTP/1.1 200 OK\r\n" + b"x-pad: y\r\n" * 5000 + b"\r\n",
        "two lengths": head(good, "length", length=7, add=(b"content-length: 9",)) + body,
    }
    kind = rng.choice(list(odd))
    return Played(f"odd_head: {kind}", [odd[kind], Pause(1)], "broken", keep=False)


@accident(0.7)
def interim(rng: random.Random, good: Good) -> Played:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * rng.randint(1, 3)
    return Played("interim", [early, *framed(good, list(good.pieces))], "whole")


# The body: time.


@accident(2)
def hang_after_head(rng: random.Random, good: Good) -> Played:
    return Played("hang_after_head", [framed(good, list(good.pieces))[0], Pause(5000)], "broken", keep=False)


@accident(3)
def stall(rng: random.Random, good: Good) -> Played:
    body = list(good.pieces)
    cut = _inside(rng, good)
    return Played("stall", [*_first(framed(good, body), _cut(body, cut), good), Pause(5000)], "broken", keep=False)


@accident(2)
def pauses(rng: random.Random, good: Good) -> Played:
    body: list[Step] = []
    for piece in good.pieces:
        if rng.random() < 0.2:
            body.append(Pause(rng.uniform(0.01, 0.8)))
        body.append(piece)
    return whole("pauses", good, body)


@accident(2)
def trickle(rng: random.Random, good: Good) -> Played:
    data = text_of(good)
    start = rng.randrange(len(data) + 1)
    slow = data[start : start + 60]
    body: list[Step] = [data[:start]] if start else []
    for at in range(len(slow)):
        body += [slow[at : at + 1], Pause(0.05)]
    if rest := data[start + 60 :]:
        body.append(rest)
    return whole("trickle", good, body)


@accident(3)
def repacked(rng: random.Random, good: Good) -> Played:
    """The same bytes in other pieces, framing included, so that cuts fall anywhere."""
    data = b"".join(step for step in framed(good, [text_of(good)]) if isinstance(step, bytes))
    steps: list[Step] = []
    while data:
        size = rng.choice([1, 2, 3, 7, 50, 400, 5000])
        steps.append(data[:size])
        data = data[size:]
    return Played("repacked", steps, "whole")


# The body: cuts.


def _inside(rng: random.Random, good: Good, where: str | None = None) -> tuple[int, int]:
    """A place to cut: (index of the event, bytes of it that still come)."""
    where = where or rng.choice(["event", "character", "call", "boundary"])
    last = max(0, good.end)
    if where == "character":
        places = [
            (index, at)
            for index, piece in enumerate(good.pieces)
            if index <= last
            for at, byte in enumerate(piece)
            if 0x80 <= byte < 0xC0
        ]
        if places:
            return rng.choice(places)
    if where == "call" and good.calls:
        index = rng.choice(good.calls)
        return index, rng.randrange(1, len(good.pieces[index]))
    if where == "boundary" and last:
        return rng.randint(0, last), 0
    index = rng.randint(0, last)
    # Never the whole event, nor all of it but the closing blank line: that would be complete.
    return index, rng.randrange(0, max(1, len(good.pieces[index]) - 3))


def _cut(body: list[bytes], cut: tuple[int, int]) -> list[Step]:
    index, size = cut
    pieces: list[Step] = list(body[:index])
    if size:
        pieces.append(body[index][:size])
    return pieces


def _first(full: list[Step], pieces: list[Step], good: Good) -> list[Step]:
    """The head of a full answer, then only these pieces of its body."""
    return [full[0], *(chunk(p) if good.stream and isinstance(p, bytes) else p for p in pieces)]


@accident(8)
def cut(rng: random.Random, good: Good) -> Played:
    """In the middle of an event, of a character, of a tool call, or between two events: by a reset or a close."""
    pieces = _cut(list(good.pieces), _inside(rng, good))
    ending: list[Step] = rng.choice([[Reset()], []])
    steps = [*_first(framed(good, list(good.pieces)), pieces, good), Pause(0.01), *ending]
    return Played("cut", steps, "broken", keep=False)


@accident(4)
def short(rng: random.Random, good: Good) -> Played:
    """As `cut`, but HTTP says that all is well."""
    pieces = _cut(list(good.pieces), _inside(rng, good))
    return whole("short", good, pieces, "broken", framing=rng.choice(["chunked", "length", "close"]))


@accident(2)
def unframed(rng: random.Random, good: Good) -> Played:
    """A body that ends with its connection."""
    return whole("unframed", good, list(good.pieces), framing="close")


@accident(1)
def lying_length(rng: random.Random, good: Good) -> Played:
    size = len(text_of(good))
    if rng.random() < 0.5:
        played = whole("longer length", good, list(good.pieces), "either", framing="length", length=size + 50)
    else:
        played = whole("shorter length", good, list(good.pieces), "either", framing="length", length=size * 2 // 3)
    played.keep = False
    return played


@accident(1)
def bad_chunk(rng: random.Random, good: Good) -> Played:
    steps = framed(good, list(good.pieces), framing="chunked")
    at = rng.randrange(1, len(steps))
    steps[at:] = [rng.choice([b"zz\r\nabc\r\n", b"-5\r\n", b"ffffffffffffffff1\r\n", b"5\r\nabcdefgh\r\n"]), Pause(1)]
    return Played("bad_chunk", steps, "either", keep=False)


@accident(1)
def excess(rng: random.Random, good: Good) -> Played:
    steps = framed(good, list(good.pieces))
    return Played("excess", [*steps, b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhey"], "whole", keep=False)


# The body: what is said.


def _between(rng: random.Random, good: Good, what: list[bytes], *, first: bool = False) -> list[Step]:
    """`what` before a random event up to the end of content; `first`: also as the very first."""
    at = rng.randint(0 if first else min(1, good.end), max(good.end, 0))
    return [*good.pieces[:at], *what, *good.pieces[at:]]


@accident(4)
def malformed(rng: random.Random, good: Good) -> Played:
    bad = rng.choice(
        [
            b'data: {"choices": [{"delta": {"conte\n\n',
            b"data: <html>oops</html>\n\n",
            b'data: {"note": "\xff\xfe\xc3"}\n\n',
            b"data: [1, 2\n\n",
            b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": "x"\n\n',
            b"data: " + b"[" * 100_000 + b"\n\n",
        ]
    )
    if not good.stream:
        body = text_of(good)
        cut = rng.randrange(1, len(body))
        return whole(
            "malformed", good, [rng.choice([body[:cut], b"", b"null", b"[]", b'"x"', b"<html>", b"\xff\xfe"])], "broken"
        )
    return whole(
        f"malformed: {bad[:40]!r}",
        good,
        _between(rng, good, [bad], first=True),
        "either" if b"note" in bad else "broken",
    )


@accident(2)
def odd_but_fine(rng: random.Random, good: Good) -> Played:
    """Comments, pings, unknown event types, blank lines, other line ends: nothing that a reader stumbles over."""
    if not good.stream:
        return whole("odd_but_fine", good, [b" \n", *good.pieces, b"\r\n"])
    kind = rng.randrange(4)
    if kind == 0:
        return whole("crlf", good, [piece.replace(b"\n", b"\r\n") for piece in good.pieces])
    if kind == 1:
        return whole("no_space", good, [piece.replace(b"data: ", b"data:", 1) for piece in good.pieces])
    extra = rng.choice([b": keep-alive\n\n", b"\n\n", b": a\n: b\n\n"])
    return whole("comments", good, _between(rng, good, [extra] * rng.randint(1, 5), first=True))


@accident(4)
def error_event(rng: random.Random, good: Good) -> Played:
    error = _error_event(good.dialect)
    if not good.stream:
        body = error.partition(b"data: ")[2].strip()
        return whole("error_event", good, [body], "broken")
    at = rng.choice([0, min(1, good.end), rng.randint(0, good.end)])
    more = list(good.pieces[at:]) if rng.random() < 0.4 else []
    return whole("error_event", good, [*good.pieces[:at], error, *more], "broken")


def _error_event(dialect: str) -> bytes:
    if dialect == "messages":
        return b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    if dialect == "responses":
        return (
            b'event: response.failed\ndata: {"type":"response.failed","sequence_number":9999,"response":{"id":"resp_f",'
            b'"object":"response","status":"failed","error":{"code":"server_error","message":"sorry"},"output":[]}}\n\n'
        )
    return b'data: {"error":{"message":"sorry","type":"server_error","param":null,"code":null}}\n\n'


@accident(2)
def after_the_end(rng: random.Random, good: Good) -> Played:
    """A terminal event twice, content after it, or a whole second answer."""
    if not good.stream:
        return whole("after_the_end", good, [*good.pieces, b" "])
    more = rng.choice(
        [[good.pieces[-1]], list(good.pieces[good.content[0] :]) if good.content else [], list(good.pieces)]
    )
    return whole("after_the_end", good, [*good.pieces, *more])


@accident(2)
def no_terminal(rng: random.Random, good: Good) -> Played:
    """The closing event is missing. A chat or Messages reply that has told why it ended is complete without."""
    if not good.stream:
        return none(rng, good)
    expect: Expect = "broken" if good.dialect == "responses" else "either"
    return whole("no_terminal", good, list(good.pieces[:-1]), expect, framing=rng.choice(["chunked", "close"]))


@accident(2)
def no_finish(rng: random.Random, good: Good) -> Played:
    """Nothing says why it ended."""
    if not good.stream:
        return none(rng, good)
    keep = good.pieces[: good.end]
    if good.dialect != "chat":
        return whole("no_finish", good, [*keep], "broken")
    # [DONE] says that all was said, and some servers say nothing else: passed on as it is.
    played = whole("no_finish", good, [*keep, good.pieces[-1]], "either")
    played.structure = True
    return played


@accident(2)
def wrong_type(rng: random.Random, good: Good) -> Played:
    kind = rng.choice([b"text/html", b"application/octet-stream", b"", b"application/json", b"text/event-stream"])
    drop = b"content-type"
    add = (b"content-type: " + kind,) if kind else ()
    played = whole("wrong_type", good, list(good.pieces), "either", drop=drop, add=add)
    played.notes["type"] = kind
    return played


@accident(1)
def structure(rng: random.Random, good: Good) -> Played:
    """An event is missing, stands twice, or in the wrong place."""
    if not good.stream or len(good.pieces) < 4:
        return none(rng, good)
    pieces = list(good.pieces)
    at = rng.randrange(len(pieces) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        del pieces[at]
    elif kind == 1:
        pieces.insert(at, pieces[at])
    else:
        pieces[at], pieces[at + 1] = pieces[at + 1], pieces[at]
    played = whole("structure", good, pieces, "either")
    played.structure = True
    return played


# The body: sizes and codings.


def _packed(data: bytes, coding: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0) if coding == b"gzip" else zlib.compress(data, 1)


@accident(2)
def coded(rng: random.Random, good: Good) -> Played:
    coding = rng.choice([b"gzip", b"deflate"])
    data = _packed(text_of(good), coding)
    add = (b"content-encoding: " + coding,)
    kind = rng.choice(["good", "cut", "broken", "unknown"])
    if kind == "good":
        at = rng.randrange(1, len(data))
        return whole("coded", good, [data[:at], data[at:]], add=add)
    if kind == "cut":
        return whole("coded: cut", good, [data[: rng.randrange(1, len(data) // 2)]], "broken", add=add)
    if kind == "broken":
        return whole("coded: broken", good, [data[:12], b"\x00" * 40, data[52:]], "broken", add=add)
    return whole("coded: unknown", good, [data], "broken", add=(b"content-encoding: br",))


_BOMB: list[bytes] = []


@accident(0.25)
def bomb(rng: random.Random, good: Good) -> Played:
    """200 MB of blanks in 200 KB."""
    if not _BOMB:
        _BOMB.append(gzip.compress(b" " * 200_000_000, 9, mtime=0))
    body: list[Step] = [_BOMB[0][at : at + 16384] for at in range(0, len(_BOMB[0]), 16384)]
    played = whole("bomb", good, body, "broken", add=(b"content-encoding: gzip",))
    played.big, played.keep = True, False
    return played


@accident(0.25)
def endless_line(rng: random.Random, good: Good) -> Played:
    """A line of 100 MB."""
    steps: list[Step] = [framed(good, [b""], framing="close")[0]]
    steps += [*good.pieces[: rng.choice([0, good.end])], b"data: ", Flood(b"x" * 65536, 100_000_000), b"\n\n"]
    return Played("endless_line", steps, "broken", keep=False, big=True)


@accident(0.5)
def endless_prelude(rng: random.Random, good: Good) -> Played:
    """Comments without end, or for a long time."""
    filler = b": " + b"p" * 1000 + b"\n\n"
    size = rng.choice([300_000, 3_000_000])
    steps = framed(good, list(good.pieces), framing="close")
    if not good.stream:
        steps[1:1] = [b" " * 300_000]
        return Played("endless_prelude", steps, "whole", keep=False)
    steps[1:1] = [Flood(filler, size)]
    return Played("endless_prelude", steps, "either", keep=False, big=True)
