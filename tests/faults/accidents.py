"""What can happen to an upstream's answer, as functions from good bytes to bad ones: the whole list, and the choice from it."""

from __future__ import annotations

import random

from tests.faults import accidents_cuts, accidents_head, accidents_sizes, accidents_time, accidents_words
from tests.faults.answers import Good, Make, Played, none

ACCIDENTS: dict[str, tuple[float, Make]] = {
    "none": (14, none),
    **accidents_head.ACCIDENTS,
    **accidents_time.ACCIDENTS,
    **accidents_cuts.ACCIDENTS,
    **accidents_words.ACCIDENTS,
    **accidents_sizes.ACCIDENTS,
}
"""By name, with their weights. In this order: what a seed plays depends on it."""


def choose(rng: random.Random, good: Good, only: str | None = None) -> Played:
    """A random accident; `only`: this one."""
    if only is not None:
        name = only
    else:
        names = list(ACCIDENTS)
        name = rng.choices(names, [ACCIDENTS[n][0] for n in names])[0]
    return ACCIDENTS[name][1](rng, good)
