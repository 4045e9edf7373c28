import pytest

from policies.shell.options import host_of
from tests.support.shell import facts, one


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("rm -rf a", ("-r", "-f")),
        ("rm -r -f a", ("-r", "-f")),
        ("rm --recursive --force a", ("--recursive", "--force")),
        ("rm --recurs a", ("--recursive",)),
        ("rm a -r", ("-r",)),
        ("rm -- -r", ()),
        ("grep -A3 x f", ("-A",)),
        ("grep --color=auto x", ("--color",)),
        ("git -C a status", ("-C",)),
        ("go test -race ./x", ("-race",)),
    ],
)
def test_flags(text, flags):
    assert one(text).flags == flags


def test_operands_and_values():
    command = one("sort -k 2 -o out --reverse a b")
    assert command.operands == ("a", "b")
    assert command.writes == ("/repo/out",)
    assert one("sort -oout a").writes == ("/repo/out",)
    assert one("sort --outp=out a").writes == ("/repo/out",)


def test_an_option_nobody_listed_is_doubt_where_options_can_act():
    assert facts("sort --frobnicate a").unknown
    assert not facts("wc --frobnicate a").unknown


def test_help_does_nothing():
    assert not facts("rm --help").effects
    assert not facts("git push --help").effects


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example/x", "a.example"),
        ("http://u:p@B.example:80/x?y", "b.example:80"),
        ("a.example/x", "a.example"),
        ("ssh://git@h/x", "h"),
        ("u@h", "h"),
        ("https://a.example?x=@b", "a.example"),
    ],
)
def test_hosts(url, host):
    assert host_of(url) == host
