"""The two text readings as numbers: tokens with their pairs, and characters within words, counted, then weighted
(TF-IDF).

Counting starts from what serving gives the graph (`classifiers.features.text.Reading`), so there is no second tokeniser
that could disagree. scikit-learn's `char_wb` counts exactly the n-grams that do not cross a space, which is what the
graph's pool can express. Counting is the slow half and is done once for all folds; which n-grams are kept and what they
weigh is decided from the rows trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from classifiers.features.asks import said_of
from classifiers.features.concepts import TOKENS
from classifiers.features.text import Reading, read

WORDS_MAX: Final = (9_000, 3_500)
CHARS_MAX: Final = (8_500, 6_500)
"""Most frequent n-grams of asks and of benchmark items; the vocabularies are the union. Fewer make the scores worse,
more only make the artefact and the latency bigger."""
WORD_GRAMS: Final = (1, 2)
CHAR_GRAMS: Final = (2, 4)
CONCEPT_SHARE: Final = 0.5
"""With 1 a misleading word counts twice (stories lose 0.05), with 0.35 unseen words say little (short orders lose 0.04)."""
MIN_ROWS: Final = 2
"""An n-gram of a single row is a name, not a habit."""


def reading(text: str) -> Reading:
    """A training text as serving would read it: the human's words, cleaned, with marks for what stood beside them."""
    said = said_of(text)
    return read(said.words, said.marks)


def letters(each: Reading) -> str:
    return each.chars


def same(tokens: Sequence[str]) -> Sequence[str]:
    """The tokens are made already."""
    return tokens


@dataclass(frozen=True)
class Counts:
    """How often each n-gram stands in each row. `names` in the order of columns."""

    words: csr_matrix
    chars: csr_matrix
    word_names: tuple[str, ...]
    char_names: tuple[str, ...]

    def rows(self, chosen: Any) -> Counts:
        return Counts(self.words[chosen], self.chars[chosen], self.word_names, self.char_names)


def count(
    readings: Sequence[Reading], words: Sequence[str] | None = None, chars: Sequence[str] | None = None
) -> Counts:
    """Of the n-grams named, or of all that stand in at least MIN_ROWS rows."""
    of_words = CountVectorizer(
        analyzer="word", tokenizer=same, preprocessor=same, token_pattern=None, ngram_range=WORD_GRAMS, **_kept(words)
    )
    of_chars = CountVectorizer(analyzer="char_wb", lowercase=False, ngram_range=CHAR_GRAMS, **_kept(chars))
    word_counts = of_words.fit_transform([each.tokens for each in readings])
    char_counts = of_chars.fit_transform([letters(each) for each in readings])
    return Counts(
        csr_matrix(word_counts),
        csr_matrix(char_counts),
        tuple(of_words.get_feature_names_out()),
        tuple(of_chars.get_feature_names_out()),
    )


def _kept(names: Sequence[str] | None) -> dict[str, Any]:
    return {"vocabulary": list(names)} if names is not None else {"min_df": MIN_ROWS}


@dataclass(frozen=True)
class Texts:
    """A fitted vectoriser: n-grams and their weights. Columns: words first, then characters; each part has length 1."""

    words: tuple[str, ...]
    chars: tuple[str, ...]
    word_idf: Any
    char_idf: Any

    @property
    def size(self) -> int:
        return len(self.words) + len(self.chars)

    def of(self, readings: Sequence[Reading]) -> csr_matrix:
        return self.weighted(count(readings, self.words, self.chars))

    def weighted(self, counts: Counts) -> csr_matrix:
        """Of counts over these very n-grams."""
        return csr_matrix(hstack([_weighted(counts.words, self.word_idf), _weighted(counts.chars, self.char_idf)]))


def fit(counts: Counts, asks: Any, items: Any) -> tuple[Texts, csr_matrix]:
    """The vectoriser of these rows and the rows as it sees them, in the order of `counts`. `asks`, `items`: row
    numbers."""
    words = _columns(counts.words, (asks, items), WORDS_MAX)
    chars = _columns(counts.chars, (asks, items), CHARS_MAX)
    kept = Counts(
        counts.words[:, words],
        counts.chars[:, chars],
        tuple(counts.word_names[each] for each in words),
        tuple(counts.char_names[each] for each in chars),
    )
    texts = Texts(kept.word_names, kept.char_names, _scaled(kept), _idf(kept.chars))
    return texts, texts.weighted(kept)


def _columns(matrix: csr_matrix, parts: Sequence[Any], most: Sequence[int]) -> Any:
    chosen: set[int] = set()
    for rows, size in zip(parts, most, strict=True):
        if len(rows):
            frequency = np.asarray((matrix[rows] > 0).sum(axis=0)).ravel()
            ranked = np.argsort(-frequency, kind="stable")[:size]
            chosen |= set(ranked[frequency[ranked] >= MIN_ROWS].tolist())
    return np.array(sorted(chosen), dtype=int)


def _idf(matrix: csr_matrix) -> Any:
    """Smoothed, as scikit-learn does it; float32-exact, because the graph holds it so."""
    rows = matrix.shape[0]
    frequency = np.asarray((matrix > 0).sum(axis=0)).ravel()
    return (np.log((1 + rows) / (1 + frequency)) + 1).astype(np.float32).astype(np.float64)


def _scaled(kept: Counts) -> Any:
    """Weights of word n-grams, those of concepts less: they say again what a word has said."""
    share = np.array([CONCEPT_SHARE if name.split(" ")[-1] in TOKENS else 1.0 for name in kept.word_names])
    return (_idf(kept.words) * share).astype(np.float32).astype(np.float64)


def _weighted(matrix: csr_matrix, idf: Any) -> csr_matrix:
    """(1 + ln count) * idf, each row of length 1."""
    logged = matrix.astype(np.float64)
    logged.data = 1.0 + np.log(logged.data)
    return normalize(logged @ diags(idf))
