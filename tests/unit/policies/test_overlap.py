"""A path with a shell glob in it may be a path that a rule names."""

import pytest

from policies.overlap import may_be

BASES = (("./", "/repo/"), ("~/", "/home/u/"))


@pytest.mark.parametrize(
    ("path", "glob", "fits"),
    [
        ("/repo/.en*", "**/.env", True),
        ("/repo/.e?v", "**/.env", True),
        ("/repo/.[e]nv", "**/.env", True),
        ("/repo/.{env,x}", "**/.env", True),
        ("/repo/*", "**/.env", False),
        ("/repo/*.json", "**/credentials.json", False),
        ("/repo/cred*.json", "**/credentials.json", True),
        ("/home/u/.s?h/id_rsa", "~/.ssh/**", True),
        ("/home/u/.c*/x", "~/.ssh/**", False),
        ("/etc/sh*", "/etc/shadow", True),
        ("/etc/pa*", "/etc/shadow", False),
        ("/repo/src/a*", "./src/**", True),
        ("/repo/ab*/b", "/repo/abc/b", True),
        ("/repo/a*", "/repo/abc/b", False),
        ("/repo/src/t*", "**/*.pem", False),
        ("/repo/test.*", "**/*.pem", False),
        ("/repo/c*", "**/credentials.json", False),
        ("/repo/server.p*", "**/*.pem", True),
        ("/repo/.*", "**/.env", True),
        ("/repo/id*", "**/id_rsa*", True),
        ("/repo/x*/key.pem", "**/*.pem", True),
    ],
)
def test_meeting(path, glob, fits):
    assert may_be(path, [glob], BASES) is fits


def test_too_long_to_tell_counts_as_meeting():
    assert may_be("/" + "a" * 2000, ["/b"])


def test_many_stars_end():
    assert not may_be("/" + "a*" * 200, ["/" + "b*" * 200])
