"""The reasoning ledger: what is remembered of a reply, and what is withheld from or restored to the next request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.contract import SeenReasoning
from gateway.ir.profile import DEFAULT, Profile
from gateway.ir.request import Message, Reasoning, Text, ToolCall
from gateway.sessions.reasoning import (
    STAND_IN,
    Decision,
    Entry,
    apply,
    call_key,
    decide,
    dump,
    entries,
    keys_needed,
    load,
    seal_key,
    seen_in,
)

SEALING = replace(DEFAULT, verifies_signatures=True)
ECHOING = replace(DEFAULT, echo_reasoning="tool_turns")
OURS = (Reasoning(text="our thought", signature="ours"),)


def trace(seal: str | None = None, calls: tuple[str, ...] = ("c1",), at: tuple[int, int] = (1, 0)) -> SeenReasoning:
    return SeenReasoning(at, seal, calls)


def gap(calls: tuple[str, ...] = ("c1",), at: int = 1) -> SeenReasoning:
    return SeenReasoning((at, -1), None, calls, missing=True)


def known(mint: str, blocks: tuple[Reasoning, ...] = OURS, calls: tuple[str, ...] = ("c1",)) -> dict[str, Entry]:
    return entries(mint, blocks, calls, bytes_max=1 << 20)


def decided(seen: list[SeenReasoning], about: dict[str, Entry], profile: Profile, *mints: str) -> Decision:
    return decide(seen, about, mint="us", profile=profile, mints=mints)


# --- remembering ------------------------------------------------------------------------------------------------


def test_a_turn_is_filed_under_its_seals_and_its_calls() -> None:
    blocks = (Reasoning("a", signature="s1"), Reasoning("b", encrypted="s2"), Reasoning("plain"))
    assert entries("v", blocks, ["c1", "c2"], bytes_max=100) == {
        seal_key("s1"): Entry("v"),
        seal_key("s2"): Entry("v"),
        call_key("c1"): Entry("v", blocks),
        call_key("c2"): Entry("v", blocks),
    }


def test_a_tool_turn_without_reasoning_is_remembered_as_that() -> None:
    assert entries("v", (), ["c1"], bytes_max=100) == {call_key("c1"): Entry("v")}
    assert entries("v", (), [], bytes_max=100) == {}


@pytest.mark.parametrize(("bytes_max", "kept"), [(7, True), (6, False)])
def test_the_bound_counts_bytes_of_everything_and_keeps_the_mint(bytes_max: int, kept: bool) -> None:
    block = Reasoning("ä", signature="s", summary=("abc",), encrypted="e")
    found = entries("v", (block,), ["c1"], bytes_max=bytes_max)
    assert seal_key("s") in found
    assert (call_key("c1") in found) is kept


def test_keys_and_seals_are_never_stored_as_they_are_and_never_mixed() -> None:
    assert seal_key("x") != call_key("x")
    assert "secret" not in seal_key("secret") + call_key("secret")


@pytest.mark.parametrize("raw", [None, b"", b"\xc1", b"garbage"])
def test_an_unreadable_entry_is_none(raw: bytes | None) -> None:
    assert load(raw) is None


def test_round_trip() -> None:
    entry = Entry("v", (Reasoning("t", ("x",), "s", "e", redacted=True, id="i"),))
    assert load(dump(entry)) == entry


def test_every_key_is_asked_for_once() -> None:
    seen = [trace("s", ("c1", "c2")), trace("s", ("c1",)), gap(("c3",)), trace(None, ())]
    assert keys_needed(seen) == [seal_key("s"), call_key("c1"), call_key("c3")]


# --- deciding ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "about", "profile", "mints", "withheld"),
    [
        (trace("ours"), known("us"), SEALING, ("us",), False),
        (trace("ours"), known("them"), SEALING, ("us",), True),
        (trace("ours"), known("them"), DEFAULT, (), True),
        (trace("strange"), {}, SEALING, (), False),  # memory was lost: only this vendor can have made it
        (trace("strange"), {}, SEALING, ("us",), False),
        (trace("strange"), {}, SEALING, ("us", "them"), True),
        (trace("strange"), {}, DEFAULT, (), True),  # a seal means nothing to a vendor that seals nothing
        (trace(None), {}, SEALING, (), True),
        (trace(None), {}, replace(DEFAULT, encrypted_reasoning=True), (), True),
        (trace(None), {}, DEFAULT, (), False),
        (trace(None), known("us"), DEFAULT, (), False),
        (trace(None), known("them"), DEFAULT, (), True),
        (trace(None, ()), {}, ECHOING, (), False),
    ],
)
def test_what_is_withheld(
    seen: SeenReasoning, about: dict[str, Entry], profile: Profile, mints: tuple[str, ...], withheld: bool
) -> None:
    assert (seen.path in decided([seen], about, profile, *mints).drop) is withheld


@pytest.mark.parametrize(
    ("about", "profile", "restored"),
    [
        (known("us"), SEALING, OURS),
        (known("us"), ECHOING, OURS),
        (known("us"), DEFAULT, None),  # nobody asks for it: the bytes stay as they are
        (known("them"), SEALING, None),
        (known("them"), ECHOING, STAND_IN),
        ({}, SEALING, None),
        ({}, ECHOING, STAND_IN),
        (known("us", ()), ECHOING, STAND_IN),
    ],
)
def test_what_is_restored_to_a_tool_turn_without_reasoning(
    about: dict[str, Entry], profile: Profile, restored: tuple[Reasoning, ...] | None
) -> None:
    decision = decided([gap()], about, profile)
    assert decision.restore == ({} if restored is None else {1: restored})
    assert decision.drop == ()
    assert bool(decision) is (restored is not None)


def test_a_mangled_trace_is_replaced_by_the_true_one() -> None:
    assert decided([trace(None)], known("us"), SEALING) == Decision(((1, 0),), {1: OURS})


def test_a_turn_is_restored_whole_and_once() -> None:
    """Two traces of one turn, one of them mangled: restoring beside what is left would double it."""
    both = (*OURS, Reasoning("more", signature="more"))
    seen = [trace("ours", ("c1", "c2"), (3, -1)), trace(None, ("c2",), (5, -1))]
    assert decided(seen, known("us", both, ("c1", "c2")), SEALING) == Decision(((3, -1), (5, -1)), {3: both})


def test_turns_are_judged_apart() -> None:
    about = known("us", OURS, ("c1",)) | known("them", (Reasoning("x", signature="x"),), ("c2",))
    assert decided([gap(("c1",), 1), trace("x", ("c2",), (3, 0))], about, SEALING) == Decision(((3, 0),), {1: OURS})


def test_no_stand_in_beside_a_trace_that_stays() -> None:
    about = known("them", (Reasoning("x", signature="x"),), ("c9",))
    seen = [trace("x", ("c1",), (1, 0)), trace(None, ("c1",), (1, 1))]
    assert decided(seen, about, ECHOING) == Decision(((1, 0),), {})


def test_a_turn_without_calls_gets_nothing_back() -> None:
    assert decided([trace("ours", ())], known("them"), ECHOING) == Decision(((1, 0),), {})


CALLS = st.sampled_from(["c1", "c2", "c3"])
SEALS = st.sampled_from([None, "s1", "s2", "s3"])
SEEN = st.builds(
    lambda index, block, seal, calls, missing: SeenReasoning(
        (index, -1 if missing else block), None if missing else seal, tuple(calls), missing and bool(calls)
    ),
    st.integers(0, 4),
    st.integers(0, 2),
    SEALS,
    st.lists(CALLS, max_size=2, unique=True),
    st.booleans(),
)
BLOCK = st.builds(Reasoning, text=st.text(max_size=3), signature=st.sampled_from([None, "s1", "s2", "s3"]))
PROFILES = st.builds(
    lambda seal, encrypt, echo: replace(
        DEFAULT, verifies_signatures=seal, encrypted_reasoning=encrypt, echo_reasoning=echo
    ),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["never", "optional", "tool_turns"]),
)


@given(
    seen=st.lists(SEEN, max_size=6, unique_by=lambda s: s.path),
    turns=st.lists(
        st.tuples(st.sampled_from(["us", "them"]), st.lists(BLOCK, max_size=2).map(tuple), st.lists(CALLS, max_size=2)),
        max_size=4,
    ),
    profile=PROFILES,
    mints=st.lists(st.sampled_from(["us", "them"]), max_size=2),
)
def test_never_another_mints_block(
    seen: list[SeenReasoning], turns: list[Any], profile: Profile, mints: list[str]
) -> None:
    about: dict[str, Entry] = {}
    for mint, blocks, calls in turns:
        about |= entries(mint, blocks, calls, bytes_max=1 << 20)
    decision = decided(seen, about, profile, *mints)
    allowed = [e.blocks for e in about.values() if e.mint == "us" and e.blocks] + [STAND_IN]
    assert all(blocks in allowed for blocks in decision.restore.values())
    dropped = set(decision.drop)
    assert len(dropped) == len(decision.drop)
    assert dropped <= {s.path for s in seen if not s.missing}
    foreign = {s.path for s in seen if s.seal and about.get(seal_key(s.seal), Entry("us")).mint != "us"}
    assert foreign <= dropped


# --- the neutral form -------------------------------------------------------------------------------------------

CONVERSATION = (
    Message("user", (Text("hi"),)),
    Message("assistant", (Reasoning("a", signature="s"), Text("b"), ToolCall("c1", "run", "{}"))),
    Message("assistant", (ToolCall("c2", "run", "{}"),)),
    Message("assistant", (Reasoning("only"),)),
)


def test_traces_are_found_in_the_neutral_form() -> None:
    assert seen_in(CONVERSATION) == [
        SeenReasoning((1, 0), "s", ("c1",)),
        SeenReasoning((2, -1), None, ("c2",), missing=True),
        SeenReasoning((3, 0), None, ()),
    ]


def test_a_decision_is_carried_out() -> None:
    done = apply(CONVERSATION, Decision(((1, 0), (3, 0)), {2: OURS}))
    assert [m.parts for m in done] == [
        CONVERSATION[0].parts,
        CONVERSATION[1].parts[1:],
        (*OURS, *CONVERSATION[2].parts),
    ]
    assert apply(CONVERSATION, Decision()) == CONVERSATION
