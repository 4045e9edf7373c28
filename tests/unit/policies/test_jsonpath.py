"""Paths into arguments."""

import pytest

from policies.jsonpath import compiled, head, text, values

ARGUMENTS = {"a": {"b c": [1, {"url": "x"}]}, "edits": [{"path": "p"}, {"path": "q"}], "url": "y"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("url", ["y"]),
        ("$.edits[*].path", ["p", "q"]),
        ("edits[1].path", ["q"]),
        ("edits[7].path", []),
        ('a["b c"][0]', [1]),
        ("a['b c'][0]", [1]),
        ("..url", ["y", "x"]),
        ("a.*", [[1, {"url": "x"}]]),
        ("url.x", []),
    ],
)
def test_values(path, found):
    assert values(ARGUMENTS, compiled(path)) == found


@pytest.mark.parametrize("path", ["", "$", "a[", "a b", "..", "[x]"])
def test_refused(path):
    with pytest.raises(ValueError, match="path"):
        compiled(path)


def test_depth_is_bounded():
    deep = current = {}
    for _ in range(200):
        current["x"] = {}
        current = current["x"]
    current["url"] = 1
    assert values(deep, compiled("..url")) == []


def test_text_and_head():
    assert text({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}'
    assert [head("a[*].b"), head("a.b"), head("a")] == ["a", "a", "a"]
