import pytest

from policies.shell import syntax
from policies.shell.mvdan import ansi_c, script
from policies.shell.syntax import Branch, Call, Function, Group, Loop, NotRead, Param, Text
from tests.support.shell import parser


def body(text):
    tree = parser().parse(text)
    assert tree is not None
    return script(tree, text).body


def test_the_kinds_of_commands():
    kinds = [
        type(stmt.cmd)
        for stmt in body(
            "a; (b); { c; }; if d; then e; fi; for x in y; do z; done; while f; do g; done; case h in i) j;; esac; k() { l; }; [[ -f m ]]; ((n)); let o=1; time p; declare q=1"
        )
    ]
    assert kinds == [
        Call,
        Group,
        Group,
        Branch,
        Loop,
        Loop,
        Branch,
        Function,
        syntax.Test,
        syntax.Test,
        syntax.Test,
        Group,
        Call,
    ]


def test_names_are_found_at_any_depth():
    text = "a $(b `c`) <(d) ${e:-$(f)} $((g[$(h)])) <<X\n$(i)\nX\n"
    tree = parser().parse(text)
    found = script(tree or b"", text).names
    assert {text.encode()[offset : offset + 1] for offset in found} == {b"a", b"b", b"c", b"d", b"f", b"h", b"i"}


def test_heredocs_with_quoted_ends_are_text():
    (stmt,) = body("cat <<'X'\n$(a) \\$b\nX\n")
    assert stmt.redirects[0].body == (Text("$(a) \\$b\n", True),)


def test_backslashes():
    (stmt,) = body('a\\b "c\\$d\\e" f\\\ng')
    assert isinstance(stmt.cmd, Call)
    assert stmt.cmd.args == ((Text("a"), Text("b", True)), (Text("", True), Text("c$d\\e", True)), (Text("fg"),))


@pytest.mark.parametrize(
    ("text", "op"),
    [
        ("${a:-b}", ":-"),
        ("${a}", ""),
        ("${#a}", "Length"),
        ("${!a}", "Excl"),
        ("${a@P}", "@"),
        ("${a:1:2}", "slice"),
        ("${a/b/c}", "replace"),
        ("${a[1]}", "[]"),
        ("${a%b}", "%"),
    ],
)
def test_parameters(text, op):
    (stmt,) = body(f"x {text}")
    assert isinstance(stmt.cmd, Call)
    (part,) = stmt.cmd.args[1]
    assert isinstance(part, Param)
    assert (part.name, part.op) == ("a", op)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a\\nb", "a\nb"),
        ("\\x41\\u00e9\\U0001F680", "Aé🚀"),
        ("\\101", "A"),
        ("a\\0b", "a"),
        ("\\cA", "\x01"),
        ("\\q", "\\q"),
        ("\\'", "'"),
        ("\\", "\\"),
    ],
)
def test_ansi_c(text, value):
    assert ansi_c(text) == value


@pytest.mark.parametrize("tree", [b"1", b"{", b'{"Type":"File","Stmts":[{"Cmd":{"Type":"CallExpr","Args":[{}]}}]}'])
def test_other_trees_are_refused(tree):
    with pytest.raises(NotRead):
        script(tree, "x")


@pytest.mark.parametrize("text", ["f() { a; } | b", "f() { a; } && b", "f() { a; } | c | b", "function f { a; } || b"])
def test_what_stands_behind_a_function_is_no_part_of_it(text):
    """mvdan/sh 3.14 puts it into the body; bash runs it at once."""
    (stmt,) = body(text)
    assert isinstance(stmt.cmd, syntax.Binary)
    left = stmt.cmd.left
    while isinstance(left.cmd, syntax.Binary):
        left = left.cmd.left
    assert isinstance(left.cmd, Function)
    assert stmt.cmd.right.cmd == Call((), ((Text("b"),),))


def test_nesting_is_bounded():
    deep = b'{"Cmd":{"Type":"Block","Stmts":[' * 100 + b"]}}" * 100
    with pytest.raises(NotRead):
        script(b'{"Type":"File","Stmts":[' + deep + b"]}", "x")
