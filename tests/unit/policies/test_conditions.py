"""`when:`"""

import pytest

from policies.conditions import VARIABLES, check, compiled

SAMPLES = {name: sample for name, (_, sample) in VARIABLES.items()}


def test_values():
    condition = compiled('session.taint.exists(t, t in ["web"]) && call.kind == "shell"')
    assert condition(SAMPLES) is True
    assert condition(SAMPLES | {"session": {"taint": []}}) is False


def test_what_cannot_be_evaluated_is_none():
    assert compiled("call.args.owner == 'x'")(SAMPLES) is None
    assert compiled("session.taint")(SAMPLES) is None
    assert compiled("now.hour > 3")({"now": {}}) is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 +", "not a CEL"),
        ("nope == 1", "unknown name nope"),
        ("session.id", "no true or false"),
        ("nope(session)", "unknown"),
        ("x" * 5000, "too long"),
    ],
)
def test_what_is_wrong(source, said):
    assert said in check(source)[0]


@pytest.mark.parametrize(
    "source",
    [
        "now.hour >= 22 || now.hour < 6",
        "call.args.owner == 'acme'",
        "'network' in call.effects",
        "caller.agent.startsWith('x')",
    ],
)
def test_fine(source):
    assert check(source) is None
