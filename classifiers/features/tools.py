"""What a tool does, told by its name and its arguments: abilities of a tool set, the act of one call, the files it names.

Pure. Names differ in every harness (clients.md 3.2: for running a command there are `bash`, `Bash`, `run_shell_command`,
`exec_command`, `run_commands`), so they are reduced to words; a command line is read for what it does, because Codex edits
and reads files through its shell. An unknown tool is `other`: it counts as a step and as nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, Literal

import msgspec

Act = Literal["read", "edit", "run", "search", "web", "delegate", "ask", "plan", "other"]

PATHS_MAX: Final = 32
"""Files taken from one call."""

_NAMES: Final[dict[Act, str]] = {
    "read": "read read_file read_files readfile view view_file cat open_file notebook_read get_file read_many_files "
    "view_image list_code_definition_names fs_read",
    "edit": "edit write write_file writefile write_to_file create_file multiedit multi_edit edit_file editor replace "
    "replace_in_file replace_string_in_file insert_edit_into_file apply_patch apply_diff str_replace str_replace_editor "
    "str_replace_based_edit_tool notebook_edit search_replace delete_file rename_file insert_content create patch fs_write "
    "edit_existing_file create_new_file single_find_and_replace edit_notebook_file",
    "run": "bash shell run_shell_command exec_command run_commands execute_command run_in_terminal run_terminal_cmd "
    "terminal run_command local_shell container_exec write_stdin execute exec bash_output python execute_bash "
    "run_terminal_command run_tests run_test runtests code_execution powershell",
    "search": "grep glob ls list list_files list_dir list_directory search search_files find grep_search file_search "
    "codebase_search semantic_search glob_search file_glob_search ripgrep search_file_content search_code tree "
    "view_repo_map",
    "web": "webfetch web_fetch fetch web_search websearch browser browser_action fetch_webpage search_web google_web_search "
    "read_url_content fetch_url_content",
    "delegate": "task agent spawn_agent new_task subagent use_subagents dispatch_agent delegate run_subagent runsubagent "
    "send_input wait_agent resume_agent handoff",
    "ask": "ask_user askquestion ask_question askuserquestion request_user_input ask_followup_question question "
    "attempt_completion exitplanmode exit_plan_mode plan_mode_respond",
    "plan": "todowrite todo_write todo update_plan checklist todoread todo_read update_todo_list think "
    "sequentialthinking create_goal update_goal get_goal manage_todo_list",
}
_BY_NAME: Final[dict[str, Act]] = {name: act for act, names in _NAMES.items() for name in names.split()}
_LOOSE: Final[tuple[tuple[str, Act], ...]] = (
    ("edit", "edit"),
    ("write", "edit"),
    ("patch", "edit"),
    ("command", "run"),
    ("shell", "run"),
    ("terminal", "run"),
    ("read_", "read"),
    ("grep", "search"),
    ("search", "search"),
    ("fetch", "web"),
    ("browser", "web"),
)


@lru_cache(maxsize=4096)
def act_of_tool(name: str) -> Act:
    """What a tool is for, by its name: a namespace (`functions.`, `mcp__server__`) is passed over."""
    bare = name.rpartition("__")[2] if name.startswith("mcp__") else name.rpartition(".")[2]
    low = bare.replace("-", "_").lower()
    found = _BY_NAME.get(low) or _BY_NAME.get(low.replace("_", ""))
    if found is not None:
        return found
    return next((act for part, act in _LOOSE if part in low), "other")


def abilities(names: Iterable[str]) -> frozenset[Act]:
    """What a tool set can do. A set: two tools for one act are one ability, and their number says nothing."""
    return frozenset(act_of_tool(name) for name in names) - {"other"}


# --- command lines -----------------------------------------------------------------------------------------------

_TEST: Final = re.compile(
    r"(?:^|[\s;&|(/])(?:pytest|py\.test|tox|nox|unittest|jest|vitest|mocha|ava|karma|playwright test|cypress|rspec|phpunit|"
    r"ctest|gotestsum|nextest|tsc|mypy|pyright|ruff check|eslint|flake8|clippy|golangci-lint|"
    r"(?:npm|pnpm|yarn|bun|deno)(?: run)? (?:test|t|check|lint|typecheck|build)\b|go (?:test|vet|build)|"
    r"cargo (?:test|check|build|clippy)|"
    r"(?:mvn|mvnw|gradle|gradlew|\./gradlew|\./mvnw)\b[^;&|]*\b(?:test|check|verify|build|compile)|make (?:test|check|lint)|"
    r"dotnet (?:test|build)|mix test|rails test|rake test|swift test|manage\.py test|just test|bazel test|\S*run_?tests?)\b"
)
_SHELL_EDIT: Final = re.compile(
    r"apply_patch|(?:^|[\s;&|])(?:sed|perl)\s+(?:-\S+\s+)*-[a-z]*i|(?:^|[^-=<>0-9&])>{1,2}\s*(?!/dev/|&)[\w./~$\"']"
    r"|(?:^|[\s;&|])(?:tee|patch|git apply|mv|cp|touch|mkdir|rm)\s"
)
_TARGET: Final = re.compile(
    r">{1,2}\s*[\"']?((?!/dev/)[\w./~-]+)|^\*\*\* (?:Update|Add|Delete) File: (.+)$", re.MULTILINE
)
_SHELL_READ: Final = re.compile(r"^\s*(?:cd [^;&|]+(?:&&|;)\s*)?(?:cat|head|tail|less|nl|bat|sed -n|wc|stat|file)\s")
_SHELL_SEARCH: Final = re.compile(
    r"^\s*(?:cd [^;&|]+(?:&&|;)\s*)?(?:rg|grep|git grep|find|fd|ls|tree|ag|git ls-files)\b"
)
_FILE: Final = re.compile(r"(?<![\w=])[\w./~-]*[\w-]\.[A-Za-z][A-Za-z0-9]{0,7}\b(?!\()")


def is_test(command: str) -> bool:
    """The command checks the work: tests, type checks, linters, builds."""
    return _TEST.search(command[:2000]) is not None


def act_of_command(command: str) -> Act:
    if _SHELL_EDIT.search(command[:4000]) is not None and not is_test(command):
        return "edit"
    if _SHELL_READ.match(command) is not None:
        return "read"
    return "search" if _SHELL_SEARCH.match(command) is not None else "run"


def files_of_command(command: str, act: Act) -> tuple[str, ...]:
    """The files that a command reads or writes, as far as its words tell."""
    if act == "edit":
        found = [(a or b).strip() for a, b in _TARGET.findall(command[:8000])]
        if found:
            return tuple(dict.fromkeys(found))[:PATHS_MAX]
    if act in ("read", "edit"):
        return tuple(dict.fromkeys(_FILE.findall(command[:2000])))[:PATHS_MAX]
    return ()


# --- arguments ---------------------------------------------------------------------------------------------------


class Arguments(msgspec.Struct):
    """The arguments that name files and commands in the tools seen; all else is passed over by the decoder."""

    command: object = None
    cmd: object = None
    commands: object = None
    script: object = None
    filePath: object = None
    filepath: object = None
    file_path: object = None
    path: object = None
    paths: object = None
    files: object = None
    notebook_path: object = None
    target_file: object = None
    absolute_path: object = None
    input: object = None
    patch: object = None
    name: object = None
    arguments: object = None


_decoder: Final = msgspec.json.Decoder(Arguments)
_FILES: Final = (
    "filePath filepath file_path path paths files notebook_path target_file absolute_path".split()  # noqa: SIM905
)
_COMMANDS: Final = ("command", "cmd", "commands", "script")


def arguments_of(raw: str) -> Arguments:
    """The known arguments; none for text that is not a JSON object (custom tools, a cut text)."""
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Arguments()


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value[:PATHS_MAX]:
            if isinstance(one, str):
                yield one
            elif isinstance(one, dict):
                yield from (one[k] for k in ("path", "file_path", "filePath", "command") if isinstance(one.get(k), str))


def command_of(arguments: Arguments) -> str:
    """The command line; several are joined by `;`. An argv list is joined by spaces."""
    for name in _COMMANDS:
        value = getattr(arguments, name)
        if value is None:
            continue
        if isinstance(value, list) and value and all(isinstance(v, str) for v in value) and name != "commands":
            return " ".join(value)
        found = list(_strings(value))
        if found:
            return "; ".join(found)
    return ""


def files_of(arguments: Arguments) -> tuple[str, ...]:
    """The files that the arguments name, each once, at most PATHS_MAX."""
    found: dict[str, None] = {}
    for value in map(arguments.__getattribute__, _FILES):
        if value is not None:
            found.update(dict.fromkeys(_strings(value)))
    for patch in (arguments.patch, arguments.input):
        if isinstance(patch, str) and "*** " in patch:
            found.update(dict.fromkeys((a or b).strip() for a, b in _TARGET.findall(patch[:8000]) if b))
    return tuple(found)[:PATHS_MAX]
