"""Figures of merit for routers and for probabilities, with intervals. Pure but for numpy; definitions as in routing.md
1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from scipy.stats import beta

BINS: Final = 10
DRAWS: Final = 400
"""Bootstrap draws: the ends of a 95 % interval then lie within a few tenths of its width."""


def curve(score: Any, weak: Any, strong: Any) -> Any:
    """PGR after sending 0, 1, ... N items to the strong model, by falling score. Ties are broken as if drawn at random
    in the mean: items of equal score share their gain evenly. NaN everywhere if the pair has no gap."""
    score, gain = np.asarray(score, dtype=float), np.asarray(strong, dtype=float) - np.asarray(weak, dtype=float)
    gap = gain.sum()
    if gap == 0:
        return np.full(len(gain) + 1, np.nan)
    order = np.argsort(-score, kind="stable")
    ranked, sorted_score = gain[order], score[order]
    starts = np.flatnonzero(np.r_[True, sorted_score[1:] != sorted_score[:-1]])
    sizes = np.diff(np.r_[starts, len(ranked)])
    ranked = np.repeat(np.add.reduceat(ranked, starts) / sizes, sizes)
    return np.r_[0.0, np.cumsum(ranked)] / gap


def apgr(score: Any, weak: Any, strong: Any) -> float:
    """Area under PGR over the share of calls to the strong model. Random 0.5."""
    return area(curve(score, weak, strong))


def area(pgr: Any) -> float:
    return float(np.trapezoid(pgr, np.linspace(0.0, 1.0, len(pgr))))


def cpt(pgr: Any, share: float) -> float:
    """Smallest share of calls to the strong model that reaches a PGR of `share`; 1.0 if none does before all."""
    reached = np.flatnonzero(pgr >= share)
    return float(reached[0] / (len(pgr) - 1)) if len(reached) else 1.0


def cost_at_equal_quality(pgr: Any, ratio: float) -> float:
    """Money per item where the strong model's quality is first reached (PGR >= 1), as a part of always-strong's, if the
    weak model costs `ratio` of the strong one."""
    share = cpt(pgr, 1.0)
    return share + (1.0 - share) * ratio


def ece(stated: Any, seen: Any, bins: int = BINS) -> float:
    """Mean gap between stated probability and observed frequency over bins of equal mass."""
    stated, seen = np.asarray(stated, dtype=float), np.asarray(seen, dtype=float)
    order = np.argsort(stated, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(p) * abs(stated[p].mean() - seen[p].mean()) for p in parts) / max(1, len(stated)))


def macro_f1(truth: Any, said: Any, classes: int) -> tuple[float, list[float]]:
    """(mean, one per class) over the classes that occur in `truth`; a class that was never said has 0."""
    truth, said = np.asarray(truth), np.asarray(said)
    each: list[float] = []
    for number in range(classes):
        hit = int(((truth == number) & (said == number)).sum())
        total = int((truth == number).sum() + (said == number).sum())
        each.append(2 * hit / total if total else float("nan"))
    present = [value for number, value in enumerate(each) if (truth == number).any()]
    return float(np.mean(present)), each


def confusion(truth: Any, said: Any, classes: int) -> Any:
    """[truth, said] counts."""
    table = np.zeros((classes, classes), dtype=int)
    np.add.at(table, (np.asarray(truth), np.asarray(said)), 1)
    return table


def upper_bound(failures: int, trials: int, delta: float) -> float:
    """Clopper-Pearson upper bound of a failure rate at confidence 1 - delta; 1.0 without trials."""
    if trials == 0 or failures >= trials:
        return 1.0
    return float(beta.ppf(1.0 - delta, failures + 1, trials - failures))


def bootstrap(
    groups: Sequence[str], figure: Callable[[Any], float], seed: int, draws: int = DRAWS
) -> tuple[float, float]:
    """95 % interval of `figure(indices)` when whole groups are drawn again, with replacement."""
    names = sorted(set(groups))
    place = {name: number for number, name in enumerate(names)}
    codes = np.array([place[group] for group in groups])
    members = [np.flatnonzero(codes == number) for number in range(len(names))]
    chance = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        drawn = chance.integers(0, len(names), len(names))
        value = figure(np.concatenate([members[number] for number in drawn]))
        if np.isfinite(value):
            values.append(value)
    if not values:
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
