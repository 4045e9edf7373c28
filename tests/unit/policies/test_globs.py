"""Globs have one meaning each; patterns are linear in time."""

import time

import pytest

from policies.globs import Hosts, Paths, Words, is_glob, path_source, regex, word_source


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("/a/**", "/a", True),
        ("/a/**", "/a/b/c", True),
        ("/a/**", "/ab", False),
        ("/a/*", "/a/b", True),
        ("/a/*", "/a/b/c", False),
        ("/**", "/", True),
        ("/**", "/x", True),
        ("**/.env", "/repo/.env", True),
        ("**/.env", ".env", True),
        ("**/.env", "/repo/x.env", False),
        ("**/.env.*", "/r/.env.local", True),
        ("~/.ssh/**", "~/.ssh/id", True),
        ("~/.ssh/**", "/home/u/.ssh/id", True),
        ("~/.ssh/**", "/home/v/.ssh/id", False),
        ("~/*.key", "/home/u/a.key", True),
        ("./**", "/repo/a", True),
        ("./**", "/repo", True),
        ("./**", "/repository/a", False),
        ("./**", "./a", True),
        ("./**", "../a", False),
        ("./src/*.py", "/repo/src/a.py", True),
        ("/etc/{passwd,shadow}", "/etc/shadow", True),
        ("/x/[!a]b", "/x/cb", True),
        ("/x/[!a]b", "/x/ab", False),
        ("/x/a?c", "/x/abc", True),
        ("/x/a?c", "/x/a/c", False),
        ("/a+b/(c)", "/a+b/(c)", True),
        ("**/x/**", "/r/x", True),
        ("~/**", "/home/u", True),
    ],
)
def test_paths(glob, path, fits):
    assert (path in Paths([glob], ["/repo"], "/home/u")) is fits


def test_the_root_itself_may_be_the_workspace():
    assert "/anything" in Paths(["./**"], ["/"])


@pytest.mark.parametrize("glob", ["relative/x", "*.py", "~other/x", "/a/{b", "/" + "x" * 2000])
def test_forms_without_a_meaning_are_refused(glob):
    with pytest.raises(ValueError, match=r"write it as|not closed|longer"):
        Paths([glob])


def test_words_and_hosts():
    assert "LC_ALL" in Words(["LC_*", "LANG"])
    assert "lang" not in Words(["LANG"])
    assert "x" not in Words([])
    assert 3 not in Words(["*"])
    assert Words(["a", "b"]).exact() == {"a", "b"}
    assert Words(["a*"]).exact() is None
    hosts = Hosts(["github.com", "*.example.org", "localhost:8080"])
    assert "GitHub.com." in hosts
    assert "github.com:443" in hosts
    assert "evilgithub.com" not in hosts
    assert "github.com.evil.net" not in hosts
    assert "a.b.example.org" in hosts
    assert "example.org" not in hosts
    assert "localhost:8080" in hosts
    assert "localhost:8081" not in hosts
    assert is_glob("a*")
    assert not is_glob("a.b")


def test_expressions_are_re2():
    assert regex("a.c").search("xa\ncx")
    for source in ("(?=a)", r"(a)\1", "(", "a{2000}"):
        with pytest.raises(ValueError, match="RE2"):
            regex(source)
    with pytest.raises(ValueError, match="too long"):
        regex("a" * 50_000)
    begun = time.perf_counter()
    regex("^(a+)+$").search("a" * 50_000 + "b")
    regex(word_source("*a*b*c*d*e*")).fullmatch("abcd" * 20_000)
    assert time.perf_counter() - begun < 2


def test_sources_without_a_root_stay_as_written():
    assert regex(path_source("./a/*")).fullmatch("./a/b")
    assert not regex(path_source("./a/*")).fullmatch("/r/a/b")
    with pytest.raises(ValueError, match="longer"):
        word_source("x" * 2000)
