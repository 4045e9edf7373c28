"""The model: a linear part over hashed pairs of words and marks, trees over the agreement features and that part's log-odds,
and a calibrated end. Every score that is used for anything but serving comes from a model that has not seen its family.

The trees are monotone (see features.approve.vector), so a danger never raises a score. Deterministic: one
thread, fixed seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from classifiers.features.approve.vector import BUCKETS, DIRECTIONS
from classifiers.training.approve.rows import Row, Rows

LINEAR_C: Final = 0.3
LINEAR_CLIP: Final = 4.0
"""Log-odds of the linear part beyond this say no more: one odd word must not decide."""


@dataclass(frozen=True)
class Model:
    """`weights` of the buckets and `bias`; the trees see the dense features and, last, the linear part's log-odds. `slope`
    and `shift` make a probability of the trees' log-odds."""

    weights: Any
    bias: float
    trees: Any
    slope: float = 1.0
    shift: float = 0.0

    def linear(self, rows: Sequence[Row]) -> Any:
        return np.clip(_pairs(rows) @ self.weights + self.bias, -LINEAR_CLIP, LINEAR_CLIP).astype(np.float32)

    def odds(self, rows: Rows) -> Any:
        """Log-odds before calibration."""
        return self.trees.decision_function(np.column_stack([rows.dense, self.linear(rows.rows)]))

    def scores(self, rows: Rows) -> Any:
        return sigmoid(self.slope * self.odds(rows) + self.shift)


def sigmoid(values: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-values))


def fit(rows: Rows, seed: int) -> Model:
    """On all rows given. The trees are fed what a linear part says that has not seen the row's family."""
    sources = rows.sources
    apart = np.zeros(len(rows), dtype=np.float32)
    for name in sorted(set(sources)):
        mine = sources == name
        weights, bias = _linear([row for row in rows.rows if row.source != name], seed)
        left = [row for row in rows.rows if row.source == name]
        apart[mine] = np.clip(_pairs(left) @ weights + bias, -LINEAR_CLIP, LINEAR_CLIP)
    trees = HistGradientBoostingClassifier(
        max_iter=160,
        max_depth=5,
        learning_rate=0.08,
        min_samples_leaf=30,
        l2_regularization=2.0,
        monotonic_cst=[*DIRECTIONS, 1],
        early_stopping=False,
        random_state=seed,
    )
    trees.fit(np.column_stack([rows.dense, apart]), rows.wanted, sample_weight=_weights(rows))
    weights, bias = _linear(rows.rows, seed)
    return Model(weights, bias, trees)


def out_of_family(rows: Rows, seed: int) -> Any:
    """Log-odds of every row by a model trained on the other families."""
    sources, found = rows.sources, np.zeros(len(rows))
    for name in sorted(set(sources)):
        model = fit(rows.only(lambda row, name=name: row.source != name), seed)  # type: ignore[misc]
        found[sources == name] = model.odds(rows.only(lambda row, name=name: row.source == name))  # type: ignore[misc]
    return found


def calibration(odds: Any, wanted: Any) -> tuple[float, float]:
    """(slope, shift): Platt's line on scores of families not seen."""
    line = LogisticRegression(C=1e6, max_iter=1000)
    line.fit(odds.reshape(-1, 1), wanted)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def _linear(rows: Sequence[Row], seed: int) -> tuple[Any, float]:
    model = LogisticRegression(C=LINEAR_C, solver="liblinear", class_weight="balanced", random_state=seed, max_iter=200)
    model.fit(_pairs(rows), [row.wanted for row in rows])
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def _pairs(rows: Sequence[Row]) -> Any:
    """One row of length 1 over the buckets it has."""
    starts = np.cumsum([0, *(len(row.crosses) for row in rows)])
    buckets = np.concatenate([np.array(sorted(row.crosses), dtype=np.int64) for row in rows])
    values = np.concatenate(
        [np.full(len(row.crosses), 1 / np.sqrt(len(row.crosses)), dtype=np.float32) for row in rows]
    )
    return csr_matrix((values, buckets, starts), shape=(len(rows), BUCKETS))


def _weights(rows: Rows) -> Any:
    """Families count alike, however many sessions were made of them."""
    names, counts = np.unique(rows.sources, return_counts=True)
    each = dict(zip(names, len(rows) / (len(names) * counts), strict=True))
    return np.array([each[row.source] for row in rows.rows])
