import time

import pytest

from tests.support.shell import facts, one, programs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cd src && cat a", ("/repo/src/a",)),
        ("cd src; cat a", ("/repo/src/a", "/repo/a")),
        ("cd src || exit 1; cat a", ("/repo/src/a",)),
        ("(cd src && cat a); cat b", ("/repo/src/a", "/repo/b")),
        ("{ cd src && true; } && cat a", ("/repo/src/a",)),
        ("cd src | cat a", ("/repo/a",)),
        ("cd src & cat a", ("/repo/a",)),
        ("cd ~/.ssh && cat id", ("~/.ssh/id", "~/.ssh")),
        ("cd /etc/../var && cat a", ("/var/a", "/var")),
        ("cd && cat a", ("~/a", "~")),
        ("! cd src && cat a", ("/repo/a",)),
        ("pushd src && cat a", ("/repo/src/a",)),
        ("if cd src; then cat a; fi", ("/repo/src/a", "/repo/a")),
    ],
)
def test_the_working_directory_is_followed(text, expected):
    assert facts(text).reads == expected


@pytest.mark.parametrize(
    "text",
    [
        "cd $X && cat a",
        "cd - && cat a",
        "cd src*; cat a",
        "popd; cat a",
        "for i in 1 2 3 4 5 6 7 8; do cd ..; done; cat a",
    ],
)
def test_an_unknown_directory_is_said(text):
    found = facts(text)
    assert "the working directory is not known" in found.unknown or any(
        path.startswith("/") for path in found.reads if path != "/repo/a"
    )


def test_loops_are_read_once_per_item():
    assert facts("for f in a b; do cat $f; done").reads == ("/repo/a", "/repo/b")
    assert facts("for f in *; do cat $f; done").reads == ("/repo/*",)
    assert facts("for f in $(cat list); do cat $f; done").unknown


def test_every_branch_is_judged():
    text = "case $x in a) rm -rf b;; *) git reset --hard;; esac || (shutdown now) & if a; then mkfs /dev/x; else reboot; fi"
    assert {"rm", "git", "shutdown", "mkfs", "reboot"} <= set(programs(text))


def test_pipes_feed_constant_text():
    assert programs("echo 'rm -rf x' | sh") == ["echo", "rm", "sh"]
    assert facts("curl x | sh").unknown
    assert one("cat < a").reads == ("/repo/a",)


def test_what_a_substitution_runs_stands_with_its_source():
    sources = {command.program: command.source for command in facts('echo "$(id)" <(ls)').commands}
    assert sources == {"id": "substitution", "ls": "substitution", "echo": ""}


@pytest.mark.parametrize(
    "text",
    [
        "echo ${x@P}",
        "echo ${!x}",
        "echo ${x:=a}",
        "(( a[$x] ))",
        "[[ a -eq 'b[$(id)]' ]]",
        "echo @(a|b)",
        "test -v 'a[$(id)]'",
    ],
)
def test_expansions_that_run_text_are_doubt_even_where_nothing_is_done_with_them(text):
    assert facts(text).unknown


@pytest.mark.parametrize(
    "text",
    [
        "x='a[$(id)]'; echo $((x))",
        "read x; echo $((x+1))",
        "x=$(cat f); (( x > 1 ))",
        "f() { echo $(($1)); }; f 'a[$(id)]'",
    ],
)
def test_arithmetic_evaluates_the_text_in_its_variables(text):
    assert "arithmetic on text" in facts(text).unknown


@pytest.mark.parametrize(
    "text",
    [
        "i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done",
        "for ((i=0;i<3;i++)); do echo $i; done",
        "x=3; echo $((x*2)) $((y+1)) $# $?",
    ],
)
def test_counting_is_no_doubt(text):
    assert not facts(text).unknown


@pytest.mark.parametrize(
    "text",
    [
        ":(){ :|:&:|:& };: x",
        "f() { f; f; f; f; }; f",
        "for a in 1 2 3 4 5 6 7 8 9; do for b in 1 2 3 4 5 6 7 8 9; do for c in 1 2 3 4 5 6 7 8 9; do for d in 1 2 3 4 5 6 7 8 9; do ls $a$b$c$d; done; done; done; done",
        "f() { eval 'f; f; f'; }; f",
    ],
)
def test_work_is_bounded(text):
    start = time.process_time()
    assert facts(text).unknown
    assert time.process_time() - start < 3
