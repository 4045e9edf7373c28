"""Accidents of size and coding: compressed bodies, broken ones, bombs, lines and preludes without end."""

from __future__ import annotations

import gzip
import random
import zlib

from tests.faults.answers import Flood, Good, Kind, Played, Step, framed, text_of, whole

ACCIDENTS = Kind()


def _packed(data: bytes, coding: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0) if coding == b"gzip" else zlib.compress(data, 1)


@ACCIDENTS.accident(2)
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


@ACCIDENTS.accident(0.25)
def bomb(rng: random.Random, good: Good) -> Played:
    """200 MB of blanks in 200 KB."""
    if not _BOMB:
        _BOMB.append(gzip.compress(b" " * 200_000_000, 9, mtime=0))
    body: list[Step] = [_BOMB[0][at : at + 16384] for at in range(0, len(_BOMB[0]), 16384)]
    played = whole("bomb", good, body, "broken", add=(b"content-encoding: gzip",))
    played.big, played.keep = True, False
    return played


@ACCIDENTS.accident(0.25)
def endless_line(rng: random.Random, good: Good) -> Played:
    """A line of 100 MB."""
    steps: list[Step] = [framed(good, [b""], framing="close")[0]]
    steps += [*good.pieces[: rng.choice([0, good.end])], b"data: ", Flood(b"x" * 65536, 100_000_000), b"\n\n"]
    return Played("endless_line", steps, "broken", keep=False, big=True)


@ACCIDENTS.accident(0.5)
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
