"""The shipped map: every tool of the harnesses that were recorded is known, with the right kind."""

import pytest

from policies.toolmap import TOOLS, mcp_parts, qualified

KINDS = {
    # OpenCode, Kilo, pi
    "bash": "shell", "read": "read", "write": "write", "edit": "edit", "glob": "search", "grep": "search",
    "webfetch": "fetch", "task": "agent", "todowrite": "plan", "skill": "other",
    # Codex
    "exec_command": "shell", "write_stdin": "shell", "view_image": "read", "request_user_input": "ask", "apply_patch": "edit",
    "spawn_agent": "agent", "wait_agent": "agent", "update_goal": "plan", "web_search": "web_search", "update_plan": "plan",
    # qwen-code, Gemini
    "run_shell_command": "shell", "read_file": "read", "write_file": "write", "notebook_edit": "edit", "grep_search": "search",
    "agent": "agent", "list_directory": "list", "web_fetch": "fetch", "replace": "edit", "google_web_search": "web_search",
    # Continue, Claude Code
    "Bash": "shell", "Read": "read", "Write": "write", "Edit": "edit", "List": "list", "Fetch": "fetch", "Checklist": "plan",
    "AskQuestion": "ask", "MultiEdit": "edit", "NotebookEdit": "edit", "WebFetch": "fetch", "WebSearch": "web_search",
    "Task": "agent", "TodoWrite": "plan", "Glob": "search", "Grep": "search", "LS": "list", "AskUserQuestion": "ask",
    # Cline, Roo
    "run_commands": "shell", "read_files": "read", "editor": "edit", "execute_command": "shell", "write_to_file": "write",
    "replace_in_file": "edit", "apply_diff": "edit", "list_files": "list", "use_mcp_tool": "mcp", "new_task": "agent",
    "team_spawn_teammate": "agent", "team_run_task": "agent", "team_task": "plan", "team_mission_log": "plan",
    # goose, Cursor, VS Code, Kiro, smolagents
    "developer__shell": "shell", "developer__text_editor": "edit", "run_terminal_cmd": "shell", "delete_file": "delete",
    "run_in_terminal": "shell", "create_file": "write", "fs_read": "read", "execute_bash": "shell", "python_interpreter": "shell",
}  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_kinds(name, kind):
    assert TOOLS[name].kind == kind


def test_namespaces():
    assert qualified("spawn_agent", "multi_agent_v1") == "spawn_agent"
    assert qualified("search", "github") == "mcp__github__search"
    assert qualified("search", "mcp__github__") == "mcp__github__search"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("mcp__github__create_issue", ("github", "create_issue")),
        ("mcp__a__b__c", ("a", "b__c")),
        ("mcp_github_search", ("github", "search")),
        ("memory__remember", ("memory", "remember")),
        ("mcp__lonely", ("lonely", "")),
        ("plain", None),
        ("__x", None),
    ],
)
def test_mcp_names(name, parts):
    assert mcp_parts(name) == parts
