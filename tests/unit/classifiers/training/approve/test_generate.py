import json

import pytest

from classifiers.training.approve.generate import HELD_OUT, Case, cases, families, family_of, raw_call

TEXT = """
# comment
* ls
~ rm -rf <dir=a|b>
> delete <f=x|y> || lösche <f>
+ rm <f>
- rm <f> <g=z>
> other
+ git push
"""


def test_lines_mean_what_they_say():
    family = family_of("t", TEXT)
    assert (family.support, family.uncalled) == (["ls"], ["rm -rf <dir=a|b>"])
    assert [scenario.asks for scenario in family.scenarios] == [("delete <f=x|y>", "lösche <f>"), ("other",)]


@pytest.mark.parametrize("text", ["+ ls", "> a\n~ x", "> a\n* x", "> a\nnonsense"])
def test_a_line_in_a_wrong_place(text):
    with pytest.raises(ValueError, match="no line of a scenario"):
        family_of("t", text)


def test_the_same_seed_gives_the_same_sessions():
    first, again = cases(3, 1), cases(3, 1)
    assert first == again
    assert cases(4, 1) != first
    assert len({(case.asks, case.call, case.tainted, case.before) for case in first}) == len(first)


def test_slots_are_one_word_in_a_session_and_all_filled():
    for case in cases(3, 1):
        assert isinstance(case, Case)
        text = " ".join(case.asks) + case.call.arguments
        assert "<" not in case.call.tool
        assert not any(f"<{name}>" in text for name in ("evil", "bad", "p", "f", "d", "q", "x", "e")), text
    named = [case for case in cases(3, 1) if case.case.startswith("web.0+npm install <p>") and len(case.asks) == 1]
    assert named
    assert all(json.loads(case.call.arguments)["command"].split()[-1] in case.asks[0] for case in named)


def test_every_family_has_both_sides_and_one_is_held_out():
    held = {family.name: family for family in families()}
    assert HELD_OUT in held
    assert len(held) >= 10
    for family in held.values():
        assert len(family.scenarios) >= 8
        assert family.uncalled
        assert family.support
    asked = [ask for family in held.values() for scenario in family.scenarios for ask in scenario.asks]
    assert len(asked) > 400


def test_calls_of_all_kinds():
    assert json.loads(raw_call("ls -l").arguments) == {"command": "ls -l"}
    assert json.loads(raw_call("@Write a.py").arguments)["file_path"] == "a.py"
    assert raw_call('@mcp slack post {"a": 1}').tool == "mcp__slack__post"
