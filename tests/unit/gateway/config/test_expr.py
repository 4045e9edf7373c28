"""CEL expressions: the names routing offers, and every mistake that can be told before a request comes."""

import cel
import pytest

from gateway.config.expr import VARIABLES, check
from gateway.routing.match import EXPRESSION_NAMES, Facts


def test_the_names_are_those_that_routing_offers():
    assert tuple(VARIABLES) == EXPRESSION_NAMES
    offered = Facts(call="main", tags=("a",), tools=("b",)).variables()
    for name, (_, sample) in VARIABLES.items():
        assert type(offered[name]) is type(sample), name


@pytest.mark.parametrize(
    "source",
    [
        "call == 'main'",
        "context_tokens > 8000 && !images",
        "'bash' in tools && size(tags) == 1",
        "tools.exists(t, t.startsWith('mcp__'))",
        "tools.all(t, tags.exists(u, u == t))",
        "scores.gain > 0.1",
        "scores.nothing > 0.1",
        "tools[9] == 'x'",
        "turns % 2 == 1 || 1 / (turns - 3) > 0",
        "harness.matches('^open')",
    ],
)
def test_good(source: str):
    assert check(source) is None
    cel.compile(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "not a CEL expression"),
        ("call ==", "at character 8 of it"),
        ("call ==\n  ==", "at line 2, character 3 of it"),
        ("cal == 'x'", "unknown name cal"),
        ("tools.exists(t, u == t)", "unknown name u"),
        ("lower(call) == 'x'", "unknown function lower"),
        ("call.lower() == 'x'", "unknown function lower"),
        ("context_tokens", "yields int, not true or false"),
        ("call + 1 == 'x'", "mixes types"),
        ("(" * 2000 + "true" + ")" * 2000, "nested too deeply"),
    ],
)
def test_bad(source: str, message: str):
    wrong = check(source)
    assert wrong is not None
    assert message in wrong[0]


def test_nearest_name():
    wrong = check("contxt_tokens > 1")
    assert wrong is not None
    assert wrong[2] == "context_tokens"
