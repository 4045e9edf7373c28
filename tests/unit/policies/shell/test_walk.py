import pytest

from tests.support.shell import effects, facts, one, programs


def reads(text, **place):
    return facts(text, **place).reads


def test_without_a_directory_paths_stay_relative():
    assert reads("cat a ../b /c ~/d", cwd=None, roots=()) == ("./a", "../b", "/c", "~/d")
    assert reads("cd x && cat a; cd .. && cat ../b", cwd=None, roots=())[0] == "./x/a"


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ('X=a; echo "$X"', ("echo", "a")),
        ('X=a; X=b; echo "$X"', ("echo", "b")),
        ('X=a; if true; then X=b; fi; echo "$X"', ("echo", None)),
        ('if true; then X=a; else X=a; fi; echo "$X"', ("echo", "a")),
        ('X=a; (X=b); echo "$X"', ("echo", "a")),
        ('X=a; while true; do echo "$X"; X=b; done', ("echo", None)),
        ('X=a; X+=b; echo "$X"', ("echo", "ab")),
        ('read X; echo "$X"', ("echo", None)),
        ('export X=a; echo "$X"', ("echo", "a")),
        ('X=a echo "$X"', ("echo", None)),
        ('X=$(echo a); echo "$X"', ("echo", "a")),
        ('for X in a; do echo "$X"; done', ("echo", "a")),
        ("X='a b'; echo $X", ("echo", "a", "b")),
        ('unset X; echo "$X"', ("echo", None)),
    ],
)
def test_variables(text, argv):
    assert [command.argv for command in facts(text).commands if command.program == "echo"][-1] == argv


def test_variables_in_front_do_not_reach_their_own_words():
    found = facts("TMPDIR=/ rm -rf $TMPDIR/x")
    assert found.commands[0].argv == ("rm", "-rf", None)


def test_functions_are_read_where_they_are_called():
    assert "destructive" in effects('f() { rm -rf "$1"; }; f src')
    assert facts('f() { rm -rf "$1"; }; f src').writes == ("/repo/src",)
    assert "destructive" not in effects("f() { rm -rf src; }; echo f")
    assert facts("f() { f; }; f").unknown
    assert programs("ls() { cat x; }; ls") == ["cat"]


def test_aliases_are_judged_both_ways():
    assert "destructive" in effects("alias ls='rm -rf src'; ls")
    assert facts("alias ll='x'").unknown


def test_wrappers_are_replaced_by_what_they_run():
    command = one("sudo env A=b nice -n 5 timeout 3 rm x")
    assert command.program == "rm"
    assert command.wrappers == ("sudo", "env", "nice", "timeout")
    assert command.assigns == (("A", "b"),)
    assert "privilege" in command.effects


def test_depth_is_bounded():
    text = "ls"
    for _ in range(12):
        text = "eval " + "'" + text.replace("'", "'\\''") + "'"
    assert facts(text).unknown
