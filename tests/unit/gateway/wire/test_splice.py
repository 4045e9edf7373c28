"""Splicing of JSON objects: edited keys change, all other bytes stay."""

import json

import pytest

from gateway.wire.splice import NotAnObject, fields, insert_first, members, replace_spans, spans, splice

PRETTY = (
    b'{\n  "model" : "auto",\n  "n": 1.0e1,\n  "messages": [{"a": "}]\\"{"}, []],\n  "x\\u0079": {"model": "in"}\n}\n'
)


def test_spans_point_at_the_raw_values() -> None:
    assert {key: PRETTY[start:end] for key, (start, end) in spans(PRETTY).items()} == {
        "model": b'"auto"',
        "n": b"1.0e1",
        "messages": b'[{"a": "}]\\"{"}, []]',
        "xy": b'{"model": "in"}',
    }


@pytest.mark.parametrize("body", [b"{}", b" { } ", b"\n{\t}\r\n"])
def test_an_empty_object_has_no_members(body: bytes) -> None:
    assert members(body) == []
    assert splice(body, {"gone": None}) == body


def test_replacing_leaves_the_rest_alone() -> None:
    edited = splice(PRETTY, {"model": b'"local/coder"', "xy": b"2"})
    assert edited == PRETTY.replace(b'"auto"', b'"local/coder"').replace(b'{"model": "in"}', b"2")


@pytest.mark.parametrize(
    ("body", "edits", "expected"),
    [
        (b'{"a":1, "b":2, "c":3}', {"a": None}, b'{"b":2, "c":3}'),
        (b'{"a":1, "b":2, "c":3}', {"b": None}, b'{"a":1, "c":3}'),
        (b'{"a":1, "b":2, "c":3 }', {"c": None}, b'{"a":1, "b":2 }'),
        (b'{ "a":1, "b":2 }', {"a": None, "b": None}, b"{  }"),
        (b'{"a":1,"b":2}', {"a": None, "b": b"[]"}, b'{"b":[]}'),
        (b'{"a":1}', {"b": b"2", "c": b"3"}, b'{"a":1,"b":2,"c":3}'),
        (b"{}", {"b": b"2"}, b'{"b":2}'),
        (b'{\n "a": 1\n}\n', {"b": b"2"}, b'{\n "a": 1,"b":2\n}\n'),
        (b'{"a":1}', {"a": None, "b": b"2"}, b'{"b":2}'),
        (b'{"a":1}', {"gone": None}, b'{"a":1}'),
        (b'{"a":1}', {}, b'{"a":1}'),
        (b'{"a":"}"}', {"b\n": b"2"}, b'{"a":"}","b\\n":2}'),
    ],
)
def test_deleting_and_appending(body: bytes, edits: dict[str, bytes | None], expected: bytes) -> None:
    assert splice(body, edits) == expected
    json.loads(expected)


@pytest.mark.parametrize(
    ("body", "edits", "expected"),
    [
        (b'{"m":"a", "x":1, "m":"b"}', {"m": b'"c"'}, b'{"x":1, "m":"c"}'),
        (b'{"m":"a", "x":1, "\\u006d":"b"}', {"m": b'"c"'}, b'{"x":1, "\\u006d":"c"}'),
        (b'{"m":"a", "m":"a"}', {"m": None}, b"{}"),
        (b'{"x":1, "m":{"q":[1,"]"]}, "x":2}', {"m": b"0"}, b'{"x":1, "m":0, "x":2}'),
        # the second value is a prefix of the first, and what follows it looks like the next member
        (b'{"a":12,"a":1}', {"a": b"3"}, b'{"a":3}'),
        (b'{"a":{"q":1,"b":2},"b":3,"a":{"q":1}}', {"b": b"9"}, b'{"a":{"q":1,"b":2},"b":9,"a":{"q":1}}'),
    ],
)
def test_an_edited_key_stands_once_afterwards_others_keep_their_duplicates(
    body: bytes, edits: dict[str, bytes | None], expected: bytes
) -> None:
    assert splice(body, edits) == expected


def test_spans_of_duplicates_are_the_last() -> None:
    body = b'{"m": 1, "n": 2, "m": 3}'
    start, end = spans(body)["m"]
    assert body[start:end] == b"3"
    assert [member.key for member in members(body)] == ["m", "n", "m"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'{"a":1', b'{"a":1}}', b'{"a" 1}', b"{a:1}", b'{"a":1,}', b'{"\xff":1}', b"{" * 100_000],
)
def test_anything_but_one_object_is_refused(body: bytes) -> None:
    with pytest.raises(NotAnObject):
        members(body)


def test_insert_first() -> None:
    assert insert_first(b'{"a":1}', "k", b"true") == b'{"k":true,"a":1}'
    assert insert_first(b'{\n  "a":1}', "k", b"true") == b'{\n  "k":true,"a":1}'
    assert insert_first(b" { } ", "k", b"true") == b' { "k":true} '
    with pytest.raises(NotAnObject):
        insert_first(b"[1]", "k", b"true")


@pytest.mark.parametrize(
    ("body", "edits"),
    [
        (PRETTY, {"model": b"1"}),
        (PRETTY, {"model": b"1", "n": b"2"}),
        (PRETTY, {"n": b"2", "xy": b"3"}),
        (PRETTY, {"model": None}),
        (PRETTY, {"new": b"1"}),
        (b'{"stream":true,"m\\u006fdel":"}{","messages":[]}', {"model": b"1"}),
        (b'{"messages":[{"model":1}],"model":"a"}', {"model": b"1"}),
        (b"{}", {"model": b"1"}),
    ],
)
def test_a_body_without_duplicates_gives_the_same_by_the_short_way(body: bytes, edits: dict[str, bytes | None]) -> None:
    assert splice(body, edits, unique=True) == splice(body, edits)


def test_the_short_way_never_takes_a_nested_key_for_its_own() -> None:
    body = b'{"metadata":{"model":"inner"},"model":"outer"}'
    assert splice(body, {"model": b"1"}, unique=True) == b'{"metadata":{"model":"inner"},"model":1}'


def test_fields_already_read_serve_the_members() -> None:
    assert members(PRETTY, fields(PRETTY)) == members(PRETTY)
    assert bytes(fields(PRETTY)["n"]) == b"1.0e1"


def test_known_spans_need_no_second_search() -> None:
    found = members(PRETTY)
    assert splice(PRETTY, {"n": b"2"}, found) == splice(PRETTY, {"n": b"2"})
    assert replace_spans(b"0123456789", [((5, 6), b"five"), ((1, 3), b"")]) == b"034five6789"
    with pytest.raises(ValueError, match="overlap"):
        replace_spans(b"0123456789", [((5, 7), b""), ((6, 8), b"")])
