"""The tools of all known harnesses: what kind they are and which arguments hold commands, paths and addresses. Data
only.

Names collide between harnesses (`Edit` takes file_path in one and filepath in another), so a tool's entry lists every
spelling that is known; a call that uses two of them is judged by both. Sources: the tool lists of OpenCode 1.18, Codex
0.169, qwen-code 0.24, Continue CLI 1.5, Cline 3, Kilo, pi and mini-swe-agent as recorded from the clients themselves;
Claude Code, Gemini CLI, Roo, goose, Crush, Cursor, VS Code Copilot, Kiro and smolagents from their public documentation
(November 2026).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from policies.facts import Effect, Kind


@dataclass(frozen=True, slots=True)
class Spec:
    """`need` are groups of arguments of which one must be there. JSON paths as in policies.jsonpath. `action_arg` names
    the argument that says what the tool does, `actions` the kind per value. `free` tools may be given text instead of
    JSON."""

    kind: Kind
    commands: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    cwd: tuple[str, ...] = ()
    patch: tuple[str, ...] = ()
    need: tuple[tuple[str, ...], ...] = ()
    known: tuple[str, ...] = ()
    action_arg: str = ""
    actions: tuple[tuple[str, Kind], ...] = ()
    effects: tuple[Effect, ...] = ()
    unknown: str = ""
    inner: tuple[str, str] | None = None
    free: bool = False


FILE = (
    "file_path", "filePath", "filepath", "path", "absolute_path", "target_file", "notebook_path", "filename", "file",
    "abs_path", "relative_path",
)  # fmt: skip
FILES = (
    "paths[*]", "file_paths[*]", "filePaths[*]", "files[*]", "files[*].path", "files[*].file_path", "include[*]",
    "args.file[*].path", "args.files[*].path", "operations[*].path", "edits[*].path", "edits[*].file_path",
    "edits[*].filePath", "requests[*].path", "args.file.path", "read_files[*].path",
)  # fmt: skip
FOLDER = (
    "path",
    "dirpath",
    "dir_path",
    "directory",
    "dir",
    "folder",
    "target_directory",
    "relative_workspace_path",
    "cwd",
)
FILTER = (
    "include", "include[*]", "glob", "globs", "globs[*]", "file_pattern", "filePattern", "include_pattern", "includePattern",
    "glob_pattern",
)  # fmt: skip
"""Which files a search opens: `grep . --include .env` by another name."""
COMMAND = ("command", "cmd", "script", "commandLine", "command_line")
COMMANDS = ("commands[*]", "commands[*].command", "command[*]")
CWD = ("workdir", "cwd", "working_dir", "working_directory", "directory", "dir_path", "workingDirectory")
URL = ("url", "uri", "urls[*]", "requests[*].url")

_SHELL = Spec(
    "shell",
    commands=(*COMMAND, *COMMANDS),
    cwd=CWD,
    need=((*COMMAND, "commands"),),
    known=(
        "timeout", "timeout_ms", "description", "explanation", "is_background", "isBackground", "run_in_background",
        "restart", "yield_time_ms", "max_output_tokens", "tty", "login", "justification", "prefix_rule", "requires_approval",
        "session_id",
        "goal", "mode", "suggestions", "waitForCompletion", "background", "max_output_length", "summary", "env", "shell",
        "sandbox_permissions", "with_escalated_permissions", "dangerouslyDisableSandbox", "stdin", "title", "reason", "name",
    ),
)  # fmt: skip
_READ = Spec(
    "read",
    reads=(*FILE, *FILES),
    need=((*FILE, "paths", "files", "file_paths", "filePaths", "args", "operations", "include"),),
)
_WRITE = Spec("write", writes=(*FILE, *FILES), need=((*FILE, "args", "edits", "files", "operations"),))
_EDIT = replace(_WRITE, kind="edit")
_DELETE = replace(_WRITE, kind="delete", effects=("destructive",))
_LIST = Spec("list", reads=FOLDER)
_GLOB = Spec("search", reads=(*FOLDER, "pattern", "patterns[*]"))
_SEARCH = Spec("search", reads=(*FOLDER, *FILTER))
_FETCH = Spec("fetch", urls=URL, need=((*URL, "urls", "prompt", "requests"),), effects=("network",))
_WEB_SEARCH = Spec("web_search")
_AGENT = Spec("agent")
_PLAN = Spec("plan")
_ASK = Spec("ask")
_PATCH = Spec("edit", patch=("input", "patch", "patchText", "patch_text", "diff", "content"), free=True)
_EDITOR: tuple[tuple[str, Kind], ...] = (
    ("view", "read"), ("create", "write"), ("write", "write"), ("str_replace", "edit"), ("insert", "edit"),
    ("append", "edit"),
    ("undo_edit", "edit"), ("delete", "delete"),
)  # fmt: skip
_TEXT_EDITOR = replace(_EDIT, reads=FILE, action_arg="command", actions=_EDITOR)
_CODE = Spec("shell", need=(("code", "source", "script"),), effects=("exec_data",), unknown="code of another language")

_NAMES: dict[Spec, str] = {
    _SHELL: "bash Bash shell local_shell shell_command container.exec exec exec_command unified_exec "
    "run_shell_command run_commands "
    "execute_command run_command execute_bash executeBash run_terminal_cmd run_terminal_command "
    "builtin_run_terminal_command "
    "run_in_terminal runInTerminal developer__shell shell_exec terminal",
    replace(_SHELL, unknown="PowerShell is not read"): "PowerShell powershell pwsh execute_powershell cmd_exec",
    Spec(
        "shell", commands=("chars",), known=("session_id", "yield_time_ms", "max_output_tokens")
    ): "write_stdin send_stdin",
    _CODE: "python python_interpreter execute_python run_python js_repl code_interpreter ipython execute_code",
    _READ: "read Read read_file read_files ReadFile view View view_image NotebookRead notebook_read read_many_files "
    "fs_read readFile "
    "get_file_contents builtin_read_file read_currently_open_file open_file cat_file ReadManyFiles "
    "developer__image_processor",
    _WRITE: "write Write write_file write_to_file WriteFile create_file createFile create_new_file "
    "builtin_create_new_file "
    "new_rule generate_image",
    _EDIT: "edit Edit editor MultiEdit multiedit multi_edit edit_file replace replace_in_file str_replace apply_diff "
    "insert_content "
    "search_and_replace search_replace notebook_edit NotebookEdit replace_string_in_file multi_replace_string_in_file "
    "insert_edit_into_file builtin_edit_existing_file edit_existing_file single_find_and_replace edit_notebook "
    "edit_notebook_file "
    "smart_edit EditFile",
    _DELETE: "delete_file deleteFile remove_file rm delete builtin_delete_file",
    _TEXT_EDITOR: "str_replace_based_edit_tool str_replace_editor developer__text_editor text_editor",
    replace(_TEXT_EDITOR, actions=(*_EDITOR, ("str_replace", "edit"))): "fs_write",
    _PATCH: "apply_patch patch ApplyPatch applyPatch",
    _LIST: "ls LS list List list_directory list_dir list_files listDirectory ReadFolder builtin_ls "
    "list_code_definition_names view_subdirectory developer__analyze",
    _GLOB: "glob Glob find FindFiles file_search builtin_file_glob_search file_glob_search fileSearch",
    _SEARCH: "grep Grep grep_search grep_files search_file_content search_files Search SearchText codebase_search "
    "search_codebase "
    "builtin_grep_search code_search codesearch semantic_search text_search find_path sourcegraph lsp LSP diagnostics "
    "get_errors lsp_diagnostics",
    _FETCH: "webfetch WebFetch web_fetch Fetch fetch fetch_webpage fetch_url fetch_web_content FetchWebContent "
    "agentic_fetch "
    "builtin_fetch_url_content fetch_url_content browser_action browser_navigate open_url",
    Spec("fetch", urls=URL, writes=FILE, effects=("network",), need=(("url",),)): "download download_file",
    _WEB_SEARCH: "websearch WebSearch web_search google_web_search GoogleSearch web_search_preview "
    "builtin_search_web search_web",
    _AGENT: "task Task agent Agent spawn_agent send_input wait_agent resume_agent close_agent list_agents new_task "
    "subagent "
    "delegate_to_agent invoke_agent use_subagents codebase_investigator dynamic_task__create_task "
    "subagent__execute_task "
    "send_message wait SendMessage TeamCreate "
    # Cline's teammates
    "team_spawn_teammate team_shutdown_teammate team_status team_run_task team_cancel_run team_list_runs team_await_runs "
    "team_send_message team_broadcast team_read_mailbox team_cleanup",
    _PLAN: "todowrite todoread TodoWrite TodoRead todo_write todo_read write_todos update_plan update_todo_list "
    "Checklist "
    "plan_exit plan_enter ExitPlanMode EnterPlanMode exit_plan_mode enter_plan_mode plan_mode_respond act_mode_respond "
    "get_goal create_goal update_goal switch_mode condense todo__todo_write think Think Exit attempt_completion "
    "submit_and_exit final_answer TaskCreate TaskUpdate TaskList TaskGet CheckBackgroundJob BashOutput TaskOutput "
    "read_command_output get_terminal_output tool_search ToolSearch report_bug summarize_task complete_task "
    "team_task team_mission_log team_create_outcome team_attach_outcome_fragment team_review_outcome_fragment "
    "team_finalize_outcome team_list_outcomes",
    _ASK: "question ask_user AskUserQuestion AskQuestion ask_question ask_followup_question request_user_input ask "
    "ask_human "
    "ask_user_question",
    Spec(
        "other"
    ): "skill Skill Skills use_skill activate_skill SlashCommand run_slash_command fetch_instructions save_memory "
    "KillShell KillBash TaskStop",
}

_INNER = {
    "tool_call": Spec("other", inner=("name", "arguments"), need=(("name",),)),
    "use_mcp_tool": Spec("mcp", inner=("tool_name", "arguments"), need=(("server_name",), ("tool_name",))),
    "access_mcp_resource": Spec("mcp", need=(("server_name",),)),
    "batch": Spec("other", inner=("tool_calls[*]", "")),
}

TOOLS: dict[str, Spec] = {name: spec for spec, names in _NAMES.items() for name in names.split()} | _INNER
"""Name as offered -> what it is."""

NAMESPACES = frozenset(
    {"", "functions", "multi_agent_v1", "default_api", "developer", "builtin", "tools", "local", "collaboration"}
)
"""Namespaces whose tools keep their plain meaning; a tool in any other namespace belongs to an MCP server of that
name."""


def qualified(name: str, namespace: str = "") -> str:
    """The name that rules and people see: `mcp__server__tool` for an MCP tool in its own namespace."""
    if namespace in NAMESPACES:
        return name
    server = namespace.removeprefix("mcp__").strip("_") or namespace
    return f"mcp__{server}__{name}"


def mcp_parts(name: str) -> tuple[str, str] | None:
    """(server, tool) of `mcp__server__tool` and of `server__tool` (goose); None for a plain name."""
    if name.startswith("mcp__"):
        server, mark, tool = name[5:].partition("__")
        return (server, tool) if mark and server and tool else (name[5:], "")
    if name.startswith("mcp_"):
        server, mark, tool = name[4:].partition("_")
        return (server, tool) if mark else (server, "")
    server, mark, tool = name.partition("__")
    return (server, tool) if mark and server and tool else None
