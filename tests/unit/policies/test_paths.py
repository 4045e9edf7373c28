"""Paths of arguments become plain; what cannot be told is said."""

import pytest

from policies.paths import clean, normalised


@pytest.mark.parametrize(
    ("path", "cwd", "home", "wanted"),
    [
        ("a/b", "/r", None, "/r/a/b"),
        ("../x", "/r/s", None, "/r/x"),
        ("/a//b/./c/", None, None, "/a/b/c"),
        ("//etc/passwd", None, None, "/etc/passwd"),
        ("a/../b", None, None, "./b"),
        ("../b", None, None, "../b"),
        (".", None, None, "."),
        ("~", None, "/home/u", "/home/u"),
        ("~/x/../y", None, "/home/u", "/home/u/y"),
        ("~/x", None, None, "~/x"),
        ("~/../x", None, None, "../x"),
        ("file:///etc/hosts", "/r", None, "/etc/hosts"),
        ("/../../etc", None, None, "/etc"),
    ],
)
def test_plain(path, cwd, home, wanted):
    assert normalised(path, cwd, home) == (wanted, "")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("$HOME/x", "variable"),
        ("a\nb", "control"),
        ("C:\\x", "Windows"),
        ("~root/x", "another user"),
        ("", "empty"),
        ("x" * 5000, "longer"),
        ("%APPDATA%/x", "variable"),
    ],
)
def test_strange(path, reason):
    assert reason in normalised(path, "/r", "/home/u")[1]


def test_clean_keeps_one_slash():
    assert clean("//a/../b//") == "/b"
