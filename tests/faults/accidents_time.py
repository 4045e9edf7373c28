"""Accidents of time: bodies that stall, pause, trickle, or come in other pieces."""

from __future__ import annotations

import random

from tests.faults.accidents_cuts import cut_at, head_and, place_inside
from tests.faults.answers import Good, Kind, Pause, Played, Step, framed, text_of, whole

ACCIDENTS = Kind()


@ACCIDENTS.accident(2)
def hang_after_head(rng: random.Random, good: Good) -> Played:
    return Played("hang_after_head", [framed(good, list(good.pieces))[0], Pause(5000)], "broken", keep=False)


@ACCIDENTS.accident(3)
def stall(rng: random.Random, good: Good) -> Played:
    body = list(good.pieces)
    cut = place_inside(rng, good)
    return Played("stall", [*head_and(framed(good, body), cut_at(body, cut), good), Pause(5000)], "broken", keep=False)


@ACCIDENTS.accident(2)
def pauses(rng: random.Random, good: Good) -> Played:
    body: list[Step] = []
    for piece in good.pieces:
        if rng.random() < 0.2:
            body.append(Pause(rng.uniform(0.01, 0.8)))
        body.append(piece)
    return whole("pauses", good, body)


@ACCIDENTS.accident(2)
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


@ACCIDENTS.accident(3)
def repacked(rng: random.Random, good: Good) -> Played:
    """The same bytes in other pieces, framing included, so that cuts fall anywhere."""
    data = b"".join(step for step in framed(good, [text_of(good)]) if isinstance(step, bytes))
    steps: list[Step] = []
    while data:
        size = rng.choice([1, 2, 3, 7, 50, 400, 5000])
        steps.append(data[:size])
        data = data[size:]
    return Played("repacked", steps, "whole")
