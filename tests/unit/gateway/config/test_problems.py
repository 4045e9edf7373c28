"""Sentences about mistakes: place, path, cure, and never a secret."""

import pytest

from gateway.config.problems import Place, Problem, config_error, listed, nearest, path_text, shown


def test_sentence():
    problem = Problem(
        path=("models", "a b", "to", 0), message="wrong", accepted="right", nearest="rite", place=Place(3, 7)
    )
    assert problem.sentence("f.yaml") == 'f.yaml:3:7: models."a b".to[0]: wrong; accepted: right. Did you mean rite?'
    assert Problem(path=(), message="wrong").sentence("f") == "f: wrong"


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (("lane",), "locl", "'locl'"),
        (("port",), 70000, "70000"),
        (("x",), True, "true"),
        (("x",), None, "null"),
        (("x",), [1], "a list"),
        (("x",), {"a": 1}, "a mapping"),
        (("x",), "y" * 100, ""),
        (("x",), "sk-0123456789abcdefghijk", ""),
        (("models", "a", "api_key"), "short", ""),
        (("models", "a", "headers", "X-Thing"), "short", ""),
        (("models", "a", "proxy"), "http://u:p@h", ""),
        (("my_token",), "short", ""),
    ],
)
def test_values_are_shown_only_where_they_cannot_be_secrets(path: tuple[str, ...], value: object, text: str):
    assert shown(path, value) == text


def test_nearest():
    assert nearest("Frontir", ["frontier", "mid"]) == "frontier"
    assert nearest("xyz", ["frontier"]) == ""
    assert nearest(5, ["5"]) == ""
    assert nearest("x" * 300, ["x"]) == ""


def test_listed_is_bounded():
    assert listed(["a", "b"]) == "a, b"
    assert listed(map(str, range(30))).endswith(" and 6 more")


def test_problems_are_ordered_by_place_and_told_once():
    late, early = (Problem(path=(), message=m, place=Place(line, 1)) for m, line in (("late", 9), ("early", 2)))
    error = config_error("f", [late, early, late])
    assert error.problems == ("f:2:1: early", "f:9:1: late")
    assert error.message == "2 problems in f"
    assert path_text(()) == ""
