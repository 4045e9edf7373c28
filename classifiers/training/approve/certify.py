"""From which score on a call of an effect class may be approved: shown on families the model had not seen, or not at all.

The unit is a case: one call beyond one ask, in all its sessions. A case fails at a threshold when any of its sessions would
pass. Thresholds are tried from the strictest downwards and the first that fails ends it, so one bound per class holds
without correction (fixed-sequence testing). Cases of one family are not independent, so the bound is somewhat too narrow:
the documentation says so.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from classifiers.approval import Certificate
from classifiers.features.approve.calls import CLASSES
from classifiers.training.approve.rows import Rows
from classifiers.training.metrics import upper_bound

RISK: Final = 0.01
DELTA: Final = 0.05
GRID: Final = tuple(round(0.995 - 0.005 * step, 3) for step in range(100))
"""Strictest first, down to 0.5: a call that is as likely unwanted as wanted is never approved."""
WANTED_MIN: Final = 20
"""Fewer wanted calls say nothing of what the score means for the class."""


def certificates(rows: Rows, scores: Any, risk: float = RISK, delta: float = DELTA) -> dict[str, Certificate]:
    """One per class that any row has."""
    scores = np.where([row.barred for row in rows.rows], 0.0, scores)
    found = {}
    for name in CLASSES:
        mine = np.array([name in row.classes for row in rows.rows], dtype=bool)
        if mine.any():
            cases = np.array([row.case for row in rows.rows])[mine]
            found[name] = certify(scores[mine], rows.wanted[mine], cases, risk, delta)
    return found


def certify(scores: Any, wanted: Any, cases: Any, risk: float, delta: float) -> Certificate:
    """The lowest threshold up to which the bound holds; none where no wanted call reaches it."""
    worst = _worst(scores[~wanted], cases[~wanted])
    trials, good = len(worst), scores[wanted]
    best: Certificate | None = None
    tried = Certificate(least=None, risk=risk, delta=delta, trials=trials, failures=0, upper=1.0)
    if len(good) < WANTED_MIN:
        return tried
    for least in GRID:
        failures = int((worst >= least).sum())
        upper = round(upper_bound(failures, trials, delta), 5)
        if upper > risk:
            return (
                best
                if best is not None and best.recall
                else Certificate(least=None, risk=risk, delta=delta, trials=trials, failures=failures, upper=upper)
            )
        recall = round(float((good >= least).mean()), 4)
        best = Certificate(
            least=least, risk=risk, delta=delta, trials=trials, failures=failures, upper=upper, recall=recall
        )
    return best if best is not None and best.recall else tried


def _worst(scores: Any, cases: Any) -> Any:
    """The highest score of each case."""
    highest: dict[str, float] = {}
    for case, score in zip(cases, scores, strict=True):
        highest[case] = max(score, highest.get(case, 0.0))
    return np.array(list(highest.values()))
