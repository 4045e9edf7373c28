"""The scan finds what one search per rule would find, only faster."""

from __future__ import annotations

import re
import timeit

import pytest

from gateway.routing import words
from tests.unit.gateway.routing.test_tasks import ASKS


@pytest.mark.parametrize("text", [ask for _, ask in ASKS if ask])
def test_the_index_loses_nothing(text: str) -> None:
    """Against the plain way: every pattern searched through the whole text."""
    text = text.lower()
    plain = {name for name, patterns in words.RULES.items() if any(re.search(p, text) for p in patterns)}
    assert set(words.scan(text)) == plain


def test_a_rule_must_begin_with_two_letters() -> None:
    with pytest.raises(ValueError, match="two letters"):
        words._letters("e?xample")
    assert {words._letters(o) for o in words._options("(?:add|fix(?:es)?)\\b")} == {"ad", "fi"}
    assert list(words._options("(?:(?:unit|e2e) tests|spec)x")) == ["unit", "e2e", "spec"]


@pytest.mark.parametrize(
    "text", ["add a " * 400, "please add " * 200, "test" * 500, "a.b/" * 500, "create " + "x" * 1990, "all " * 500]
)
def test_hostile_text_costs_linear_time(text: str) -> None:
    """2000 characters within 50 ms even on a busy machine (about 0.3 ms on an idle one)."""
    assert min(timeit.repeat(lambda: words.scan(text[:2000]), number=1, repeat=3)) < 0.05
