"""Tokens are the same wherever they are made; what varies without meaning is named by its kind; cost is bounded."""

import time

import pytest

from classifiers.features import text
from classifiers.features.text import CHARS_MAX, CONCEPTS_MAX, TOKENS_MAX, bounded, read, tokens_of


@pytest.mark.parametrize(
    ("ask", "tokens"),
    [
        ("Fix the bug in src/auth/session.py, now", ["fix", "the", "bug", "in", "xpath", "xpy", "now"]),
        ("edit tests/test_a.ts", ["edit", "xpath", "xts", "xtestpath"]),
        ("rename getUserById to find_user", ["rename", "xsym", "to", "xsym"]),
        ("call parse() 12 times", ["call", "xsym", "xnum", "times"]),
        ("see https://example.org/x, commit 1a2b3c4d5e", ["see", "xurl", "commit", "xhex"]),
        ("don't break it", ["don't", "break", "it"]),
        ("Füge Tests hinzu!", ["füge", "tests", "hinzu"]),
        ("修复错误", ["修复", "复错", "错误"]),
        ("在 a.ts 中", ["在", "xpath", "xts", "中"]),
        ("Исправь ОШИБКУ", ["исправь", "ошибку"]),
        ("ＦＩＸ", ["fix"]),
        ("...", []),
    ],
)
def test_tokens(ask, tokens):
    assert tokens_of(ask) == tokens
    assert tokens_of(ask) == tokens  # from memory


def test_a_reading_is_never_empty_and_says_its_marks():
    assert read("").tokens == ("xnothing",)
    assert len(read("").chars) > 0
    assert read("fix it", {"trace", "code"}).tokens[:5] == ("xbegin", "fix", "it", "xcode", "xtrace")
    assert read("Fix  it").chars == " fix it "


def test_a_question_mark_is_a_token_and_its_sign_a_character():
    assert read("why?").tokens[:3] == ("xbegin", "why", "xask")
    assert "xask" in read("なぜ？").tokens
    assert "xask" not in read("a?b = c").tokens
    assert read("Why  5?").chars == " why 5? "


def test_characters_are_those_of_distinct_words():
    assert read("again and again and done").chars == " again and done "
    assert len(read("İ" * 3000).chars) <= CHARS_MAX  # one sign that becomes two in lower case


def test_the_ends_of_a_long_ask_are_read_and_the_middle_is_not():
    ask = "first " + "middle " * 4000 + "last"
    assert len(bounded(ask)) <= text.READ_CHARS + 1
    reading = read(ask)
    assert reading.tokens[:2] == ("xbegin", "first")
    assert len(reading.tokens) <= TOKENS_MAX + CONCEPTS_MAX + 2
    assert len(reading.chars) <= CHARS_MAX
    assert read(ask).tokens == read("first " + "middle " * 9000 + "last").tokens[: len(reading.tokens)]


def test_cost_is_flat():
    def seconds(chars: int) -> float:
        ask = ("word%d " * (chars // 7)) % tuple(range(chars // 7))
        begun = time.perf_counter()
        read(ask)
        return time.perf_counter() - begun

    read("warm up")
    assert min(seconds(400_000) for _ in range(5)) < 20 * min(seconds(16_000) for _ in range(5)) + 0.005


def test_memory_of_chunks_is_bounded():
    for number in range(3):
        read(" ".join(f"w{number}x{n}" for n in range(text.TOKENS_MAX)))
    assert len(text._memo) <= text.MEMO_MAX
    read("y" * 5000)
    assert "y" * 5000 not in text._memo
