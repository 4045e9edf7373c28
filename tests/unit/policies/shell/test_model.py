import pytest

from policies.shell.model import Option, also, known_effects, options, program


def test_a_table_of_options():
    assert options("=r: -f --file\n!destructive~why: -d\n: -a") == {
        "-f": Option("=r"),
        "--file": Option("=r"),
        "-d": Option("", ("destructive",), "why"),
        "-a": Option(""),
    }


@pytest.mark.parametrize("table", ["-a -b", "!nonsense: -a"])
def test_mistakes_are_found(table):
    with pytest.raises(ValueError, match=r"not effects|without"):
        options(table)


def test_effects_are_in_one_order():
    assert known_effects(["destructive", "network"]) == ("network", "destructive")


def test_subcommands_are_spread():
    entry = program("x", subs={"a b": program("", ": -q")})
    assert set(entry.subs) == {"a", "b"}
    assert "-v" in also(entry, ": -v").options
