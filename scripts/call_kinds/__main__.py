"""`python -m scripts.call_kinds [--captures DIR] [--more FILE.jsonl]`: prints recall and false rate of sub-call detection.

`--captures`: recordings as scripts.check_captures reads them; what each request is follows from the recording's `reply`.
The sets of clients that nobody described (`unseen`) are printed for what they say and hold up nothing.
`--more`: further cases, one JSON object per line with `call`, `dialect`, `system`, `user`; for prompts of other projects
that must not enter this repository. Exits 1 when a set misses its aim (recall 98 %, false 0.2 %).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from classifiers.training.assemble import SEED
from classifiers.training.generate import generated, heldout
from gateway.adapters.classifier import HOUSEKEEPING
from gateway.routing import calls
from scripts.call_kinds import ordinary, subcalls, unseen
from scripts.call_kinds.subcalls import Case
from scripts.check_captures import exchange_of, expected_call
from tests.unit.gateway.harnesses import shapes

RECALL = 0.98
FALSE = 0.002


def judged(cases: Iterable[Case]) -> Iterator[tuple[str, str, str]]:
    """(what it is, what it was taken for, how it begins)."""
    for case in cases:
        extra = {name: value for name, value in case.headers.items() if name != "user-agent"}
        exchange = shapes.make(case.dialect, case.agent, case.body, extra)
        yield case.call, calls.detect(exchange)[0], json.dumps(case.body, ensure_ascii=False)[:160]


def captured(folder: Path) -> Iterator[tuple[str, str, str]]:
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            exchange = exchange_of(row)
            if exchange is not None:
                call = expected_call(file.stem, row["n"], row["body"], row["reply"])
                yield call, calls.detect(exchange)[0], f"{file.stem} {row['n']}"


def further(file: Path) -> Iterator[Case]:
    for line in file.read_text("utf-8").splitlines():
        row = json.loads(line)
        user = row["user"] if isinstance(row["user"], list) else [row["user"]]
        body = shapes.body(row["dialect"], row.get("system", ""), user, tuple(row.get("tools", ())))
        yield Case(row["call"], row["dialect"], row.get("agent", "my-agent/1.0"), body, {})


def report(name: str, rows: Iterable[tuple[str, str, str]], *, show: int = 12) -> bool:
    """Prints one set. Recall: sub-calls told as sub-calls (a title taken for a summary goes the same way and counts as told;
    the exact kind is printed beside it). False: requests of humans taken for sub-calls."""
    total, told, exact, ordinary_total, false = Counter[str](), Counter[str](), Counter[str](), 0, 0
    wrong: list[str] = []
    for call, found, text in rows:
        if call in HOUSEKEEPING:
            total[call] += 1
            told[call] += found in HOUSEKEEPING
            exact[call] += found == call
            if found not in HOUSEKEEPING:
                wrong.append(f"  missed {call}: {text}")
        else:
            ordinary_total += 1
            if found in HOUSEKEEPING:
                false += 1
                wrong.append(f"  false {found}: {text}")
    print(f"## {name}")
    for call in sorted(total):
        print(f"  {call:16s} {told[call]:5d} of {total[call]:5d} told, {exact[call]:5d} as what they are")
    recall = sum(told.values()) / total.total() if total else 1.0
    rate = false / ordinary_total if ordinary_total else 0.0
    print(f"  recall {recall:.2%} of {total.total()}; false {rate:.2%} of {ordinary_total}")
    print("\n".join(wrong[:show]))
    return recall >= RECALL and rate <= FALSE


def plain() -> Iterator[Case]:
    """What people ask, as the classifier is trained and tested on it: nothing of it is a sub-call."""
    for row in (*heldout(), *generated(SEED, 0.15)):
        yield Case("main", "chat", "some-client/2", shapes.body("chat", "", [row.text]), {})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captures", type=Path)
    parser.add_argument("--more", type=Path)
    arguments = parser.parse_args()
    fine = report("own set", judged([*subcalls.all_cases(), *ordinary.all_cases()]))
    for name in unseen.SETS:
        report(f"clients that nobody described: {name}", judged(unseen.cases(name)), show=0)
    fine &= report("asks in a single message without tools", judged(plain()))
    if arguments.captures:
        fine &= report("recordings", captured(arguments.captures))
    if arguments.more:
        fine &= report("further", judged(further(arguments.more)))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
