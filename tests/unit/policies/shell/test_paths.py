import pytest

from policies.shell.paths import inside, resolve, shown
from policies.shell.state import HOME, NOWHERE


@pytest.mark.parametrize(
    ("path", "cwd", "expected"),
    [
        ("a", "/repo", "/repo/a"),
        ("./a/../b/", "/repo", "/repo/b"),
        ("../../..", "/repo", "/"),
        ("//etc//passwd/", "/repo", "/etc/passwd"),
        ("/proc/self/root/etc/shadow", "/repo", "/etc/shadow"),
        ("/proc/self/root/proc/1/root/etc", "/", "/etc"),
        ("a", ".", "./a"),
        ("..", ".", ".."),
        ("a/../../b", ".", "../b"),
        (".", ".", "."),
        ("a", NOWHERE, None),
        ("/a", NOWHERE, "/a"),
        (HOME + "/a//b", "/repo", HOME + "/a/b"),
        (HOME, "/repo", HOME),
        ("x", HOME + "/.ssh", HOME + "/.ssh/x"),
        ("../x", HOME + "/.ssh", HOME + "/x"),
    ],
)
def test_resolve(path, cwd, expected):
    assert resolve(path, cwd) == expected


def test_shown():
    assert shown(HOME + "/a") == "~/a"
    assert shown("/a") == "/a"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/repo", True),
        ("/repo/a", True),
        ("/repository", False),
        ("./a", True),
        ("../a", False),
        ("~/a", False),
        (".", True),
    ],
)
def test_inside(path, answer):
    assert inside(path, ("/repo/",)) is answer
