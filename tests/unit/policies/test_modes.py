"""What a mode makes of a call."""

import pytest

from policies.facts import Facts
from policies.modes import MEANING, accepts_edit, plan_denies
from policies.view import Place, view

PLACE = Place(("/repo",), "/home/u", "/repo")


def seen(kind, **more):
    return view(Facts(kind, "t", **more), PLACE, {})


@pytest.mark.parametrize(
    ("call", "denied"),
    [
        (seen("read", reads=("/repo/a",)), False),
        (seen("fetch", effects=("network",)), False),
        (seen("mcp"), False),
        (seen("write", writes=("/repo/a",)), True),
        (seen("edit"), True),
        (seen("shell", effects=("destructive",)), True),
        (seen("shell", writes=("/dev/null",)), False),
    ],
)
def test_plan(call, denied):
    assert bool(plan_denies(call)) is denied


@pytest.mark.parametrize(
    ("call", "accepted"),
    [
        (seen("edit", writes=("/repo/a",), reads=("/repo/a",)), True),
        (seen("write", writes=("/repo/a", "/etc/b")), False),
        (seen("write", writes=("/repo/.git/hooks/x",), effects=("persistence",)), False),
        (seen("write"), False),
        (seen("shell", writes=("/repo/a",)), False),
        (seen("write", writes=("/repo/a",), unknown=("x",)), False),
    ],
)
def test_accept_edits(call, accepted):
    assert accepts_edit(call) is accepted


def test_every_mode_has_a_meaning():
    assert set(MEANING) == {"manual", "plan", "accept_edits", "auto", "dont_ask", "bypass"}
