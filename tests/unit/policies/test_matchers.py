"""Each key of a matcher, asked by a rule that allows (every value, nothing unnamed) and by one that denies (one is enough)."""

import pytest
from pydantic import TypeAdapter

from policies.facts import Command, Facts
from policies.matchers import compiled, regions
from policies.model import Match
from policies.view import Place, view

PLACE = Place(("/repo",), "/home/u", "/repo")
MATCH = TypeAdapter(Match)


def shell(*commands, **more):
    def union(key):
        return tuple(dict.fromkeys(value for command in commands for value in getattr(command, key)))

    facts = {key: union(key) for key in ("reads", "writes", "hosts", "effects")} | more
    return view(Facts("shell", "bash", commands=commands, **facts), PLACE, {"command": "x"})


def other(kind, tool="t", args=None, **more):
    return view(Facts(kind, tool, **more), PLACE, args or {})


def denies(matcher, seen):
    return compiled(MATCH.validate_python(matcher), allow=False)(seen)


def allows(matcher, seen):
    """As rules do: every part must be allowed."""
    test = compiled(MATCH.validate_python(matcher), allow=True)
    return all(test(part) for part in seen.parts or (seen,))


CAT = Command("cat", ("cat", "a"), operands=("a",), reads=("/repo/a",))
RM = Command(
    "rm", ("rm", "-r", "/x"), flags=("-r",), operands=("/x",), writes=("/x",), effects=("destructive", "write_outside")
)
PUSH = Command(
    "git", ("git", "push", "--force"), "push", flags=("--force",), hosts=("github.com",), effects=("network", "publish")
)
TEE = Command("cat", ("cat",), writes=("/repo/o",))
CURL = Command("curl", ("curl", "evil.net"), hosts=("evil.net", "github.com"), effects=("network",))


@pytest.mark.parametrize(
    ("matcher", "fits"),
    [
        ({"program": "git"}, True),
        ({"program": "gi*"}, True),
        ({"program": ["hg", "git"]}, True),
        ({"program": "push"}, False),
        ({"program": "git", "subcommand": "push"}, True),
        ({"program": "git", "subcommand": "pull"}, False),
        ({"program": "git", "flags": ["-f", "--force"]}, True),
        ({"program": "git", "flags": "--for"}, False),
        ({"program": "git", "no_flags": "--force"}, False),
        ({"program": "git", "no_flags": "--hard"}, True),
        ({"program": "git", "only_flags": ["--force"]}, True),
        ({"program": "git", "only_flags": []}, False),
        ({"program": "cat", "subcommand": "push"}, False),
        ({"effects": "publish"}, True),
        ({"effects": ["install", "network"]}, True),
        ({"effects": "install"}, False),
        ({"hosts": "github.com"}, True),
        ({"hosts": "*.github.com"}, False),
        ({"reads": "**/a"}, True),
        ({"reads": "**/b"}, False),
        ({"paths": "./**"}, True),
        ({"paths_in": "workspace"}, True),
        ({"paths_in": "temp"}, False),
        ({"operands": "a"}, True),
        ({"tool": "shell"}, True),
        ({"tool": ["bas*"]}, True),
        ({"tool": "write"}, False),
        ({"any": {"program": "x", "hosts": "github.com"}}, True),
        ({"any": [{"program": "x"}, {"program": "y"}]}, False),
        ({"all": [{"program": "cat", "reads": "**/a"}, {"effects": "network"}]}, True),
        ({"all": [{"program": "cat"}, {"program": "nc"}]}, False),
        ({"program": "cat", "all": [{"effects": "network"}]}, False),
        ({}, True),
    ],
)
def test_denying_meets_one_command_of_several(matcher, fits):
    assert denies(matcher, shell(CAT, PUSH)) is fits


def test_not_turns_the_question_round():
    assert denies({"program": "curl", "not": {"hosts": "github.com"}}, shell(CURL))
    assert not denies({"program": "curl", "not": {"hosts": ["github.com", "evil.net"]}}, shell(CURL))
    assert not allows({"program": "curl", "hosts": "*", "not": {"hosts": "evil.net"}}, shell(CURL))


def test_except_leaves_values_out():
    rule = {"reads": "**/.env*", "except": {"reads": "**/.env.example"}}
    assert not denies(rule, other("read", reads=("/repo/.env.example",)))
    assert denies(rule, other("read", reads=("/repo/.env.example", "/repo/.env")))
    assert denies(rule, other("read", reads=("/repo/.env",)))
    assert not denies({"writes": "/**", "except": {"paths": "/tmp/**"}}, other("write", writes=("/tmp/x",)))
    assert not denies({"effects": "network", "except": {"program": "curl"}}, shell(CURL))
    assert denies({"hosts": "*", "except": {"hosts": "github.com"}}, shell(CURL))
    assert not denies({"hosts": "*", "except": {"hosts": "github.com"}}, shell(PUSH))


@pytest.mark.parametrize(
    ("matcher", "seen", "fits"),
    [
        ({"program": "cat"}, shell(CAT), True),
        ({"program": "cat"}, shell(CAT, PUSH), False),
        ({"program": ["cat", "git"]}, shell(CAT, PUSH), False),
        ({"program": ["cat", "git"], "hosts": "github.com", "effects": "publish"}, shell(CAT, PUSH), False),
        (
            {"any": [{"program": "cat"}, {"program": "git", "hosts": "github.com", "effects": "publish"}]},
            shell(CAT, PUSH),
            True,
        ),
        ({"program": "git", "effects": ["network", "publish"]}, shell(PUSH), True),
        ({"program": "git", "effects": ["publish"]}, shell(PUSH), False),
        ({"program": "curl", "hosts": "github.com"}, shell(CURL), False),
        ({"program": "curl", "hosts": ["github.com", "evil.net"]}, shell(CURL), True),
        ({"program": "rm"}, shell(RM), False),
        ({"program": "rm", "paths_in": "workspace", "effects": ["destructive", "write_outside"]}, shell(RM), False),
        ({"program": "rm", "writes": "/x", "effects": ["destructive", "write_outside"]}, shell(RM), True),
        ({"program": "cat"}, shell(Command("cat", ("cat", "/etc/x"), reads=("/etc/x",))), False),
        ({"program": "cat", "paths_in": "any"}, shell(Command("cat", ("cat", "/etc/x"), reads=("/etc/x",))), True),
        ({"program": "cat"}, shell(Command("cat", ("cat", None))), False),
        ({"program": "echo"}, shell(Command("echo", ("echo", None))), True),
        ({"program": "cat"}, shell(Command("cat", ("cat",), unknown=("x",))), False),
        ({"program": "git"}, shell(Command("git", ("git",), assigns=(("GIT_PAGER", "sh"),))), False),
        ({"program": "git", "env": "GIT_PAGER"}, shell(Command("git", ("git",), assigns=(("GIT_PAGER", "sh"),))), True),
        (
            {"program": "git", "env": {"GIT_PAGER": "cat"}},
            shell(Command("git", ("git",), assigns=(("GIT_PAGER", "sh"),))),
            False,
        ),
        ({"program": "git"}, shell(Command("git", ("git",), assigns=(("LC_ALL", "C"),))), True),
        ({"program": "cat"}, shell(CAT, writes=("/repo/o",)), False),
        ({"program": "cat", "paths_in": "workspace"}, shell(TEE), False),
        ({"program": "cat", "writes": "workspace"}, shell(TEE), True),
        ({"program": "cat", "paths": "workspace"}, shell(TEE), True),
        ({"program": "cat", "writes": "temp"}, shell(TEE), False),
        ({"program": "cat", "writes": "workspace"}, shell(CAT), False),
        ({"tool": "write", "paths_in": "workspace"}, other("write", writes=("/repo/a",)), True),
        ({"tool": "shell", "paths_in": "workspace"}, shell(Command("zz", ("zz",), known=False)), False),
        ({"program": "*", "paths_in": "workspace"}, shell(Command("zz", ("zz",), known=False)), False),
        ({"program": "zz"}, shell(Command("zz", ("zz",), known=False)), True),
        ({"program": "git", "paths_in": "workspace"}, shell(Command("git", ("git", "status"), "status")), True),
        ({"reads": "./**"}, shell(Command("git", ("git", "status"), "status")), False),
        ({"tool": "read", "paths_in": "workspace"}, other("read", reads=("/repo/a",)), True),
        ({"tool": "read", "paths_in": "workspace"}, other("read", reads=("/repo/a", "/etc/x")), False),
        ({"tool": "fetch"}, other("fetch", hosts=("a.b",), effects=("network",)), False),
        ({"tool": "fetch", "hosts": "a.b"}, other("fetch", hosts=("a.b",), effects=("network",)), True),
        ({"tool": "write"}, other("write", writes=("/repo/a",)), False),
        ({"tool": "read"}, other("read", reads=("/repo/a",), invalid="x"), False),
        ({"mcp": {"server": "gh"}}, other("mcp", "list", server="gh", reads=("/repos/x",)), True),
        ({"mcp": {"server": "gh", "tool": "list*"}}, other("mcp", "delete", server="gh"), False),
        ({"mcp": "gh"}, other("mcp", "x", server="other"), False),
    ],
)
def test_allowing_covers_only_what_is_named(matcher, seen, fits):
    assert allows(matcher, seen) is fits


@pytest.mark.parametrize(
    ("args", "fits"),
    [
        ({"owner": "acme"}, True),
        ({"owner": "acme-x"}, False),
        ({}, False),
    ],
)
def test_arguments(args, fits):
    assert denies({"args": {"owner": "acme"}}, other("mcp", args=args)) is fits


def test_arguments_by_pattern_and_of_other_types():
    seen = other("mcp", args={"edits": [{"n": 1}, {"n": 20}]})
    assert denies({"args": {"edits[*].n": {"regex": "^2"}}}, seen)
    assert not allows({"mcp": "*", "args": {"edits[*].n": {"regex": "^2"}}}, seen)
    assert denies({"args": {"edits[*].n": ["1", "x"]}}, seen)


def test_unread_parts():
    unread = shell(Command("cat", ("cat",), unknown=("a variable",)))
    assert denies({"unknown": True}, unread)
    assert not denies({"unknown": True}, shell(CAT))
    assert denies({"unknown": False}, shell(CAT))


def test_a_shell_glob_meets_a_deny_and_not_an_allow():
    seen = other("read", reads=("/repo/.en*",))
    assert denies({"reads": "**/.env"}, seen)
    assert not allows({"tool": "read", "reads": "**/.env"}, seen)


def test_regions():
    assert regions(["workspace", "/x/**"]) == ("./**", "/x/**")
    assert "/tmp/**" in regions(["temp"])
