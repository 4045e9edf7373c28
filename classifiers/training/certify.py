"""Thresholds that are proven on held-out rows, or not given at all.

A certificate says: among asks whose predicted gain is at most `gain_max`, the local lane failed *where the frontier
lane succeeded* in so few cases that the Clopper-Pearson upper bound stays below the risk. (Failures of both lanes are
no reason to pay more.) Candidate thresholds are tried from the smallest gain upwards and the first that fails ends it,
so one bound per task holds without correction (fixed-sequence testing). Rows of one group are not independent; the
interval is therefore a little too narrow, which the documentation says.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from classifiers.artefact import TASKS, Certificate
from classifiers.training.metrics import upper_bound
from classifiers.training.outfold import Held

ALPHA: Final = 0.10
DELTA: Final = 0.05
STEPS: Final = 20
TRIALS_MIN: Final = 60
"""With no failure at all, 29 trials would do for 10 %; fewer than 60 say too little of where the threshold lies."""
PRECISION: Final = 0.80
"""A label is given where at least this share of labels was right, on families never seen in training."""
ROWS_MIN: Final = 25


def certificates(
    held: Held, thresholds: dict[str, float], alpha: float = ALPHA, delta: float = DELTA
) -> dict[str, Certificate]:
    """By task and "*" (no label). Every task gets one, so that none inherits another's proof."""
    gain = held.lanes[:, 2] - held.lanes[:, 0] if len(held.lanes) else np.zeros(0)
    failed = (held.local < 0.5) & (held.frontier >= 0.5)
    floor = np.array([thresholds[name] for name in TASKS])
    labelled = held.label_p >= floor[held.label] if len(held.label) else np.zeros(0, dtype=bool)
    found = {
        name: certify(gain[chosen], failed[chosen], alpha, delta)
        for number, name in enumerate(TASKS)
        for chosen in [labelled & (held.label == number)]
    }
    return found | {"*": certify(gain[~labelled], failed[~labelled], alpha, delta)}


def certify(gain: Any, failed: Any, alpha: float, delta: float) -> Certificate:
    """The largest gain up to which the bound holds; `gain_max` None with what was tried if there is none."""
    order = np.argsort(gain, kind="stable")
    gain, total = gain[order], np.cumsum(failed[order].astype(int))
    sizes = [int(size) for size in np.linspace(0, len(gain), STEPS + 1)[1:] if size >= TRIALS_MIN]
    best: Certificate | None = None
    for size in sizes:
        upper = upper_bound(int(total[size - 1]), size, delta)
        tried = Certificate(
            gain_max=round(float(gain[size - 1]), 4),
            alpha=alpha,
            delta=delta,
            trials=size,
            failures=int(total[size - 1]),
            upper=round(upper, 4),
        )
        if upper > alpha:
            return best or Certificate(
                gain_max=None, alpha=alpha, delta=delta, trials=size, failures=tried.failures, upper=tried.upper
            )
        best = tried
    return best or Certificate(gain_max=None, alpha=alpha, delta=delta, trials=len(gain), failures=0, upper=1.0)


def thresholds(held: Held, precision: float = PRECISION) -> dict[str, float]:
    """By task, the smallest probability from which on labels were right often enough. 1.0, which is never reached:
    none."""
    return {name: _threshold(held, number, precision) for number, name in enumerate(TASKS)}


def _threshold(held: Held, number: int, precision: float) -> float:
    mine = (held.said.argmax(axis=1) == number) & (held.task_source != "heldout")
    stated, right = held.said[mine].max(axis=1), held.truth[mine] == number
    order = np.argsort(-stated, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero((share >= precision) & (np.arange(len(order)) >= ROWS_MIN - 1))
    return round(float(stated[order][good[-1]]), 3) if len(good) else 1.0
