"""The model of an ask: what kind of work it is, and what each lane would make of it. Trained here, exported by `graph`.

One linear map over tokens and characters gives, for an ask x:

- `task`: eight probabilities, multinomial logistic regression;
- `families` f(x): which kind of item this is, softmax over the eight tasks and every benchmark task that has outcomes;
- two residuals r(x), ridge regression on what is left of an item's mean success and of its *gain* (strong minus weak,
not
  difficulty: routing.md 0, point 3) after its family's rate is taken away.

Rates of benchmark families are learned, rates of the coding tasks are set (`priors`). gain = sum of f * gain rate, plus
the residual weighted by how much the ask looks like a family that has one; mean likewise; local = mean - gain / 2, frontier
= mean + gain / 2. So the first ask of a coding session is scored by its task, and paired outcomes decide where there
are any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix, vstack
from sklearn.linear_model import LogisticRegression, Ridge

from classifiers.artefact import TASKS
from classifiers.features.text import Reading
from classifiers.training.priors import MID_SHARE, P_MAX, P_MIN, PRIORS, Prior
from classifiers.training.rows import OutcomeRow, TaskRow
from classifiers.training.text import Counts, Texts, count, reading
from classifiers.training.text import fit as fit_texts

TASK_C: Final = 3.0
GROUP_POWER: Final = 0.5
"""Rows weigh by the size of their template to minus this power: many asks of one template say little more than a few."""
FAMILY_ALPHA: Final = 1.0
FAMILY_SHARPNESS: Final = 12.0
FAMILY_ROWS: Final = 1_500
FAMILY_WEIGHT: Final = 4.0
"""At most, for a row of a small family."""
STEPS: Final = 15
"""Conjugate-gradient steps: stopping early is a second regularisation, and three times faster than the last digit."""
RESIDUAL_ALPHA: Final = 8.0
BORROWED: Final = frozenset({"swe", "llmrouter"})
"""Sources of task rows whose texts have outcomes too: there they belong to the family that was measured."""
RATE_PRIOR: Final = 20.0
"""Items of the overall mean that a family's rate is mixed with: a family of 50 items does not get to claim its own
extreme."""
RESIDUAL_ROWS: Final = 1_000
"""A family with fewer items gets its rate and no residual: which single item is won needs many to learn, and what is
learned of one pair of models misleads about another (mixed tasks lose 0.04 APGR by MMLU's residual)."""


@dataclass
class Outcomes:
    """Outcome rows as arrays. `mid` NaN where that lane was not run."""

    families: list[str]
    local: Any
    mid: Any
    frontier: Any

    @classmethod
    def of(cls, rows: Sequence[OutcomeRow]) -> Outcomes:
        return cls(
            [row.family for row in rows],
            np.array([row.local for row in rows], dtype=float),
            np.array([np.nan if row.mid is None else row.mid for row in rows], dtype=float),
            np.array([row.frontier for row in rows], dtype=float),
        )

    @property
    def gain(self) -> Any:
        return self.frontier - self.local

    @property
    def mean(self) -> Any:
        return (self.frontier + self.local) / 2


@dataclass
class Scorer:
    """Weights as float16-exact float64 arrays, so that the exported graph computes with the very same numbers.

    `task` [V, 8], `family` [V, F], `residual` [V, 2] (gain, mean), each with its intercept. `rates` [F, 3]: gain, mean,
    mid. `bench` [F]: 1 for families that have a residual."""

    texts: Texts
    families: tuple[str, ...] = ()
    task: Any = None
    task_b: Any = None
    family: Any = None
    family_b: Any = None
    residual: Any = None
    residual_b: Any = None
    rates: Any = None
    bench: Any = None
    sharpness: float = FAMILY_SHARPNESS
    facts: dict[str, float] = field(default_factory=dict)

    def parts(self, matrix: Any) -> tuple[Any, Any, Any]:
        """(task probabilities, family weights, residuals) of vectorised asks."""
        task = softmax(np.asarray(matrix @ self.task) + self.task_b)
        family = softmax(self.sharpness * (np.asarray(matrix @ self.family) + self.family_b))
        return task, family, np.asarray(matrix @ self.residual) + self.residual_b

    def predict(self, readings: Sequence[Reading]) -> tuple[Any, Any]:
        """(task [N, 8], lanes [N, 3]), as the `ask` graph gives them."""
        task, family, residual = self.parts(self.texts.of(readings))
        return task, lanes_of(family, residual, self.rates, self.bench)


def softmax(values: Any) -> Any:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def lanes_of(family: Any, residual: Any, rates: Any, bench: Any) -> Any:
    """Success of the three lanes [N, 3]."""
    looks = (family @ bench)[:, None]
    gain, mean, mid = np.hsplit(family @ rates + looks * residual[:, [0, 1, 1]], 3)
    return np.clip(np.hstack([mean - gain / 2, mid, mean + gain / 2]), P_MIN, P_MAX)


def halved(values: Any) -> Any:
    """Rounded to float16: half the size on disk, and training and serving agree to the bit about the weights."""
    return np.asarray(values, dtype=np.float16).astype(np.float64)


def fit(tasks: Sequence[TaskRow], outcomes: Sequence[OutcomeRow], counts: Counts | None = None) -> Scorer:
    """A scorer of these rows. `counts`: of the tasks, then of the outcomes, if they were made already. Deterministic:
    nothing in it draws a random number."""
    if counts is None:
        counts = count([reading(text) for text in [*(row.text for row in tasks), *(row.text for row in outcomes)]])
    first = np.arange(len(tasks))
    texts, matrix = fit_texts(counts, first, np.arange(len(tasks), len(tasks) + len(outcomes)))
    scorer = Scorer(texts)
    names = [row.task for row in tasks]
    known = matrix[first]
    _fit_task(scorer, known, names, [row.group for row in tasks])
    if outcomes:
        own = np.array([row.source not in BORROWED for row in tasks])
        _fit_lanes(scorer, known, names, own, matrix[len(tasks) :], Outcomes.of(outcomes))
    else:
        _only_priors(scorer, known, names)
    return scorer


def _fit_task(scorer: Scorer, matrix: Any, names: list[str], groups: list[str]) -> None:
    labels = np.array([TASKS.index(name) for name in names])
    weights = row_weights(names, groups)
    model = LogisticRegression(C=TASK_C, max_iter=400, tol=1e-3).fit(matrix, labels, sample_weight=weights)
    weights, intercept = np.zeros((matrix.shape[1], len(TASKS))), np.full(len(TASKS), -30.0)
    coefficients, offsets = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
        coefficients, offsets = np.vstack([-coefficients, coefficients]), np.hstack([-offsets, offsets])
    weights[:, model.classes_], intercept[model.classes_] = coefficients.T, offsets
    scorer.task, scorer.task_b = halved(weights), intercept.astype(np.float32).astype(np.float64)


def row_weights(names: Sequence[str], groups: Sequence[str]) -> Any:
    """Mean 1. Tasks weigh alike: how often one stands among the templates says nothing of how often people ask for it."""
    of_task, of_group = Counter(names), Counter(groups)
    weights = np.array(
        [1 / of_task[name] / of_group[group] ** GROUP_POWER for name, group in zip(names, groups, strict=True)]
    )
    return weights / weights.mean()


def _fit_family(scorer: Scorer, matrix: Any, names: list[str]) -> None:
    place = {name: number for number, name in enumerate(scorer.families)}
    target = np.zeros((len(names), len(place)))
    target[np.arange(len(names)), [place[name] for name in names]] = 1.0
    size = target.sum(axis=0)[target.argmax(axis=1)]
    model = Ridge(alpha=FAMILY_ALPHA, solver="sparse_cg", max_iter=STEPS, tol=1e-3)
    model.fit(matrix, target, sample_weight=np.clip(FAMILY_ROWS / 2 / size, 0.5, FAMILY_WEIGHT))
    scorer.family = halved(np.atleast_2d(model.coef_).T)
    scorer.family_b = np.asarray(model.intercept_, dtype=np.float32).astype(np.float64)


def _only_priors(scorer: Scorer, matrix: Any, names: list[str]) -> None:
    scorer.families = TASKS
    _fit_family(scorer, matrix, names)
    scorer.rates, scorer.bench = _rates(scorer.families, None), np.zeros(len(TASKS))
    scorer.residual, scorer.residual_b = np.zeros((matrix.shape[1], 2)), np.zeros(2)


def _fit_lanes(scorer: Scorer, known: Any, names: list[str], own: Any, matrix: Any, rows: Outcomes) -> None:
    """`own`: which task rows are asks of their own and not the text of an outcome row."""
    scorer.families = (*TASKS, *sorted(set(rows.families) - set(TASKS)))
    few, asks = _some(rows.families), np.flatnonzero(own)
    chosen = csr_matrix(vstack([known[asks], matrix[few]]))
    _fit_family(scorer, chosen, [*(names[each] for each in asks), *(rows.families[each] for each in few)])
    scorer.rates = _rates(scorer.families, rows)
    place = np.array([scorer.families.index(name) for name in rows.families])
    many = np.bincount(place, minlength=len(scorer.families)) >= RESIDUAL_ROWS
    scorer.bench = (many & np.array([name not in PRIORS for name in scorer.families])).astype(float)
    chosen = np.flatnonzero(scorer.bench[place])
    scorer.residual, scorer.residual_b = np.zeros((matrix.shape[1], 2)), np.zeros(2)
    if len(chosen):
        left = (np.column_stack([rows.gain, rows.mean]) - scorer.rates[place][:, :2])[chosen]
        model = Ridge(alpha=RESIDUAL_ALPHA, solver="sparse_cg", max_iter=2 * STEPS, tol=1e-3).fit(matrix[chosen], left)
        scorer.residual = halved(model.coef_.T)
        scorer.residual_b = np.asarray(model.intercept_, dtype=np.float32).astype(np.float64)


def _some(names: Sequence[str]) -> Any:
    """Row numbers, at most FAMILY_ROWS of each name, evenly spread: more only cost time."""
    places: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        places.setdefault(name, []).append(number)
    kept = [
        np.array(each)[np.linspace(0, len(each) - 1, min(FAMILY_ROWS, len(each))).astype(int)]
        for each in places.values()
    ]
    return np.sort(np.concatenate(kept))


def _rates(families: tuple[str, ...], rows: Outcomes | None) -> Any:
    """[F, 3]: gain, mean, mid of each family; set for the tasks, learned (mixed with the overall mean) for the rest."""
    table = np.zeros((len(families), 3))
    for number, name in enumerate(families):
        own = np.array([each == name for each in rows.families]) if rows is not None else np.zeros(0, dtype=bool)
        if name in PRIORS:
            table[number] = _set(PRIORS[name], own, rows)
        elif rows is not None:
            table[number] = _learned(own, rows)
    return table.astype(np.float32).astype(np.float64)


def _set(prior: Prior, chosen: Any, rows: Outcomes | None) -> tuple[float, float, float]:
    """A rate that was set, mixed with what a team's own pairs say of that task, if there are any."""
    if rows is None or not chosen.any():
        return prior.gain, (prior.local + prior.frontier) / 2, prior.mid
    share = float(chosen.sum()) / (float(chosen.sum()) + RATE_PRIOR)
    local = share * float(rows.local[chosen].mean()) + (1 - share) * prior.local
    frontier = share * float(rows.frontier[chosen].mean()) + (1 - share) * prior.frontier
    seen = rows.mid[chosen & ~np.isnan(rows.mid)]
    mid = share * float(seen.mean()) + (1 - share) * prior.mid if len(seen) else min(max(prior.mid, local), frontier)
    return frontier - local, (frontier + local) / 2, mid


def _learned(chosen: Any, rows: Outcomes) -> tuple[float, float, float]:
    count = float(chosen.sum())

    def mixed(values: Any) -> float:
        return float((values[chosen].sum() + RATE_PRIOR * values.mean()) / (count + RATE_PRIOR))

    local, frontier = mixed(rows.local), mixed(rows.frontier)
    seen = rows.mid[chosen & ~np.isnan(rows.mid)]
    mid = float(seen.mean()) if len(seen) else local + MID_SHARE * (frontier - local)
    return frontier - local, (frontier + local) / 2, mid
