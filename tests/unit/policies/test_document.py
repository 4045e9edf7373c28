"""YAML to values with lines; whatever a reader could misunderstand is refused."""

import pytest

from policies.document import DEPTH_MAX, TEXT_CHARS_MAX, read
from policies.errors import PolicyError


def test_values_follow_yaml_1_2():
    value = read("a: on\nb: 22:30\nc: true\nd: 012\ne: 1.5\nf: ~\ng: 'true'\n", "f").value
    assert value == {"a": "on", "b": "22:30", "c": True, "d": 12, "e": 1.5, "f": None, "g": "true"}


def test_lines_of_keys_and_items():
    held = read("rules:\n  base:\n    - id: a\n    - id: b\n", "f")
    assert held.line(("rules", "base", 1, "id")) == 4
    assert held.line(("rules", "base", 1, "nothing")) == 4
    assert held.line(("nothing",)) == 0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: 1\na: 2", "stands twice, first in line 1"),
        ("a: !!python/object:x {}", "the tag"),
        ("a: &x 1\nb: *x", "the anchor &x"),
        ("a: 1\n---\nb: 2", "more than one document"),
        ("a: [", "not YAML"),
        ("? [a]\n: 1", "a key that is not a word"),
        ("a: " + "[" * 5000, "nested deeper"),
        ("x" * (TEXT_CHARS_MAX + 1), "larger than"),
        ("a: \x00", "not YAML"),
    ],
)
def test_what_is_refused(text, what):
    with pytest.raises(PolicyError, match=what.replace("(", r"\(")):
        read(text, "f")


def test_depth_up_to_the_bound_is_read():
    assert read("[" * DEPTH_MAX + "]" * DEPTH_MAX, "f").value is not None
