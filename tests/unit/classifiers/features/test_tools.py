"""One act, many names: tools of real harnesses by name, shell commands by what they do."""

import json

import pytest

from classifiers.features import tools


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("bash", "run"), ("Bash", "run"), ("run_shell_command", "run"), ("exec_command", "run"), ("run_commands", "run"),
        ("read", "read"), ("ReadFile", "read"), ("view_image", "read"), ("functions.read_file", "read"),
        ("write", "edit"), ("str_replace_based_edit_tool", "edit"), ("apply_patch", "edit"), ("editor", "edit"),
        ("grep_search", "search"), ("Glob", "search"), ("List", "search"), ("webfetch", "web"), ("task", "delegate"),
        ("agent", "delegate"), ("todowrite", "plan"), ("AskQuestion", "ask"), ("mcp__files__write_file", "edit"),
        ("mcp__crm__create_lead", "other"), ("frobnicate", "other"),
    ],
)  # fmt: skip
def test_a_tool_by_its_name(name, act):
    assert tools.act_of_tool(name) == act


def test_abilities_are_a_set():
    few = tools.abilities(["bash", "edit"])
    assert few == {"run", "edit"} == tools.abilities(["bash", "edit", "write", *(f"crm_{n}" for n in range(100))])


@pytest.mark.parametrize(
    ("command", "act", "test"),
    [
        ("pytest -q tests/a.py", "run", True),
        ("cd app && npm run test", "run", True),
        ("go test ./...", "run", True),
        ("cargo clippy", "run", True),
        ("./gradlew test", "run", True),
        ("python -m pytest > out.txt", "run", True),
        ("cat src/a.py", "read", False),
        ("sed -n 1,40p a.py", "read", False),
        ("cd x && rg foo src", "search", False),
        ("ls -la", "search", False),
        ("sed -i s/a/b/ a.py", "edit", False),
        ("printf hi > hello.txt", "edit", False),
        ("cat <<'E' > a.py\nx\nE", "edit", False),
        ("make 2>&1 | tail", "run", False),
        ("echo done >/dev/null", "run", False),
        ("git status", "run", False),
    ],
)
def test_a_command_by_what_it_does(command, act, test):
    assert tools.act_of_command(command) == act
    assert tools.is_test(command) is test


def test_files_of_commands():
    assert tools.files_of_command("printf hi > out/hello.txt", "edit") == ("out/hello.txt",)
    assert tools.files_of_command("cat src/a.py b.ts", "read") == ("src/a.py", "b.ts")
    assert tools.files_of_command("apply_patch\n*** Update File: a/b.py\n@@", "edit") == ("a/b.py",)
    assert tools.files_of_command("git status", "run") == ()


def test_arguments():
    def read(**fields):
        return tools.arguments_of(json.dumps(fields))

    assert tools.files_of(read(filePath="a.py", offset=3)) == ("a.py",)
    assert tools.files_of(read(paths=["a.py", "b.py", "a.py"])) == ("a.py", "b.py")
    assert tools.files_of(read(files=[{"path": "a.py"}])) == ("a.py",)
    assert tools.command_of(read(command=["bash", "-lc", "ls"])) == "bash -lc ls"
    assert tools.command_of(read(commands=["ls", "pytest"])) == "ls; pytest"
    assert tools.command_of(read(cmd="ls")) == "ls"
    for broken in ("", "{", "[1]", '"x"', "null", "{" * 5000):
        assert tools.files_of(tools.arguments_of(broken)) == ()
        assert tools.command_of(tools.arguments_of(broken)) == ""
