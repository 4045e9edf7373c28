import pytest

from tests.support.shell import facts


def argv(text):
    return facts(f"echo {text}").commands[-1].argv[1:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", ("a", "b")),
        ("'a b'", ("a b",)),
        ('"a b"', ("a b",)),
        ("a\\ b", ("a b",)),
        ("a''b", ("ab",)),
        ("''", ("",)),
        ("$'a\\tb\\x41\\101\\u0042'", ("a\tbAAB",)),
        ('$"a"', ("a",)),
        ("{a,b}c", ("ac", "bc")),
        ("{a,b}{1,2}", ("a1", "a2", "b1", "b2")),
        ("a{b,{c,d}}e", ("abe", "ace", "ade")),
        ("{1..3}", ("1", "2", "3")),
        ("{01..03}", ("01", "02", "03")),
        ("{a..c}", ("a", "b", "c")),
        ("{3..1}", ("3", "2", "1")),
        ("{a}", ("{a}",)),
        ("'{a,b}'", ("{a,b}",)),
        ("{a,'b c'}", ("a", "b c")),
        ("a{,b}", ("a", "ab")),
        ("~", ("~",)),
        ("~/x", ("~/x",)),
        ("$HOME/x", ("~/x",)),
        ('"$HOME"', ("~",)),
        ("$PWD", ("/repo",)),
        ("${TMPDIR:-/x}", ("/tmp",)),
        ("$((1+2))", ("$((…))",)),
        ("$X", (None,)),
        ('"a$X"', (None,)),
        ("*.py", ("*.py",)),
        ("$(echo a b)", ("a", "b")),
        ('"$(echo a b)"', ("a b",)),
        ("$(pwd)", ("/repo",)),
        ("$(id)", (None,)),
        ("<(ls)", ("/dev/fd/63",)),
    ],
)
def test_words(text, expected):
    assert argv(text) == expected


def test_quoted_tilde_is_a_name():
    assert facts("cat '~/x'").reads == ("/repo/~/x",)
    assert facts("cat ~/x").reads == ("~/x",)


def test_too_many_words_are_not_known():
    assert facts("cat " + "{a,b}" * 8).unknown


def test_unusual_splitting_is_not_followed():
    assert facts("IFS=/; X=a/b; cat $X").unknown


def test_defaults_of_unset_variables_are_a_guess():
    found = facts("rm ${f:--rf} src")
    assert "destructive" in found.effects
    assert found.unknown


def test_positional_parameters():
    assert facts('f() { cat "$2" $1; }; f a b').reads == ("/repo/b", "/repo/a")
    assert facts('f() { cat "$@"; }; f a b').reads == ("/repo/a", "/repo/b")
    assert facts('cat "$@"').unknown
