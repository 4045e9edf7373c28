"""The two kinds of training rows. Pure.

A task row teaches what kind of work an ask is; an outcome row what became of it on a weak and a strong model. Every row
names its source and its group: evaluation holds out whole groups, never single rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec


class TaskRow(msgspec.Struct, frozen=True, kw_only=True):
    """`source`: where it comes from (a template family, a data set); `group`: what must not be split (a template, a
    repository, a subject); `lang`: ISO code of the natural language, "" if unknown; `task` one of artefact.TASKS."""

    text: str
    task: str
    source: str
    group: str
    lang: str = ""


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """Success of one item on each lane's model, 0 to 1, None where that lane was not run. `family`: kind of item (a
    benchmark task). `pair`: whose outcomes they are, as `weak > strong`."""

    text: str
    family: str
    source: str
    group: str
    pair: str
    local: float
    frontier: float
    mid: float | None = None


def lines(rows: Iterable[TaskRow | OutcomeRow]) -> list[bytes]:
    """One line of JSON per row, keys sorted: what the training-data hash is made of."""
    return [json.dumps(msgspec.to_builtins(row), sort_keys=True, ensure_ascii=False).encode() for row in rows]


def parse(kind: type[TaskRow] | type[OutcomeRow], text: str) -> list[Any]:
    """The rows of such lines. msgspec.MsgspecError for a line that is none."""
    return [msgspec.json.decode(line, type=kind) for line in text.splitlines() if line.strip()]
