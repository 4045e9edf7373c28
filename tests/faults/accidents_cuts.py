"""Accidents of length: bodies that are cut, by a reset, a close or an ending that HTTP calls good, and lengths that lie."""

from __future__ import annotations

import random

from tests.faults.answers import Good, Kind, Pause, Played, Reset, Step, chunk, framed, text_of, whole

ACCIDENTS = Kind()


def place_inside(rng: random.Random, good: Good, where: str | None = None) -> tuple[int, int]:
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


def cut_at(body: list[bytes], cut: tuple[int, int]) -> list[Step]:
    index, size = cut
    pieces: list[Step] = list(body[:index])
    if size:
        pieces.append(body[index][:size])
    return pieces


def head_and(full: list[Step], pieces: list[Step], good: Good) -> list[Step]:
    """The head of a full answer, then only these pieces of its body."""
    return [full[0], *(chunk(p) if good.stream and isinstance(p, bytes) else p for p in pieces)]


@ACCIDENTS.accident(8)
def cut(rng: random.Random, good: Good) -> Played:
    """In the middle of an event, of a character, of a tool call, or between two events: by a reset or a close."""
    pieces = cut_at(list(good.pieces), place_inside(rng, good))
    ending: list[Step] = rng.choice([[Reset()], []])
    steps = [*head_and(framed(good, list(good.pieces)), pieces, good), Pause(0.01), *ending]
    return Played("cut", steps, "broken", keep=False)


@ACCIDENTS.accident(4)
def short(rng: random.Random, good: Good) -> Played:
    """As `cut`, but HTTP says that all is well."""
    pieces = cut_at(list(good.pieces), place_inside(rng, good))
    return whole("short", good, pieces, "broken", framing=rng.choice(["chunked", "length", "close"]))


@ACCIDENTS.accident(2)
def unframed(rng: random.Random, good: Good) -> Played:
    """A body that ends with its connection."""
    return whole("unframed", good, list(good.pieces), framing="close")


@ACCIDENTS.accident(1)
def lying_length(rng: random.Random, good: Good) -> Played:
    size = len(text_of(good))
    if rng.random() < 0.5:
        played = whole("longer length", good, list(good.pieces), "either", framing="length", length=size + 50)
    else:
        played = whole("shorter length", good, list(good.pieces), "either", framing="length", length=size * 2 // 3)
    played.keep = False
    return played


@ACCIDENTS.accident(1)
def bad_chunk(rng: random.Random, good: Good) -> Played:
    steps = framed(good, list(good.pieces), framing="chunked")
    at = rng.randrange(1, len(steps))
    steps[at:] = [rng.choice([b"zz\r\nabc\r\n", b"-5\r\n", b"ffffffffffffffff1\r\n", b"5\r\nabcdefgh\r\n"]), Pause(1)]
    return Played("bad_chunk", steps, "either", keep=False)


@ACCIDENTS.accident(1)
def excess(rng: random.Random, good: Good) -> Played:
    steps = framed(good, list(good.pieces))
    return Played("excess", [*steps, b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhey"], "whole", keep=False)
