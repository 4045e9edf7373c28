from policies.shell.mvdan import script
from policies.shell.syntax import Call, Stmt, Subst, Text, substitutions, text
from tests.support.shell import parser


def test_text_makes_a_word():
    assert text("a") == (Text("a"),)
    assert text("a", quoted=True) == (Text("a", True),)


def test_substitutions_inside_parameters():
    source = "x ${a:-$(b)}${c/$(d)/e}"
    (stmt,) = script(parser().parse(source), source).body
    assert isinstance(stmt, Stmt)
    assert isinstance(stmt.cmd, Call)
    found = substitutions(stmt.cmd.args[1])
    assert len(found) == 2
    assert all(isinstance(item, Subst) for item in found)
