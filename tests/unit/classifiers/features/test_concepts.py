"""Words of many languages are read as what they stand for, in order, and memory of them is bounded."""

import pytest

from classifiers.features import concepts
from classifiers.features.concepts import MARK, TOKENS, concepts_of
from classifiers.features.text import CONCEPTS_MAX, read, tokens_of


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        ("write a docstring", ["cmakex", "cdocumentx"]),
        ("schreibe einen Docstring", ["cmakex", "cdocumentx"]),
        ("напиши докстринг", ["cmakex", "cdocumentx"]),
        ("rename it everywhere", ["ceditx", "cscopex"]),
        ("renombra esto en todos los módulos", ["ceditx", "cscopex"]),
        ("证明", ["cthinkx"]),
        ("zqx qwv", []),
    ],
)
def test_words_of_one_meaning_are_one_concept(ask, found):
    assert concepts_of(tokens_of(ask)) == found
    assert concepts_of(tokens_of(ask)) == found  # from memory


def test_a_reading_says_its_concepts_last_and_not_without_end():
    assert read("write tests").tokens == ("xbegin", "write", "tests", MARK, "cmakex", "ctestx")
    assert MARK not in read("zqx qwv").tokens
    long = read("write tests " * 200).tokens
    assert len(long) - long.index(MARK) - 1 == CONCEPTS_MAX


def test_concepts_have_names_that_no_word_has():
    assert MARK in TOKENS
    assert not TOKENS & set(
        tokens_of(" ".join(word for listed in concepts._LEXICON.values() for word in listed.split()))
    )


def test_stems_are_long_enough_to_mean_something():
    assert min(map(len, concepts._STEMS)) >= concepts.STEM_MIN
    assert concepts_of(["documentation", "document"]) == ["cdocumentx"] * 2
    assert concepts_of(["wr"]) == []


def test_memory_of_words_is_bounded():
    for number in range(20):
        concepts_of([f"w{number}x{n}" for n in range(900)])
    assert len(concepts._memo) <= concepts.MEMO_MAX
