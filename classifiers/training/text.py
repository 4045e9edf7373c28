"""The two text readings as scikit-learn sees them: tokens with their pairs, and characters within words.

Both vectorisers get what serving gives the graph (`classifiers.features.text.Reading`), so there is no second tokeniser that
could disagree. scikit-learn's `char_wb` counts exactly the n-grams that do not cross a space, which is what the graph's
pool can express.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

from classifiers.features.asks import said_of
from classifiers.features.text import Reading, read

WORDS_MAX: Final = 9_000
CHARS_MAX: Final = 11_000
"""Size of the vocabularies: below this the scores get worse, above it only the artefact and the latency do."""
WORD_GRAMS: Final = (1, 2)
CHAR_GRAMS: Final = (2, 4)


def reading(text: str) -> Reading:
    """A training text as serving would read it: the human's words, cleaned, with marks for what stood beside them."""
    said = said_of(text)
    return read(said.words, said.marks)


def letters(each: Reading) -> str:
    return "".join(map(chr, each.chars))


def same(tokens: Sequence[str]) -> Sequence[str]:
    """The tokens are made already. (A named function: scikit-learn objects may be copied between processes.)"""
    return tokens


class Texts:
    """Both vectorisers, fitted together. Columns: tokens first, then characters; each part has length 1."""

    def __init__(self, words_max: int = WORDS_MAX, chars_max: int = CHARS_MAX, min_df: int = 2) -> None:
        common: dict[str, Any] = {"sublinear_tf": True, "lowercase": False, "dtype": np.float64, "min_df": min_df}
        self.words = TfidfVectorizer(
            analyzer="word",
            tokenizer=same,
            preprocessor=same,
            token_pattern=None,
            ngram_range=WORD_GRAMS,
            max_features=words_max,
            **common,
        )
        self.chars = TfidfVectorizer(analyzer="char_wb", ngram_range=CHAR_GRAMS, max_features=chars_max, **common)

    def fit(self, readings: Sequence[Reading]) -> csr_matrix:
        return self._joined(
            self.words.fit_transform([each.tokens for each in readings]),
            self.chars.fit_transform([letters(each) for each in readings]),
        )

    def of(self, readings: Sequence[Reading]) -> csr_matrix:
        return self._joined(
            self.words.transform([each.tokens for each in readings]),
            self.chars.transform([letters(each) for each in readings]),
        )

    @staticmethod
    def _joined(words: Any, chars: Any) -> csr_matrix:
        return csr_matrix(hstack([words, chars]))
