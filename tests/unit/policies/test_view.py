"""What rules look at: each command, the whole, and what no command explains."""

from policies.facts import Command, Facts
from policies.view import Place, label, view

PLACE = Place(("/repo",), "/home/u", "/repo")


def test_parts_and_the_rest():
    facts = Facts(
        "shell",
        "bash",
        commands=(Command("cat", ("cat", "a"), reads=("/repo/a",)),),
        reads=("/repo/a",),
        writes=("/repo/out", "/dev/null"),
    )
    whole = view(facts, PLACE, {})
    assert [part.label for part in whole.parts] == ["cat a", "(redirection)"]
    assert whole.parts[1].writes == ("/repo/out",)
    assert whole.writes == ("/repo/out",)


def test_no_rest_when_commands_say_all():
    facts = Facts("shell", "bash", commands=(Command("ls", ("ls",)),))
    assert len(view(facts, PLACE, {}).parts) == 1
    assert view(Facts("read", "Read", reads=("~/x",)), PLACE, {}).reads == ("/home/u/x",)


def test_a_program_that_is_not_known_is_unknown():
    whole = view(
        Facts("shell", "b", commands=(Command("", (None,)), Command("", (), assigns=(("A", "1"),)))), PLACE, {}
    )
    assert whole.parts[0].unknown
    assert not whole.parts[1].unknown


def test_places():
    assert PLACE.inside("/repo/x")
    assert not PLACE.inside("/repo2")
    assert Place().inside("./x")
    assert not Place().inside("../x")
    assert PLACE.bases() == (("./", "/repo/"), ("~/", "/home/u/"))


def test_labels_are_short():
    assert len(label(Command("x", ("x", "y" * 200)))) == 80
    assert label(Command("x", ("x", None))) == "x ?"
