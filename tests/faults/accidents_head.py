"""Accidents before the body: silence, resets, heads that are late, cut, no HTTP or contradict themselves."""

from __future__ import annotations

import random

from tests.faults.answers import LAST, Good, Kind, Pause, Played, Reset, chunk, framed, head, text_of

ACCIDENTS = Kind()


@ACCIDENTS.accident(2)
def silent_close(rng: random.Random, good: Good) -> Played:
    return Played("silent_close", [], "broken", keep=False)


@ACCIDENTS.accident(2)
def reset(rng: random.Random, good: Good) -> Played:
    return Played("reset", [Reset()], "broken", keep=False)


@ACCIDENTS.accident(2)
def hang_before_head(rng: random.Random, good: Good) -> Played:
    return Played("hang_before_head", [Pause(5000)], "broken", keep=False)


@ACCIDENTS.accident(2)
def slow_head(rng: random.Random, good: Good) -> Played:
    return Played("slow_head", [Pause(rng.uniform(0.1, 8)), *framed(good, list(good.pieces))], "whole")


@ACCIDENTS.accident(1)
def half_head(rng: random.Random, good: Good) -> Played:
    first = head(good, "chunked")
    cut = rng.randrange(1, len(first))
    last = rng.choice([Reset(), Pause(5000)])
    return Played("half_head", [first[:cut], last], "broken", keep=False)


@ACCIDENTS.accident(1)
def no_http(rng: random.Random, good: Good) -> Played:
    words = rng.choice([b"SSH-2.0-OpenSSH_9.9\r\n", b"\x16\x03\x01\x02\x00\x01", b"HTTP/9.9 abc\r\n\r\n", b"\x00" * 64])
    return Played("no_http", [words, Pause(1)], "broken", keep=False)


@ACCIDENTS.accident(0.7)
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


@ACCIDENTS.accident(0.7)
def interim(rng: random.Random, good: Good) -> Played:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * rng.randint(1, 3)
    return Played("interim", [early, *framed(good, list(good.pieces))], "whole")
