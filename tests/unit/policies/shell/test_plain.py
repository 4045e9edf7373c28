import pytest

from policies.shell.plain import names, plain
from policies.shell.syntax import Assign, Binary, Call, Stmt, Text


def test_words_and_quotes():
    script = plain("a 'b c' \"d\" e'f'g")
    assert script is not None
    (stmt,) = script.body
    assert stmt == Stmt(
        Call((), ((Text("a"),), (Text("b c", True),), (Text("d", True),), (Text("e"), Text("f", True), Text("g"))))
    )


def test_lists_and_pipes_group_to_the_left():
    script = plain("a && b | c; d &")
    assert script is not None
    first, second = script.body
    assert isinstance(first.cmd, Binary)
    assert first.cmd.op == "&&"
    assert second.background


def test_assignments():
    script = plain("A=1 B='x y' c")
    assert script is not None
    assert script.body[0].cmd == Call((Assign("A", (Text("1"),)), Assign("B", (Text("x y", True),))), ((Text("c"),),))


@pytest.mark.parametrize(
    "text", ["echo $x", "a > b", "if a; then b; fi", "time ls", "export A=b", "a 'b", "! a", "[ -f x ]", "a; ;"]
)
def test_anything_more_is_left_to_the_other_parser(text):
    assert plain(text) is None


def test_names_are_where_commands_start():
    assert names("ls; a $(b c) | d") == (frozenset({0, 4, 8, 15}), False)
    assert names("ls 'x")[1] is True
