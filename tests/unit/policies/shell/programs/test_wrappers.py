import pytest

from tests.support.shell import effects, facts, programs


@pytest.mark.parametrize(
    "text",
    [
        "sudo rm -rf a", "sudo -u x -- rm -rf a", "doas rm -rf a", "env A=b rm -rf a", "env -i rm -rf a", "env -S 'rm -rf a'", "command rm -rf a", "nohup rm -rf a",
        "nice -n 5 rm -rf a", "ionice -c 3 rm -rf a", "timeout -s KILL 5 rm -rf a", "time rm -rf a", "stdbuf -oL rm -rf a", "setsid rm -rf a", "watch -n 1 rm -rf a",
        "xargs rm -rf < f", "echo a | xargs rm -rf", "echo a | xargs -I{} rm -rf {}", "parallel rm -rf {} ::: a", "parallel ::: 'rm -rf a'", "flock l rm -rf a", "flock l -c 'rm -rf a'",
        "chroot / rm -rf a", "unshare -r rm -rf a", "script -c 'rm -rf a' f", "strace -o x rm -rf a", "su -c 'rm -rf a'", "exec rm -rf a", "busybox rm -rf a", "taskset 1 rm -rf a",
    ],
)  # fmt: skip
def test_what_they_run_is_judged(text):
    assert "destructive" in effects(text)
    assert "rm" in programs(text)


def test_privilege():
    assert "privilege" in effects("sudo ls")
    assert "privilege" in facts("sudo sh -c 'ls'").commands[0].effects
    assert facts("sudo ls").commands[0].wrappers == ("sudo",)


def test_env_alone_shows_the_environment():
    assert effects("env") == {"secrets"}


def test_a_lock_is_written():
    assert facts("flock /tmp/l ls").writes == ("/tmp/l",)


def test_lines_and_words_of_xargs():
    assert [c.argv for c in facts("echo 'rm x' | xargs -I{} sh -c {}").commands][-1] == ("rm", "x")
    assert [c.argv for c in facts("echo 'a b' | xargs cat").commands][-1] == ("cat", "a", "b")
    assert facts("cat f | xargs cat").unknown


def test_unknown_options_of_those_that_matter():
    assert facts("sudo --frob ls").unknown
    assert facts("env --frob ls").unknown
