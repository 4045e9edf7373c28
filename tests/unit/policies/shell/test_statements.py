import pytest

from policies.shell.mvdan import script
from policies.shell.statements import assigned, breeds, calls, first_word, is_pwd, leaves, moves
from policies.shell.syntax import Function
from tests.support.shell import effects, parser


def read(text):
    return script(parser().parse(text), text).body


def function(text):
    (stmt,) = read(text)
    assert isinstance(stmt.cmd, Function)
    return stmt.cmd


@pytest.mark.parametrize(
    ("text", "breeding"),
    [
        ("f() { f | f & }", True),
        ("f() { true; f | f; }", True),
        ("f() { f; f; }", False),  # one after the other: endless, but it stands still by itself
        ("f() { g | g; }", False),
        ("f() { f | cat; }", False),
    ],
)
def test_what_breeds(text, breeding):
    found = function(text)
    assert breeds(found.body, found.name) is breeding


def test_a_function_that_breeds_is_destruction():
    assert "destructive" in effects(":(){ :|:& };:")


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("exit 1", True),
        ("{ echo a; return; }", True),
        ("break", True),
        ("(exit 1)", False),
        ("exit 1 &", False),
        ("echo exit", False),
        ("{ exit; echo a; }", False),
    ],
)
def test_what_nothing_runs_behind(text, last):
    assert leaves(read(text)[0]) is last


def test_the_first_word():
    assert [first_word(read(text)[0]) for text in ("cat a", "$X a", "a$X", "(cat)", "X=a")] == ["cat", "", "", "", ""]


def test_only_a_bare_pwd_prints_the_directory():
    assert is_pwd(read("pwd")[0])
    assert not any(is_pwd(read(text)[0]) for text in ("pwd -P", "pwd > a", "echo pwd", "(pwd)"))


def test_names_that_a_body_sets_and_whether_by_counting_alone():
    text = "a=1; b=$((b+1)); c=$((c+1)); c=x; read d; export e=1; f=1 cat; if g=2; then for i in 1; do h=3; done; fi"
    assert assigned(read(text)) == {
        **{"a": False, "b": True, "c": False, "d": False, "e": False},
        **{"g": False, "h": False},
    }


def test_whether_a_body_changes_its_directory():
    assert moves(read("if true; then cd src; fi"))
    assert moves(read("{ pushd a; } | cat"))
    assert not moves(read("echo cd; $cd x"))


def test_calls_are_found_at_any_depth():
    text = "a && b | c; (d); { e; }; if f; then g; else h; fi; while i; do j; done"
    assert {call.args[0][0].value for call in calls(read(text))} == set("abcdefghij")
