"""Facts of every tool that is not a command."""

import json

import pytest

from policies import tools
from policies.facts import Command, Facts
from policies.tools import Reader, quoted
from policies.verdict import NeedParse, ToolCall
from policies.view import Place

PLACE = Place(("/repo",), "/home/u", "/repo")


def understand(text, place):
    """Stands in for the shell package: the words of a plain command; `$` needs the second parser."""
    if "$" in text and (yield NeedParse(text)) is None:
        return Facts("shell", "", unknown=("not parsed",))
    words = text.split()
    return Facts("shell", "", commands=(Command(words[0], tuple(words)),), reads=(place.cwd or "",))


def facts(name, arguments, place=PLACE, namespace="", answer=b"{}"):
    custom = isinstance(arguments, str)
    call = ToolCall("1", name, json.dumps(arguments).encode(), namespace, custom)
    reading = tools.facts(call, arguments, Reader(place, understand, {}))
    try:
        next(reading)
        reading.send(answer)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("asked twice")


def programs(found):
    return [command.program for command in found.commands]


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "reads", "writes"),
    [
        ("read", {"filePath": "a"}, "read", ("/repo/a",), ()),
        ("Read", {"file_path": "~/x"}, "read", ("/home/u/x",), ()),
        ("read_files", {"paths": ["a", "/etc/b"]}, "read", ("/repo/a", "/etc/b"), ()),
        ("read_file", {"args": {"file": [{"path": "a"}]}}, "read", ("/repo/a",), ()),
        ("fs_read", {"operations": [{"mode": "Line", "path": "/x"}]}, "read", ("/x",), ()),
        ("write", {"filePath": "a", "content": ""}, "write", (), ("/repo/a",)),
        ("editor", {"path": "a", "new_text": ""}, "edit", ("/repo/a",), ("/repo/a",)),
        ("Edit", {"file_path": "a", "filepath": "/etc/b"}, "edit", ("/repo/a", "/etc/b"), ("/repo/a", "/etc/b")),
        ("delete_file", {"target_file": "a"}, "delete", (), ("/repo/a",)),
        ("glob", {"pattern": "**/*.py"}, "search", ("/repo/**/*.py",), ()),
        ("glob", {"pattern": "*.key", "path": "/etc/ssl"}, "search", ("/etc/ssl", "/etc/ssl/*.key"), ()),
        ("grep", {"pattern": "/etc/passwd"}, "search", ("/repo",), ()),
        ("grep", {"pattern": "x", "path": "/etc"}, "search", ("/etc",), ()),
        ("grep", {"pattern": ".", "include": ".env"}, "search", ("/repo/.env",), ()),
        (
            "grep_search",
            {"pattern": ".", "glob": "*.pem", "path": "/etc/ssl"},
            "search",
            ("/etc/ssl", "/etc/ssl/*.pem"),
            (),
        ),
        ("ls", {}, "list", ("/repo",), ()),
        ("str_replace_based_edit_tool", {"command": "view", "path": "/repo/a"}, "read", ("/repo/a",), ()),
        ("str_replace_based_edit_tool", {"command": "create", "path": "/repo/a"}, "write", ("/repo/a",), ("/repo/a",)),
        ("todowrite", {"todos": []}, "plan", (), ()),
        ("spawn_agent", {"message": "x"}, "agent", (), ()),
    ],
)
def test_paths(name, arguments, kind, reads, writes):
    found = facts(name, arguments)
    assert (found.kind, found.reads, found.writes) == (kind, reads, writes)
    assert not found.invalid
    assert not found.unknown


@pytest.mark.parametrize(
    ("name", "arguments", "effects"),
    [
        ("Write", {"file_path": "/etc/hosts"}, {"write_outside", "persistence"}),
        ("Write", {"file_path": "/tmp/x"}, set()),
        ("Write", {"file_path": ".git/hooks/pre-commit"}, {"persistence"}),
        ("Write", {"file_path": ".github/workflows/ci.yml"}, {"persistence"}),
        ("Write", {"file_path": "~/.bashrc"}, {"write_outside", "persistence"}),
        ("Write", {"file_path": "src/x"}, set()),
        ("delete_file", {"path": "a"}, {"destructive"}),
        ("WebFetch", {"url": "https://a"}, {"network"}),
        ("download", {"url": "https://a", "file_path": "x"}, {"network"}),
    ],
)
def test_effects(name, arguments, effects):
    assert set(facts(name, arguments).effects) == effects


def test_a_workspace_below_a_system_folder_is_a_workspace():
    place = Place(("/usr/src/app",), None, "/usr/src/app")
    assert facts("Write", {"file_path": "x"}, place).effects == ()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://A.example/x", "a.example"),
        ("a.example/x", "a.example"),
        ("http://localhost:4242/x", "localhost:4242"),
        ("http://a.example:80", "a.example"),
        ("https://user@a.example@evil.net/", "evil.net"),
        ("https://[::1]/", "::1"),
    ],
)
def test_hosts(url, host):
    assert facts("webfetch", {"url": url}).hosts == (host,)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "https://a\\@b/", "javascript:x", "https://a:port/", "gopher://x/"]
)
def test_addresses_that_cannot_be_trusted(url):
    found = facts("webfetch", {"url": url})
    assert found.unknown
    assert not found.hosts


def test_an_address_inside_a_prompt():
    assert facts("web_fetch", {"prompt": "summarise https://a.b/x, please"}).hosts == ("a.b",)
    assert facts("web_fetch", {"prompt": "summarise it"}).unknown


def test_patches():
    text = "*** Begin Patch\n*** Update File: a\n*** Delete File: ../b\n*** End Patch"
    for found in (
        facts("apply_patch", text),
        facts("apply_patch", {"input": text}),
        facts("patch", {"patchText": text}),
    ):
        assert found.writes == ("/repo/a", "/b")
        assert {"destructive", "write_outside"} <= set(found.effects)
    assert facts("apply_patch", {"input": "hello"}).unknown


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("bash", {"command": "ls a"}, ["ls"]),
        ("exec_command", {"cmd": "ls"}, ["ls"]),
        ("run_commands", {"commands": ["ls", "rm x"]}, ["ls", "rm"]),
        ("run_commands", {"commands": [{"command": "ls"}]}, ["ls"]),
        ("bash", {"command": "ls", "cmd": "rm x"}, ["ls", "rm"]),
        ("bash", {"command": "$x"}, ["$x"]),
        ("tool_call", {"name": "run_shell_command", "arguments": {"command": "ls"}}, ["ls"]),
        ("tool_call", {"name": "run_shell_command", "arguments": '{"command":"ls"}'}, ["ls"]),
        (
            "batch",
            {
                "tool_calls": [
                    {"tool": "bash", "parameters": {"command": "ls"}},
                    {"tool": "bash", "parameters": {"command": "rm"}},
                ]
            },
            ["ls", "rm"],
        ),
    ],
)
def test_commands(name, arguments, wanted):
    found = facts(name, arguments)
    assert found.kind == "shell"
    assert programs(found) == wanted


def test_an_argv_is_one_command():
    assert facts("shell", {"command": ["echo", "a b"]}).commands[0].argv == ("echo", "'a", "b'")
    assert quoted("a'b") == "'a'\"'\"'b'"
    assert quoted("--x=1/a.b") == "--x=1/a.b"
    assert quoted("") == "''"


def test_the_second_parser():
    assert facts("bash", {"command": "$x"}, answer=None).unknown == ("not parsed",)


def test_the_working_directory_of_a_call():
    assert facts("bash", {"command": "ls", "workdir": "sub"}).reads == ("/repo/sub",)
    assert "two working directories" in facts("bash", {"command": "ls", "workdir": "a", "cwd": "b"}).unknown
    assert facts("bash", {"command": "ls", "workdir": "$HOME"}).unknown


@pytest.mark.parametrize(
    "arguments",
    [
        {"command": "ls", "surprise": 1},
        {"command": "ls", "shell": "/bin/evil"},
        {"command": "ls", "env": {"LD_PRELOAD": "x"}},
    ],
)
def test_arguments_that_change_a_command(arguments):
    assert facts("bash", arguments).unknown


def test_leaving_the_sandbox_is_a_privilege():
    assert "privilege" in facts("exec_command", {"cmd": "ls", "sandbox_permissions": "require_escalated"}).effects
    assert "privilege" not in facts("exec_command", {"cmd": "ls", "sandbox_permissions": "use_default"}).effects


def test_typing_into_a_program():
    assert facts("write_stdin", {"session_id": 1, "chars": "rm x\n"}).unknown
    assert not facts("write_stdin", {"session_id": 1, "chars": ""}).unknown


def test_code_of_other_languages_is_not_read():
    found = facts("python_interpreter", {"code": "print(1)"})
    assert (found.kind, found.effects) == ("shell", ("exec_data",))
    assert found.unknown


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("bash", {}),
        ("bash", {"command": None}),
        ("bash", {"command": 3}),
        ("bash", {"command": "ls\u202e"}),
        ("Read", {"path": {"x": 1}}),
        ("tool_call", {"name": "bash"}),
        ("tool_call", {"name": 1, "arguments": {}}),
        ("tool_call", {"name": "bash", "arguments": "{"}),
        ("batch", {"tool_calls": []}),
        ("batch", {"tool_calls": [{"tool": "bash"}]}),
        ("batch", {"tool_calls": [3]}),
        ("run_commands", {"commands": [f"ls {n}" for n in range(100)]}),
        ("use_mcp_tool", {"server_name": "x"}),
    ],
)
def test_invalid(name, arguments):
    found = facts(name, arguments)
    assert found.invalid or any("not" in reason for reason in found.unknown)
    assert found.invalid


def test_calls_inside_calls_end():
    deep = {"name": "bash", "arguments": {"command": "ls"}}
    for _ in range(5):
        deep = {"name": "tool_call", "arguments": deep}
    assert "too deep" in facts("tool_call", deep).invalid


def test_a_batch_of_different_tools():
    calls = [{"tool": "read", "parameters": {"filePath": "/etc/x"}}, {"tool": "bash", "parameters": {"command": "ls"}}]
    found = facts("batch", {"tool_calls": calls})
    assert found.kind == "other"
    assert "/etc/x" in found.reads
    assert found.unknown


def test_mcp_in_all_spellings():
    for name, namespace in (("mcp__gh__list", ""), ("list", "mcp__gh__"), ("list", "gh")):
        found = facts(name, {"path": "/repos/x", "at": "https://api.x/y"}, namespace=namespace)
        assert (found.kind, found.server, found.tool) == ("mcp", "gh", "list")
        assert found.hosts == ("api.x",)
        assert found.reads == ("/repos/x",)
    found = facts("use_mcp_tool", {"server_name": "gh", "tool_name": "list", "arguments": "{}"})
    assert (found.kind, found.server, found.tool) == ("mcp", "gh", "list")


def test_tools_nobody_knows():
    found = facts("frobnicate", {"deep": [{"where": "~/x"}]})
    assert (found.kind, found.reads) == ("other", ("/home/u/x",))
    assert facts("frobnicate", "text").kind == "other"
    assert facts("todowrite", "text").invalid
