"""Taking our change out of an edited file: edits elsewhere stay, edits on our lines are a conflict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli._merge import merge

OURS = "a\nb\nours\nc\nd\n"
BEFORE = "a\nb\nc\nd\n"


@pytest.mark.parametrize(
    ("now", "merged"),
    [
        (OURS, BEFORE),
        ("x\n" + OURS, "x\n" + BEFORE),
        (OURS + "x\n", BEFORE + "x\n"),
        ("a\nB\nours\nc\nd\n", "a\nB\nc\nd\n"),
        ("a\nb\nours\nx\nc\nd\n", "a\nb\nx\nc\nd\n"),
        (BEFORE, BEFORE),
        ("a\nb\nOURS\nc\nd\n", None),
    ],
)
def test_merge(now: str, merged: str | None) -> None:
    assert merge(OURS, BEFORE, now) == merged


def test_two_additions_at_one_place_are_a_conflict() -> None:
    assert merge("a\n", "a\nx\n", "a\ny\n") is None
    assert merge("a\n", "a\nx\n", "a\nx\n") == "a\nx\n"


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=8).map("".join)


@given(LINES, LINES)
def test_one_changed_side_wins_and_the_order_of_sides_does_not_matter(base: str, changed: str) -> None:
    assert merge(base, changed, base) == changed
    assert merge(base, base, changed) == changed
    assert merge(base, changed, changed) == changed
