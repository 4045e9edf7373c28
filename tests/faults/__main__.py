"""`python -m tests.faults [--n 2000] [--first 0] [--jobs 2]` plays seeds; `--seed 123 [--shrink]` plays one and tells all."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.faults import stage
from tests.faults.schedule import make
from tests.faults.shrink import shrink
from tests.faults.tell import tell

BLOCK = 25


def broken(seeds: range) -> list[tuple[int, list[str]]]:
    """(seed, problems) of those that broke a promise."""
    found = ((seed, stage.run(make(seed)).problems) for seed in seeds)
    return [(seed, problems) for seed, problems in found if problems]


def failures(seeds: range, jobs: int) -> Iterator[tuple[int, list[str]]]:
    blocks = [seeds[at : at + BLOCK] for at in range(0, len(seeds), BLOCK)]
    with ProcessPoolExecutor(jobs) as pool:
        for found in pool.map(broken, blocks):
            yield from found


def replay(seed: int) -> str:
    return f"make faults SEED={seed}"


def one(seed: int, *, small: bool) -> int:
    schedule = make(seed)
    result = stage.run(shrink(schedule) if small else schedule)
    print(tell(result))
    return 1 if result.problems else 0


def many(seeds: range, jobs: int) -> int:
    began, bad = time.monotonic(), 0
    for seed, problems in failures(seeds, jobs):
        bad += 1
        print(f"seed {seed}: {problems[0]}" + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""))
        print(f"  replay: {replay(seed)}", flush=True)
    print(f"{len(seeds)} seeds from {seeds.start}, {bad} broken, {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    options.add_argument("--n", type=int, default=2000, help="seeds to play")
    options.add_argument("--first", type=int, default=0, help="the first of them")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options.add_argument("--seed", type=int, help="play this one and tell all about it")
    options.add_argument(
        "--shrink", action="store_true", help="with --seed: tell the smallest schedule that fails alike"
    )
    given = options.parse_args()
    if given.seed is not None:
        return one(given.seed, small=given.shrink)
    return many(range(given.first, given.first + given.n), given.jobs)


if __name__ == "__main__":
    sys.exit(main())
