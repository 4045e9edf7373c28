import time

import pytest

from tests.support.shell import effects, facts, one, programs


def reads(text, **place):
    return facts(text, **place).reads


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
    assert reads(text) == expected


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


def test_loops_are_read_once_per_item():
    assert reads("for f in a b; do cat $f; done") == ("/repo/a", "/repo/b")
    assert facts("for f in *; do cat $f; done").reads == ("/repo/*",)
    assert facts("for f in $(cat list); do cat $f; done").unknown


def test_functions_are_read_where_they_are_called():
    assert "destructive" in effects('f() { rm -rf "$1"; }; f src')
    assert facts('f() { rm -rf "$1"; }; f src').writes == ("/repo/src",)
    assert "destructive" not in effects("f() { rm -rf src; }; echo f")
    assert facts("f() { f; }; f").unknown
    assert programs("ls() { cat x; }; ls") == ["cat"]


def test_a_function_that_breeds_is_destruction():
    assert "destructive" in effects(":(){ :|:& };:")


def test_aliases_are_judged_both_ways():
    assert "destructive" in effects("alias ls='rm -rf src'; ls")
    assert facts("alias ll='x'").unknown


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


def test_wrappers_are_replaced_by_what_they_run():
    command = one("sudo env A=b nice -n 5 timeout 3 rm x")
    assert command.program == "rm"
    assert command.wrappers == ("sudo", "env", "nice", "timeout")
    assert command.assigns == (("A", "b"),)
    assert "privilege" in command.effects


def test_writes_outside_and_later():
    assert effects("touch /srv/x") == {"write_outside"}
    assert effects("touch x") == set()
    assert "persistence" in effects("echo x >> ~/.bashrc")
    assert "persistence" in effects("cp x .git/hooks/pre-commit")
    assert "destructive" in effects("cat x > /dev/sda")
    assert "network" in effects("echo x > /dev/tcp/host/80")


def test_a_program_elsewhere_reads_that_place():
    assert "/tmp" in facts("cd /tmp && git status").reads


def test_depth_is_bounded():
    text = "ls"
    for _ in range(12):
        text = "eval " + "'" + text.replace("'", "'\\''") + "'"
    assert facts(text).unknown


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
