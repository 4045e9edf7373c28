"""Puts the training rows together: generated asks and, if a data directory is given, its permissively licensed parts.

    python -m classifiers.training.assemble [--data DIR] --out DIR [--seed N]

writes `tasks.jsonl`, `outcomes.jsonl` and `sources.json` for whoever wants to look at what is trained on; training
itself calls `assemble`.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from classifiers.artefact import Source, digest
from classifiers.training import generate, sources
from classifiers.training.groups import topics
from classifiers.training.rows import OutcomeRow, TaskRow, lines

SEED: Final = 20261121


@dataclass
class Rows:
    """All rows in a fixed order, and where they came from."""

    tasks: list[TaskRow] = field(default_factory=list)
    outcomes: list[OutcomeRow] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)

    def sha256(self) -> str:
        return digest([*lines(self.tasks), *lines(self.outcomes)])

    def texts(self) -> list[str]:
        """Of the tasks, then of the outcomes."""
        return [*(row.text for row in self.tasks), *(row.text for row in self.outcomes)]

    def __len__(self) -> int:
        return len(self.tasks) + len(self.outcomes)


def assemble(data: Path | None, seed: int = SEED, share: float = 1.0) -> Rows:
    """`share` below 1 takes that part of every source (tests, a first look). SourceError for data that must not be
    used."""
    asks = generate.generated(seed, share)
    rows = Rows(tasks=asks)
    rows.sources.append(Source(name="generated-asks", licence="Apache-2.0", rows=len(asks), sha256=digest(lines(asks))))
    for part in sources.PARTS if data is not None else ():
        assert data is not None
        files = sources.check(part, data)
        tasks, outcomes = part.read(data)
        if share < 1.0:
            chance = random.Random(seed)
            outcomes = [row for row in outcomes if chance.random() < share]
        if part.name == "llmrouter":
            outcomes = topics(outcomes, seed)
        rows.tasks += tasks
        rows.outcomes += outcomes
        rows.sources.append(
            Source(
                name=part.name,
                licence=part.licence,
                rows=len(tasks) + len(outcomes),
                sha256=sources.file_digest(files),
            )
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m classifiers.training.assemble", description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="directory in the layout of the routing data; without it, generated asks only"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=SEED)
    chosen = parser.parse_args(arguments)
    try:
        rows = assemble(chosen.data, chosen.seed)
    except sources.SourceError as error:
        parser.error(str(error))
    chosen.out.mkdir(parents=True, exist_ok=True)
    for name, kind in (("tasks", rows.tasks), ("outcomes", rows.outcomes)):
        (chosen.out / f"{name}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines(kind)))
    listed = {"sha256": rows.sha256(), "sources": msgspec.to_builtins(rows.sources)}
    (chosen.out / "sources.json").write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
