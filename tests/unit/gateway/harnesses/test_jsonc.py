"""Editing JSON with comments as text: nothing but the addressed value moves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.harnesses import _jsonc

FILE = """{
\t// my settings
\t"theme": "dark", // keep me
\t"nested": {
\t\t"a": 1, /* and me */
\t},
\t"list": [1, 2,],
}
"""


def test_a_value_is_replaced_in_place() -> None:
    assert _jsonc.put(FILE, ("theme",), "light") == FILE.replace('"dark"', '"light"')


def test_a_new_member_comes_last_in_the_files_own_indentation() -> None:
    after = _jsonc.put(FILE, ("nested", "b"), {"c": [1]})
    assert '\t\t"a": 1, /* and me */\n\t\t"b": {\n\t\t\t"c": [\n\t\t\t\t1\n\t\t\t]\n\t\t},\n\t},' in after
    assert _jsonc.get(after, ("nested",)) == {"a": 1, "b": {"c": [1]}}


def test_objects_on_the_way_are_made() -> None:
    after = _jsonc.put(FILE, ("x", "y", "z"), True)
    assert _jsonc.get(after, ("x", "y", "z")) is True
    assert after.startswith(FILE[:-3])


@pytest.mark.parametrize("text", [None, "", "  \n", "// only a comment\n"])
def test_an_empty_file_becomes_a_document(text: str | None) -> None:
    after = _jsonc.put(text, ("a", "b"), 1)
    assert _jsonc.get(after, ("a", "b")) == 1
    assert after.startswith(text or "{")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{\n  "a": 1\n}'),
        ('{"b": 2}', '{"b": 2, "a": 1}'),
        ('{"b": 2,}', '{"b": 2, "a": 1,}'),
        ('{\n  "b": 2\n}', '{\n  "b": 2,\n  "a": 1\n}'),
        ('{\n    "b": 2 // two\n}', '{\n    "b": 2, // two\n    "a": 1\n}'),
        ('{"a": 1}', '{"a": 1}'),
        ('{"a": "https://x//y"}', '{"a": 1}'),
    ],
)
def test_shapes_of_files(before: str, after: str) -> None:
    assert _jsonc.put(before, ("a",), 1) == after


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": }', "line 1, column 7"),
        ('{"a": 1', "line 1"),
        ('{"a" 1}', "line 1, column 6"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"a": 1}\nx', "line 1"),
        ("[" * 5000, "nested too deeply"),
        ('{"a": 01}', "column 7"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(ConfigError, match=place):
        _jsonc.put(text, ("b",), 1)


def test_a_value_in_the_way_is_never_overwritten() -> None:
    with pytest.raises(ConfigError, match=r"nested\.a is no object"):
        _jsonc.put(FILE, ("nested", "a", "x"), 1)
    with pytest.raises(ConfigError, match="the document is no object"):
        _jsonc.put("[]", ("a",), 1)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=5), VALUES, max_size=4),
    st.lists(st.text(max_size=5), min_size=1, max_size=3),
    VALUES,
    st.sampled_from([None, 2, "\t"]),
)
def test_any_document_any_path(document: dict[str, Any], path: list[str], value: Any, indent: int | str | None) -> None:
    """Either the way is barred by a value, or afterwards exactly that path has changed; twice is once."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    expected: Any = json.loads(text)
    place = expected
    for key in path[:-1]:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            with pytest.raises(ConfigError):
                _jsonc.put(text, tuple(path), value)
            return
    place[path[-1]] = value
    after = _jsonc.put(text, tuple(path), value)
    assert json.loads(after) == expected
    assert _jsonc.put(after, tuple(path), value) == after
