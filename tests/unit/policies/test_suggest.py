"""Rules learned from approvals are as narrow as their evidence."""

from policies.compiled import compile_rule
from policies.facts import Command, Facts
from policies.suggest import Approved, suggest
from policies.view import Place, view

PLACE = Place(("/repo",), "/home/u", "/repo")


def call(number, *commands, granted=True, **more):
    facts = Facts("shell", "bash", commands=commands, **more) if commands else more["facts"]
    return Approved(str(number), facts, PLACE, granted, f"call {number}")


def make(flags=(), **more):
    return Command("make", ("make", "dist", *flags), flags=flags, operands=("dist",), **more)


def test_a_habit_becomes_a_rule_with_only_its_flags():
    log = [call(n, make(("-j",))) for n in range(3)]
    [found] = suggest(log)
    assert len(found.grants) == 3
    assert found.would_allow == ("call 0", "call 1", "call 2")
    test = compile_rule(found.rule).test
    assert all(test(part) for part in view(log[0].facts, PLACE, {}).parts)
    assert not any(test(part) for part in view(call(9, make(("-C",))).facts, PLACE, {}).parts)
    assert "only_flags" in found.as_yaml()


def test_too_few_or_refused():
    assert suggest([call(n, make()) for n in range(2)]) == []
    assert suggest([*(call(n, make()) for n in range(3)), call(9, make(), granted=False)]) == []
    assert suggest([call(n, make(), granted=False) for n in range(5)]) == []


def test_dangerous_effects_and_places_are_never_suggested():
    assert suggest([call(n, Command("rm", ("rm",), effects=("destructive",))) for n in range(5)]) == []
    assert suggest([call(n, make(reads=("/etc/x",))) for n in range(5)]) == []
    assert suggest([call(n, make(effects=("network",))) for n in range(5)]) == []
    assert suggest([call(n, make(), unknown=("x",)) for n in range(5)]) == []


def test_hosts_and_mcp():
    log = [call(n, make(hosts=("a.b",), effects=("network",))) for n in range(3)]
    assert suggest(log)[0].rule.allow.hosts == ("a.b",)
    tools = [call(n, facts=Facts("mcp", "list", "gh")) for n in range(3)]
    assert suggest(tools)[0].rule.allow.mcp.tool == ("list",)
    files = [call(n, facts=Facts("edit", "Edit", writes=("/repo/a",))) for n in range(4)]
    assert suggest([*log, *files])[0].rule.allow.tool == ("edit",)


def test_what_something_else_let_pass_is_shown_but_proves_nothing():
    log = [call(n, make()) for n in range(3)]
    passed = Approved("9", log[0].facts, PLACE, False, "passed", passed=True)
    [found] = suggest([*log, passed])
    assert "passed" in found.would_allow
    assert "9" not in found.grants
    assert suggest([passed, *log[:2]]) == []
