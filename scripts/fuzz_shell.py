"""Fuzz the shell reader with both parsers: `python -m scripts.fuzz_shell [--count 100000] [--seed 1]`. Exit status 1 when a
text stopped it, took longer than `SECONDS_MAX` or hid a command behind it; the text and its seed are printed."""

from __future__ import annotations

import argparse
import time
from collections import Counter

from policies.edge.shfmt import Shfmt, answered
from policies.shell import reading
from tests.support.fuzz import mutated

SECONDS_MAX = 10.0
"""Wall clock of one text, on a machine that does other things too."""


def _lost(text: str, parser: Shfmt) -> int:
    """1 when a command behind the text is not seen although everything is said to be read."""
    found = answered(reading(text + "\nrm -rf src", cwd="/repo"), parser)
    if "destructive" in found.effects or found.unknown or found.invalid:
        return 0
    if text.rstrip().endswith("\\") or "#" in text or "<<" in text:
        return 0  # a comment, a here-document or a continued line takes it in
    print(f"lost: {text!r}")
    return 1


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    seen: Counter[str] = Counter()
    failures = 0
    slowest, slowest_text = 0.0, ""
    with Shfmt() as parser:
        for text in mutated(given.seed, given.count):
            start = time.perf_counter()
            try:
                found = answered(reading(text, cwd="/repo", home="/home/user", roots=("/repo",)), parser)
            except Exception as error:
                failures += 1
                print(f"seed {given.seed}: {type(error).__name__}: {error}: {text!r}")
                continue
            failures += _lost(text, parser)
            took = time.perf_counter() - start
            if took > slowest:
                slowest, slowest_text = took, text
            seen["read" if not found.unknown else "not fully read"] += 1
            if took > SECONDS_MAX:
                failures += 1
                print(f"seed {given.seed}: {took:.1f} s: {text!r}")
    print(f"{given.count} texts, seed {given.seed}: {dict(seen)}, failures {failures}")
    print(f"slowest {slowest * 1000:.0f} ms: {slowest_text[:200]!r}")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
