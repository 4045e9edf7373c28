"""`python -m tests.faults [--n 2000] [--first 0] | --seed 123 [--shrink]`: plays seeds, prints what broke and how to replay it."""

from __future__ import annotations

import argparse
import sys
import time

from tests.faults import stage
from tests.faults.schedule import make
from tests.faults.tell import tell


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.faults")
    options.add_argument("--n", type=int, default=2000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--seed", type=int)
    given = options.parse_args()
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.n)
    began, bad = time.perf_counter(), 0
    for seed in seeds:
        result = stage.run(make(seed))
        if result.problems:
            bad += 1
            print(f"seed {seed}:")
            for p in result.problems[:6]:
                print("  ", p)
        if given.seed is not None:
            print(tell(result))
    print(f"{len(seeds)} seeds, {bad} bad, {time.perf_counter() - began:.1f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
