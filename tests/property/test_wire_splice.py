"""Splicing agrees with decoding, editing and encoding, for any object."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.splice import NotAnObject, insert_first, members, splice

TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=6) | st.sampled_from(
    ['"', "\\", '{"', "a", "b"]
)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
PAIRS = st.lists(st.tuples(TEXT, VALUE), max_size=6)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[list[tuple[str, Any]], bytes]:
    """An object with duplicates, odd white space, and either spelling of non-ASCII letters."""
    pairs = draw(PRETTY_PAIRS)
    space = st.sampled_from(["", " ", "\n  ", "\t", "\r\n"])
    ascii_only = draw(st.booleans())
    text = ",".join(
        draw(space) + json.dumps(key, ensure_ascii=ascii_only) + draw(space) + ":" + draw(space)
        + json.dumps(value, ensure_ascii=ascii_only, indent=draw(st.sampled_from([None, 1]))) + draw(space)
        for key, value in pairs
    )  # fmt: skip
    return pairs, (draw(space) + "{" + text + "}" + draw(space)).encode()


PRETTY_PAIRS = PAIRS | st.lists(st.tuples(st.sampled_from("ab"), VALUE), max_size=5)


@given(bodies())
def test_members_are_what_a_parser_sees(body: tuple[list[tuple[str, Any]], bytes]) -> None:
    pairs, raw = body
    found = members(raw)
    assert [(member.key, json.loads(raw[member.start : member.end])) for member in found] == pairs


@given(bodies(), st.dictionaries(TEXT, st.none() | VALUE.map(lambda value: (value,)), max_size=3))
def test_splicing_agrees_with_decode_edit_encode(
    body: tuple[list[tuple[str, Any]], bytes], edits: dict[str, tuple[Any] | None]
) -> None:
    pairs, raw = body
    result = splice(raw, {key: None if edit is None else json.dumps(edit[0]).encode() for key, edit in edits.items()})
    if len(dict(pairs)) == len(pairs):
        raws = {key: None if edit is None else json.dumps(edit[0]).encode() for key, edit in edits.items()}
        assert splice(raw, raws, unique=True) == result
    expected = dict(pairs)
    for key, edit in edits.items():
        if edit is None:
            expected.pop(key, None)
        else:
            expected[key] = edit[0]
    assert json.loads(result) == expected
    written = [key for key, _ in json.loads(result, object_pairs_hook=list)]
    assert all(written.count(key) == (edit is not None) for key, edit in edits.items())
    untouched = [raw[m.key_start : m.end] for m in members(raw) if m.key not in edits]
    assert [result[m.key_start : m.end] for m in members(result) if m.key not in edits] == untouched


@given(bodies(), TEXT)
def test_insert_first_puts_it_first(body: tuple[list[tuple[str, Any]], bytes], key: str) -> None:
    pairs, raw = body
    assert [m.key for m in members(insert_first(raw, key, b"[1]"))] == [key, *(name for name, _ in pairs)]


@given(st.binary(max_size=40) | bodies().flatmap(lambda body: st.integers(0, 30).map(lambda cut: body[1][:-cut])))
def test_arbitrary_bytes_raise_nothing_but_the_one_error(raw: bytes) -> None:
    try:
        splice(raw, {"a": b"1", "b": None})
    except NotAnObject:
        pass
