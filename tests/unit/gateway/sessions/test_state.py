"""What a session remembers, and what a reply changes about it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sessions.state import NEW, SessionState, answered, dump, load

STATES = st.builds(
    SessionState,
    turns=st.integers(0, 10**6),
    bound_model=st.none() | st.text(max_size=5),
    mints=st.lists(st.text(max_size=3), max_size=8).map(tuple),
    repeats=st.integers(0, 99),
    repeat_since_s=st.floats(0, 1e10),
)


@given(STATES)
def test_round_trip(state: SessionState) -> None:
    assert load(dump(state)) == state


@pytest.mark.parametrize("raw", [None, b"", b"\xc1", msgspec.msgpack.encode({"turns": "many"}), b"{}", b"\x00" * 9])
def test_what_cannot_be_read_is_a_new_session(raw: bytes | None) -> None:
    assert load(raw) == NEW


def test_fields_of_another_version_are_ignored_and_missing_ones_take_their_defaults() -> None:
    assert load(msgspec.msgpack.encode({"turns": 3, "stopped": 1, "later": [1]})) == SessionState(turns=3)


def after(state: SessionState = NEW, **said: Any) -> SessionState:
    return answered(
        state, **{"model": "m", "mint": "v", "digest": "d", "now_s": 10.0, "bind": True, "window_s": 60.0, **said}
    )


def test_a_reply_binds_the_session() -> None:
    state = after()
    assert (state.turns, state.bound_model, state.bound_at_s, state.mints) == (1, "m", 10.0, ("v",))
    assert (state.turn_digest, state.repeats, state.repeat_since_s) == ("d", 1, 10.0)


@given(STATES)
def test_a_sub_call_never_makes_a_binding(state: SessionState) -> None:
    new = after(state, bind=False, model="cheap", mint="other")
    assert (new.bound_model, new.bound_at_s, new.mints) == (state.bound_model, state.bound_at_s, state.mints)
    assert new.turns == state.turns + 1


def test_minters_are_listed_once_newest_last_and_at_most_eight() -> None:
    state = NEW
    for n in [*range(10), 3]:
        state = after(state, mint=f"v{n}")
    assert state.mints == ("v2", "v4", "v5", "v6", "v7", "v8", "v9", "v3")


@pytest.mark.parametrize(
    ("said", "repeats", "since_s"),
    [
        ({"now_s": 70.0}, 2, 10.0),
        ({"now_s": 70.1}, 1, 70.1),  # the row began too long ago: a new one begins
        ({"now_s": 11.0, "digest": "e"}, 1, 11.0),
    ],
)
def test_repeats_are_counted_within_the_window(said: dict[str, Any], repeats: int, since_s: float) -> None:
    state = after(after(), **said)
    assert (state.repeats, state.repeat_since_s) == (repeats, since_s)
