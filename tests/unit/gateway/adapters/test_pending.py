import json

from classifiers.features.approve.calls import Part, Spot
from gateway.adapters.pending import SPOTS_MAX, call_of, readable
from policies.facts import Command, Facts
from policies.view import Place
from tests.support.desk import Desk

PLACE = Place(("/repo",), "/home/u", "/repo")


def read(command):
    facts = Desk("defaults: {decision: ask}").verdict("bash", {"command": command}, answer=lambda need: None).facts
    return call_of(facts, PLACE, tainted=True)


def test_facts_become_a_call():
    call = read("git -C sub push origin main")
    (part,) = call.parts
    assert (part.program, part.subcommand) == ("git", "push")
    assert {"origin", "main"} <= set(part.operands)
    assert "push" not in part.operands
    assert call.tainted
    assert "network" in call.effects


def test_where_paths_lie():
    facts = Facts("other", "t", writes=("/repo/a", "/tmp/b", "/home/u/c", "~/d", "/etc/e", "/dev/null"))
    spots = call_of(facts, PLACE, tainted=False).writes
    assert spots == (
        Spot("/repo/a", "in"), Spot("/tmp/b", "temp"), Spot("/home/u/c", "home"), Spot("~/d", "home"), Spot("/etc/e", "out"),
    )  # fmt: skip


def test_what_is_not_read_is_not_readable():
    assert readable(Facts("read", "Read"))
    assert not readable(Facts("read", "Read", unknown=("x",)))
    assert not readable(Facts("read", "Read", invalid="x"))
    assert not readable(Facts("shell", "bash", commands=(Command("ls", unknown=("x",)),)))
    assert not readable(Facts("shell", "bash", commands=(Command("ls"),) * 25))
    assert not readable(Facts("read", "Read", reads=("a",) * (SPOTS_MAX + 1)))


def test_no_free_text_goes_along():
    """A comment, a heredoc or a message that repeats the user's words reaches no field."""
    said = "zanzibar"
    call = read(f"git commit -m 'ok' # {said}")
    assert said not in json.dumps([call.hosts, [part.operands for part in call.parts], call.tool])
    assert isinstance(call.parts[0], Part)
