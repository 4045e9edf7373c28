"""Examples ask whether a rule speaks of a call."""

import pytest

from policies.examples import CWD, HOME, Unparsed, call_of, every, matches
from policies.model import Example
from tests.support.desk import policy

HELD = policy(
    "rules: {b: [{id: d, deny: {reads: '**/.env'}}, {id: a, allow: {tool: read, paths_in: workspace}, match: [{tool: Read, arguments: {file_path: x}}]}]}"
)


def read(path, **more):
    return Example(tool="Read", arguments={"file_path": path}, **more)


def test_each_rule_by_itself():
    assert matches(HELD, HELD.rules["d"], read(".env"))
    assert matches(HELD, HELD.rules["a"], read(".env"))
    assert not matches(HELD, HELD.rules["a"], read("/etc/x"))
    assert not matches(HELD, HELD.rules["d"], read("a\u200b/.env"[:2] + "x"))


def test_where_they_are_played():
    assert call_of(read("x"), HELD)[1].cwd == CWD
    assert call_of(read("x"), HELD)[1].home == HOME
    assert call_of(read("x", cwd="/y"), HELD)[1].cwd == "/y"
    assert call_of(read("x"), policy("workspace: {roots: [/r]}"))[1].cwd == "/r"


def test_all_examples_of_a_policy():
    assert [(rule.id, wanted) for rule, _, wanted in every(HELD)] == [("a", True)]


def test_what_cannot_be_told_without_the_second_parser():
    example = Example(arguments={"command": "cat $(echo .env)"})
    with pytest.raises(Unparsed):
        matches(HELD, HELD.rules["d"], example)
    assert not matches(HELD, HELD.rules["a"], example, lambda text: None)
