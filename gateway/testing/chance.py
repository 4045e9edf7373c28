"""`SeededRandom`: randomness that a failing test can repeat. The seed belongs into the failure's message."""

from __future__ import annotations

import random

from gateway.ports import Random


class SeededRandom:
    """Implements `ports.Random`; equal seeds give equal sequences."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._source = random.Random(seed)

    def uniform(self) -> float:
        return self._source.random()

    def token(self, nbytes: int) -> str:
        return self._source.randbytes(nbytes).hex()


_: type[Random] = SeededRandom
