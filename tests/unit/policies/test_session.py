"""Refusals are counted; three in a row or twenty in all trip the breaker until a human has looked."""

from policies.model import DenyLimit
from policies.session import Refusals, counted, resumed, why

LIMIT = DenyLimit()


def run(*decisions, held=None, limit=LIMIT):
    held = held or Refusals()
    for decision in decisions:
        held = counted(held, decision, limit)
    return held


def test_three_in_a_row():
    assert not run("deny", "ask").tripped
    assert run("deny", "ask", "deny").tripped
    assert not run("deny", "deny", "allow", "deny", "deny").tripped


def test_twenty_in_all():
    held = Refusals()
    for _ in range(19):
        held = run("deny", "allow", held=held)
    assert not held.tripped
    assert run("deny", held=held).tripped


def test_tripped_stays_tripped_until_resumed():
    held = run("deny", "deny", "deny", "allow")
    assert held.tripped
    assert not resumed(held).tripped


def test_reasons():
    assert "3 calls in a row" in why(run("deny", "deny", "deny"), LIMIT)
    assert "20 calls of this session" in why(Refusals(1, 20, True), LIMIT)
