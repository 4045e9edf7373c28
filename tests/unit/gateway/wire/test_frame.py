"""Events that differ in one string only."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.frame import Frame, hole


def event(text: str) -> bytes:
    return b'data: {"n":1,"text": "' + text.encode() + b'","end":null}\n\n'


def framed() -> Frame:
    start, end = hole(event("x"), b'"text":')
    return Frame(event("x")[:start], event("x")[end:], "text")


@pytest.mark.parametrize(
    "text", ["", "plain", 'a \\"quote\\"', "back\\\\slash\\n", '\\\\\\"\\\\', "äöü 你好 👩‍👧", "}\\n\\ndata: x"]
)
def test_events_that_differ_in_the_text_are_its_own(text):
    frame = framed()
    assert frame.one(event(text))
    many = event("a") + event(text) + event("b")
    assert frame.run(many, 0) == (many, 3)
    said = "a" + json.loads(f'"{text}"') + "b"
    assert frame.text(many) == "".join(frame.texts(many)) == said
    assert len(frame.texts(many)) == 3
    assert frame.text_bytes(many, 3) == len(said.encode())


@pytest.mark.parametrize(
    "other",
    [
        b'data: {"n":1,"text": "a","tool":"b","end":null}\n\n',
        b'data: {"n":1,"text": "a\\","end":null}\n\n',
        b'data: {"n":1,"text": "\\ud800","end":null}\n\n',
        b'data: {"n":1,"text": "a\nb","end":null}\n\n',
        b'data: {"n":1,"text": "a\x00b","end":null}\n\n',
        b'data: {"n":1,"text": "\xff","end":null}\n\n',
        b'data: {"n":2,"text": "a","end":null}\n\n',
        b'data: {"n":1,"text": "a","end":null}\n',
        b"data: [DONE]\n\n",
    ],
)
def test_anything_else_is_not(other):
    frame = framed()
    assert not frame.one(other)
    assert frame.run(other, 0) == (b"", 0)
    if b"\xff" not in other:
        assert frame.run(event("a") + other + event("b"), 0) == (event("a"), 1)


def test_a_run_with_broken_text_anywhere_is_left_to_the_slow_way():
    assert framed().run(event("a") + b'data: {"n":1,"text": "\xff","end":null}\n\n', 0) == (b"", 0)


def test_a_run_is_found_where_it_starts():
    frame, noise = framed(), b": hello\n\n"
    data = noise + event("a") + event("b") + noise
    assert frame.run(data, 0) == (b"", 0)
    assert frame.run(data, len(noise)) == (event("a") + event("b"), 2)


def test_a_string_cut_behind_its_backslash_does_not_borrow_from_the_next():
    broken = b'data: {"n":1,"text": "a\\","end":null}\n\n'
    assert framed().run(broken + broken, 0) == (b"", 0)


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"text":5}\n\n',
        b'data: {"other":"x"}\n\n',
        b'data: {"text":"x"}\r\n\r\n',
        b'data: {"text":"x\n\n',
        b'data: {"text":"\0"}\n\n',
        b'data: {"text":"x"}',
    ],
)
def test_what_has_no_such_string_has_no_hole(data):
    assert hole(data, b'"text":') is None


INSIDES = ["", "word ", "a\\nb", '\\"q\\"', "ü", "x" * 300, "x" * 5000, "{}[]:,"]
STRANGE = [
    b": ping\n\n",
    b"data: [DONE]\n\n",
    b'event: e\ndata: {"n":2,"text": "a","end":null}\n\n',
    b'event: e\ndata: {"n":1,"text": "a\\ud800","end":null}\n\n',
    b'event: e\ndata: {"n":1,"text": "a\x01","end":null}\n\n',
    b'event: e\ndata: {"n":1,"te',
]


@given(
    st.lists(st.sampled_from(INSIDES), max_size=150),
    st.sampled_from([b"", *STRANGE]),
    st.lists(st.sampled_from(INSIDES), max_size=3),
    st.booleans(),
)
def test_a_long_run_ends_where_the_events_differ(before, other, behind, named):
    """However the read is cut into windows: what a match for one event after the other says."""
    head = b"event: e\ndata: " if named else b"data: "

    def made(inside: str) -> bytes:
        return head + b'{"n":1,"text": "' + inside.encode() + b'","end":null}\n\n'

    frame = Frame(head + b'{"n":1,"text": "', b'","end":null}\n\n', "text")
    events = [made(inside) for inside in before]
    rest = [made(inside) for inside in behind]
    run, count = b"", 0
    for event_ in [*events, *([other] if other else []), *rest]:
        if not frame.one(event_):
            break
        run, count = run + event_, count + 1
    data = b": noise\n\n" + b"".join(events) + other + b"".join(rest)
    start, found = len(b": noise\n\n"), (b"", 0)
    while True:  # a run may be told in several parts
        part, some = frame.run(data, start + len(found[0]))
        if not some:
            break
        found = found[0] + part, found[1] + some
    assert found == (run, count)
