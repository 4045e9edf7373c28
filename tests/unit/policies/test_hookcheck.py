"""Hooks that cannot mean what they say stop the load, each with its place and cure."""

import pytest

from policies.errors import PolicyError
from tests.support.desk import policy


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ("{on: request}", "exactly one of"),
        ("{on: request, command: [x], http: 'http://x'}", "exactly one of"),
        ("{on: request, model: m}", "has criteria"),
        ("{on: request, model: m, criteria: ' '}", "has criteria"),
        ("{on: request, command: [x], criteria: c}", "without a model"),
        ("{on: request, http: 'http://x', env: [A]}", "only a command"),
        ("{on: request, command: [x], tool: shell}", "not about a tool"),
        ("{on: post_tool_use, command: [x], program: ls}", "no commands are known"),
        ("{on: request, command: [x], may_rewrite: true}", "cannot rewrite"),
        ("{on: pre_tool_use, model: m, criteria: c, may_rewrite: true}", "cannot rewrite"),
        ("{on: request, command: [x], lanes: [mid]}", "no way is chosen"),
        ("{on: request, command: [x], tags: [mid]}", "no way is chosen"),
        ("{on: request, command: [x], on_error: ask}", "nobody can be asked"),
        ("{on: stop, command: [x], on_error: deny}", "nothing can be stopped"),
        ("{on: pre_route, command: [x], lanes: [fast]}", "fast"),
        ("{on: request, command: [x], id: 'a b'}", "a b"),
    ],
)
def test_one_hook(hook, message):
    with pytest.raises(PolicyError) as error:
        policy(f"hooks: [{hook}]\n")
    assert message in str(error.value.problems[0].sentence())
    assert "p.yaml:2" in error.value.problems[0].sentence()


@pytest.mark.parametrize("first", ["a", "hook-2"])
def test_names_stand_once(first):
    second = "id: a, " if first == "a" else ""
    with pytest.raises(PolicyError, match="stands twice"):
        policy(f"hooks: [{{id: {first}, on: stop, command: [x]}}, {{{second}on: stop, command: [x]}}]\n")


def test_a_tag_must_not_choose_a_profile():
    with pytest.raises(PolicyError, match="chooses the profile wide"):
        policy("profiles: {wide: {match: {tag: 'tru*'}}}\nhooks: [{on: pre_route, command: [x], tags: [trusted]}]\n")
    policy("profiles: {wide: {match: {tag: 'tru*'}}}\nhooks: [{on: pre_route, command: [x], tags: [other]}]\n")


def test_what_means_something_is_taken():
    held = policy(
        "hooks: [{on: pre_tool_use, command: [x], tool: shell, program: [git], env: [A], may_rewrite: true, on_error: ask},"
        " {on: permission_request, model: m, criteria: c, on_error: ask}, {on: reload, http: 'https://x', on_error: allow}]\n"
    )
    assert [hook.id for hook in held.hooks] == ["hook-1", "hook-2", "hook-3"]
