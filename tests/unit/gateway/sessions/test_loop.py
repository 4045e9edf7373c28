"""The loop guard: what names a turn, and when it counts as a loop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sessions.loop import looping, stop_text, turn_digest
from gateway.sessions.state import SessionState

MESSAGES = st.lists(st.binary(min_size=1, max_size=8), max_size=6)


@given(MESSAGES)
def test_the_same_conversation_has_the_same_name(messages: list[bytes]) -> None:
    assert turn_digest(messages, "m") == turn_digest([memoryview(m) for m in messages], "m")


@given(MESSAGES, st.binary(min_size=1, max_size=8))
def test_anything_added_makes_another_one(messages: list[bytes], new: bytes) -> None:
    assert turn_digest(messages, "m") != turn_digest([*messages, new], "m")


@pytest.mark.parametrize(
    "other",
    [
        ([b"a", b"b", b"x"], "m"),
        ([b"a", b"x", b"c"], "m"),
        ([b"aa", b"b", b"c"], "m"),  # an earlier one of another length
        ([b"a", b"b", b"c"], "n"),
        ([b"b", b"c"], "m"),
    ],
)
def test_any_change_makes_another_one(other: tuple[list[bytes], str]) -> None:
    assert turn_digest([b"a", b"b", b"c"], "m") != turn_digest(*other)


@pytest.mark.parametrize(
    ("state", "now_s", "found"),
    [
        (SessionState(turn_digest="d", repeats=3, repeat_since_s=100.0), 160.0, True),
        (SessionState(turn_digest="d", repeats=3, repeat_since_s=100.0), 160.1, False),
        (SessionState(turn_digest="d", repeats=2, repeat_since_s=100.0), 110.0, False),
        (SessionState(turn_digest="x", repeats=9, repeat_since_s=100.0), 110.0, False),
        (SessionState(), 0.0, False),
    ],
)
def test_a_loop_is_the_same_turn_often_and_soon(state: SessionState, now_s: float, found: bool) -> None:
    assert looping(state, "d", now_s=now_s, repeats=3, window_s=60.0) is found


def test_the_stop_says_how_often_and_what_to_do() -> None:
    text = stop_text(48)
    assert "48 times" in text
    assert "loop_guard.repeats" in text
