"""What must not be torn apart by a split: groups for rows whose source names none, and the folds made of whole
groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupKFold

from classifiers.training.rows import OutcomeRow

TOPICS: Final = 150
"""Topics among 5,700 mixed questions: about 40 items each, small enough that tasks do not vanish whole from a training
fold."""
FOLDS: Final = 5


class SplitError(Exception):
    """An evaluation that would mislead: rows of one group on both sides."""


def topics(rows: Sequence[OutcomeRow], seed: int) -> list[OutcomeRow]:
    """The rows with topic groups: items with similar words share one, so that paraphrases never stand on both sides."""
    texts = [row.text.lower()[:4000] for row in rows]
    count = max(2, min(TOPICS, len(rows) // 12))
    words = TfidfVectorizer(
        ngram_range=(1, 2), min_df=min(3, max(1, len(rows) // 200)), max_features=30_000, sublinear_tf=True
    )
    matrix = words.fit_transform(texts)
    size = min(50, matrix.shape[1] - 1, len(rows) - 1)
    points = TruncatedSVD(size, random_state=seed).fit_transform(matrix)
    found = KMeans(count, n_init=1, random_state=seed).fit_predict(points)
    return [
        msgspec.structs.replace(row, group=f"{row.source}:topic{number}")
        for row, number in zip(rows, found, strict=True)
    ]


def folds(groups: Sequence[str], count: int = FOLDS) -> list[tuple[Any, Any]]:
    """Pairs of index arrays (train, test), whole groups each. SplitError with fewer groups than two."""
    names = sorted(set(groups))
    if len(names) < 2:
        raise SplitError(f"{len(names)} group: nothing can be held out that was not trained on")
    place = {name: number for number, name in enumerate(names)}
    codes = np.array([place[group] for group in groups])
    return list(GroupKFold(min(count, len(names))).split(codes, groups=codes))


def refuse_random(train: Sequence[str], test: Sequence[str]) -> None:
    """SplitError if a group stands on both sides."""
    both = sorted(set(train) & set(test))
    if both:
        raise SplitError(
            f"{len(both)} groups are in training and in test (first: {both[0]}); split by group, not by row"
        )
