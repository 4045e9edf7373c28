"""Deny over ask over allow, the strictest over all commands, a default for what no rule speaks of."""

from policies import ruling
from policies.compiled import Index, Layer, Resolved, compile_rule
from policies.facts import Command, Facts
from policies.model import Rule
from policies.view import Place, view

LS = Command("ls", ("ls",))
RM = Command("rm", ("rm", "x"))
GIT = Command("git", ("git", "push"), "push", effects=("network",))


def ruled(rules, *commands, default="ask", layers=(), context=dict):
    whole = view(
        Facts("shell", "bash", commands=commands, effects=tuple({e for c in commands for e in c.effects})),
        Place(("/repo",)),
        {},
    )
    held = [
        Layer(Index([compile_rule(Rule.model_validate(rule)) for rule in each]), default) for each in (rules, *layers)
    ]
    return ruling.rule(Resolved("p", ("manual",), tuple(held), ()), whole, context)


ALLOW_LS = {"id": "ls", "allow": {"program": "ls"}}
ASK_LS = {"id": "ask-ls", "ask": {"program": "ls"}}
DENY_LS = {"id": "deny-ls", "deny": {"program": "ls"}}
ALLOW_RM = {"id": "rm", "allow": {"program": "rm"}}


def test_strength():
    assert ruled([ALLOW_LS], LS).decision == "allow"
    assert ruled([ALLOW_LS, ASK_LS], LS).decision == "ask"
    found = ruled([ALLOW_LS, ASK_LS, DENY_LS], LS)
    assert found.decision == "deny"
    assert [match.rule for match in found.matched] == ["deny-ls", "ask-ls", "ls"]


def test_every_command_needs_a_rule():
    found = ruled([ALLOW_LS], LS, RM)
    assert found.decision == "ask"
    assert not found.said
    assert found.uncovered == ("rm x",)
    assert ruled([ALLOW_LS, ALLOW_RM], LS, RM).decision == "allow"
    assert ruled([ALLOW_LS], LS, RM, default="deny").decision == "deny"


def test_a_deny_over_the_whole_call_meets_two_commands_together():
    both = {"id": "both", "deny": {"all": [{"program": "ls"}, {"effects": "network"}]}}
    allow = {"id": "git", "allow": {"program": "git", "effects": "network"}}
    assert ruled([both, ALLOW_LS, allow], LS, GIT).decision == "deny"
    assert ruled([both, ALLOW_LS, allow], GIT).decision == "allow"


def test_the_strictest_layer_holds():
    assert ruled([ALLOW_LS], LS, layers=[[ASK_LS]]).decision == "ask"
    assert ruled([ALLOW_LS], LS, layers=[[]]).decision == "ask"
    assert ruled([ASK_LS], LS, layers=[[DENY_LS]]).decision == "deny"


def test_floor():
    assert ruled([{**ASK_LS, "floor": True}], LS).floor
    assert not ruled([{**ASK_LS, "floor": True}, DENY_LS], LS).floor


def test_conditions_that_cannot_be_evaluated_count_against_the_call():
    allow, deny = ALLOW_LS | {"when": "session.x == 1"}, DENY_LS | {"when": "session.x == 1"}
    empty = lambda: {"session": {}}  # noqa: E731
    assert ruled([allow], LS, context=empty).decision == "ask"
    assert ruled([ALLOW_LS, deny], LS, context=empty).decision == "deny"
    assert ruled([ALLOW_LS, deny], LS, context=lambda: {"session": {"x": 2}}).decision == "allow"
    assert ruled([allow], LS, context=lambda: {"session": {"x": 1}}).decision == "allow"


def test_the_context_is_made_only_for_conditions_whose_matcher_fits():
    def context():
        raise AssertionError("asked for")

    assert (
        ruled(
            [ALLOW_LS, {"id": "x", "deny": {"program": "rm"}, "when": "session.x == 1"}], LS, context=context
        ).decision
        == "allow"
    )
