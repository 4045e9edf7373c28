"""Matchers: every one alone, all together, and expressions that cannot be evaluated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.expr import VARIABLES
from gateway.config.routes import WhenConfig
from gateway.routing import match
from gateway.routing.match import EXPRESSION_NAMES, Facts, compile_when, globs

NOON_S = 12 * 3600.0


def holds(when: dict[str, Any], **facts: Any) -> bool:
    return compile_when(WhenConfig.model_validate(when))(Facts(**{"call": "main", **facts}))


@pytest.mark.parametrize(
    ("when", "yes", "no"),
    [
        ({"call": ["title", "main"]}, {}, {"call": "summary"}),
        ({"task": "question"}, {"task": "question"}, {"task": ""}),
        ({"lane": "local"}, {"lane": "local"}, {"lane": ""}),
        ({"images": True}, {"images": True}, {"images": False}),
        ({"images": False}, {"images": False}, {"images": True}),
        ({"context_tokens": {"min": 10}}, {"context_tokens": 10}, {"context_tokens": 9}),
        ({"context_tokens": {"max": 10}}, {"context_tokens": 10}, {"context_tokens": 11}),
        ({"tags": ["a", "b"]}, {"tags": ("z", "b")}, {"tags": ("z",)}),
        ({"model": "claude-*"}, {"model": "claude-x"}, {"model": "gpt"}),
        ({"harness": "codex"}, {"harness": "codex"}, {"harness": "codex-2"}),
        ({"key": "team-?"}, {"key_name": "team-a"}, {"key_name": "team-ab"}),
        ({"key": "k_1"}, {"key": "k_1", "key_name": "other"}, {"key": "k_2"}),
        ({"key": "*"}, {"key": "k_1"}, None),
        ({"tools": "mcp__*"}, {"tools": ("bash", "mcp__x")}, {"tools": ("bash",)}),
        ({"hour": "11-13"}, {"at_s": NOON_S}, {"at_s": NOON_S + 2 * 3600}),
        ({"expr": "turns > 3 && harness == 'codex'"}, {"turns": 4, "harness": "codex"}, {"turns": 4}),
        ({"expr": "'a' in tags || size(tools) == 2"}, {"tools": ("x", "y")}, {}),
        ({"expr": "hour == 12"}, {"at_s": NOON_S + 1}, {"at_s": 0.0}),
        ({"expr": "scores['gain'] > 0.1"}, {"scores": {"gain": 0.2}}, {"scores": {"gain": 0.0}}),
    ],
)
def test_one_matcher(when: dict[str, Any], yes: dict[str, Any], no: dict[str, Any] | None) -> None:
    assert holds(when, **yes)
    assert no is None or not holds(when, **no)


def test_all_matchers_must_hold() -> None:
    both = {"call": "main", "tags": "a"}
    assert holds(both, tags=("a",))
    assert not holds(both)
    assert not holds(both, call="title", tags=("a",))


def test_the_dear_tests_come_last_and_only_if_all_others_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(match, "_expression", lambda source: lambda facts: asked.append(source) is None)
    when = {"call": ["main"], "task": ["docstring"], "tags": ["a"], "images": False, "expr": "turns > 1"}
    assert not holds(when, task="docstring", tags=("b",))
    assert not holds(when, task="question", tags=("a",))
    assert asked == []
    assert holds(when, task="docstring", tags=("a",))
    assert asked == ["turns > 1"]


def test_nothing_asked_is_always() -> None:
    assert holds({}, call="safety", images=True)


@pytest.mark.parametrize("source", ["scores['gain'] > 0.1", "turns / 0 == 1", "tags[3] == 'a'"])
def test_what_cannot_be_evaluated_does_not_match(source: str) -> None:
    assert not holds({"expr": source})


def test_expressions_see_what_the_configuration_promises() -> None:
    assert set(EXPRESSION_NAMES) == set(VARIABLES) == set(Facts(call="main").variables())


def test_an_expression_sees_the_name_of_a_key_where_it_has_one() -> None:
    assert holds({"expr": "key == 'team'"}, key="k_1", key_name="team")
    assert holds({"expr": "key == 'k_1'"}, key="k_1")


@pytest.mark.parametrize(
    ("patterns", "text", "found"),
    [
        (["a*"], "abc", True),
        (["a*"], "xa", False),
        (["a?", "b"], "b", True),
        (["[ab]x"], "bx", True),
        (["opus[1m]"], "opus[1m]", True),  # a name that looks like a pattern is still that name
        (["a.c"], "abc", False),
        (["A"], "a", False),
        (["a*"], "a\nb", True),
        ([], "a", False),
    ],
)
def test_globs(patterns: list[str], text: str, found: bool) -> None:
    assert globs(patterns)(text) is found


@given(st.lists(st.text(max_size=6), max_size=4), st.text(max_size=6))
def test_a_pattern_matches_itself_and_a_star_everything(patterns: list[str], text: str) -> None:
    assert all(map(globs(patterns), patterns))
    assert globs(["*", *patterns])(text)
