import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from classifiers.training import text
from classifiers.training.generate import generated

READINGS = [text.reading(row.text) for row in generated(2, 0.05)]


def test_weights_are_scikit_learns_tfidf() -> None:
    fitted, matrix = text.fit(text.count(READINGS), np.arange(len(READINGS)), np.arange(0))
    reference = TfidfVectorizer(
        analyzer="char_wb", lowercase=False, ngram_range=text.CHAR_GRAMS, vocabulary=fitted.chars, sublinear_tf=True
    ).fit_transform([text.letters(each) for each in READINGS])
    assert np.abs(matrix[:, len(fitted.words) :] - reference).max() < 1e-6


def test_concepts_weigh_less_than_words() -> None:
    rows = [text.reading("write tests"), text.reading("write tests")]
    fitted, _ = text.fit(text.count(rows), np.arange(2), np.arange(0))
    weights = dict(zip(fitted.words, fitted.word_idf, strict=True))
    for concept in ("cmakex", "cmakex ctestx", "xconcepts cmakex"):
        assert weights[concept] == pytest.approx(text.CONCEPT_SHARE * weights["write tests"])


def test_reading_again_gives_the_same_rows() -> None:
    fitted, matrix = text.fit(text.count(READINGS), np.arange(len(READINGS)), np.arange(0))
    assert abs(fitted.of(READINGS) - matrix).max() == pytest.approx(0.0)
    assert matrix.shape[1] == fitted.size


def test_only_rows_trained_on_decide_what_is_kept() -> None:
    counts = text.count(READINGS)
    half = np.arange(len(READINGS) // 2)
    fitted, _ = text.fit(counts.rows(half), half, np.arange(0))
    alone, _ = text.fit(text.count(READINGS[: len(half)]), half, np.arange(0))
    assert set(fitted.words) == set(alone.words)


def test_an_ngram_of_a_single_row_is_not_kept() -> None:
    rows = [text.reading("zebra crossing"), text.reading("plain words"), text.reading("plain words")]
    fitted, _ = text.fit(text.count(rows), np.arange(3), np.arange(0))
    assert "zebra" not in fitted.words
    assert "plain" in fitted.words


def test_pasted_material_becomes_a_mark() -> None:
    assert "xcode" in text.reading("why?\n```py\nx = 1\n```").tokens
