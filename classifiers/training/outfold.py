"""Predictions for rows whose group was not trained on: the only ones that evaluation and calibration may look at.

`Held` is what is kept of them: outcomes, scores, group and length, no text. It ships beside the model, so that every
printed figure can be computed again without the data directory.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from classifiers.artefact import TASKS
from classifiers.training.assemble import Rows
from classifiers.training.generate import heldout
from classifiers.training.groups import folds, refuse_random
from classifiers.training.rows import TaskRow
from classifiers.training.scorer import Scorer, fit
from classifiers.training.text import Counts, count, reading

BLIND: Final = "heldout"
WHOLE: Final = 8
"""A source is left out as a whole if it has asks of all eight tasks; the others are too narrow to be a test."""


@dataclass
class Held:
    """Arrays of one length each. Outcomes: `source`, `group`, `family` (strings), `local`, `mid`, `frontier` (NaN: not
    run), `lanes` [N, 3], `label` (index of the likeliest task), `label_p`, `chars`. Tasks: `task_source`, `task_lang`,
    `truth`, `said` [M, 8]."""

    source: Any
    group: Any
    family: Any
    local: Any
    mid: Any
    frontier: Any
    lanes: Any
    label: Any
    label_p: Any
    chars: Any
    task_source: Any
    task_lang: Any
    truth: Any
    said: Any

    def dump(self) -> bytes:
        """A compressed npz; floats as float32, no pickles."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{name: _small(value) for name, value in vars(self).items()})
        return buffer.getvalue()

    @classmethod
    def load(cls, data: bytes) -> Held:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(**{name: arrays[name] for name in arrays.files})


def _small(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return np.round(array.astype(np.float32), 4)
    return array.astype(np.int32) if array.dtype.kind == "i" else array


def hold_out(rows: Rows, tell: Callable[[str], None] = lambda _: None) -> tuple[Held, Scorer]:
    """(predictions for held-out groups, the scorer of all rows)."""
    counts = count([reading(text) for text in rows.texts()])
    tell(f"{len(rows.tasks)} task rows, {len(rows.outcomes)} outcome rows read")
    lanes, tasks = _outcomes(rows, counts, tell)
    scored = _sources(rows, counts, tell)
    scorer = fit(rows.tasks, rows.outcomes, counts)
    blind = heldout()
    said, _ = scorer.predict([reading(row.text) for row in blind])
    scored.append((blind, said))
    everything = [row for part, _ in scored for row in part]
    out = rows.outcomes
    return Held(
        source=np.array([row.source for row in out], dtype="U"),
        group=np.array([row.group for row in out], dtype="U"),
        family=np.array([row.family for row in out], dtype="U"),
        local=np.array([row.local for row in out], dtype=float),
        mid=np.array([np.nan if row.mid is None else row.mid for row in out], dtype=float),
        frontier=np.array([row.frontier for row in out], dtype=float),
        lanes=lanes,
        label=tasks.argmax(axis=1) if len(tasks) else np.zeros(0, dtype=int),
        label_p=tasks.max(axis=1) if len(tasks) else np.zeros(0),
        chars=np.array([len(row.text) for row in out], dtype=int),
        task_source=np.array([row.source for row in everything], dtype="U"),
        task_lang=np.array([row.lang for row in everything], dtype="U"),
        truth=np.array([TASKS.index(row.task) for row in everything], dtype=int),
        said=np.vstack([said for _, said in scored]),
    ), scorer


def _outcomes(rows: Rows, counts: Counts, tell: Callable[[str], None]) -> tuple[Any, Any]:
    """(lanes, task probabilities) of every outcome row, each predicted without its group and without its text."""
    lanes, tasks = np.zeros((len(rows.outcomes), 3)), np.zeros((len(rows.outcomes), len(TASKS)))
    if not rows.outcomes:
        return lanes, tasks
    groups = [row.group for row in rows.outcomes]
    first = len(rows.tasks)
    for number, (train, test) in enumerate(folds(groups)):
        refuse_random([groups[each] for each in train], [groups[each] for each in test])
        hidden = {groups[each] for each in test}
        texts = {rows.outcomes[each].text for each in test}
        known = np.array([i for i, row in enumerate(rows.tasks) if row.group not in hidden and row.text not in texts])
        scorer = fit(
            [rows.tasks[each] for each in known],
            [rows.outcomes[each] for each in train],
            counts.rows(np.r_[known, first + train]),
        )
        tasks[test], lanes[test] = scorer.predict([reading(rows.outcomes[each].text) for each in test])
        tell(f"outcomes: fold {number + 1} done")
    return lanes, tasks


def _sources(rows: Rows, counts: Counts, tell: Callable[[str], None]) -> list[tuple[list[TaskRow], Any]]:
    """Each family of asks predicted by a model that has seen none of it, in any language."""
    found: list[tuple[list[TaskRow], Any]] = []
    names = sorted({row.source for row in rows.tasks})
    for name in names:
        inside = np.array([row.source == name for row in rows.tasks])
        part = [row for row in rows.tasks if row.source == name]
        if len({row.task for row in part}) < WHOLE or inside.all():
            continue
        known = np.flatnonzero(~inside)
        scorer = fit([rows.tasks[each] for each in known], [], counts.rows(known))
        said, _ = scorer.predict([reading(row.text) for row in part])
        found.append((part, said))
        tell(f"asks: without {name} done")
    return found
