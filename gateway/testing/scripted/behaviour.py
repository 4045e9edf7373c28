"""What the scripted model decides to say when nobody scripted it: enough for any known client to finish its task.

Without tools: a short title, or Aider's edit as text. With tools and no result yet: one call that writes the file.
After a result: a closing sentence. Only ever writes that one file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.testing.scripted.asked import Asked, Tool
from gateway.testing.scripted.faults import Chosen
from gateway.testing.scripted.turns import Call, Part, Profile, Refusal, Text, Thinking, Tokens, Turn

# Tools that write a file, then tools that run a command, in order of preference; the names are the clients' own.
_WRITERS = ("write", "write_file", "Write", "write_to_file", "create_file", "editor", "str_replace_editor")
_RUNNERS = (
    "bash",
    "Bash",
    "run_shell_command",
    "exec_command",
    "shell",
    "run_commands",
    "execute_command",
    "run_command",
)
_PATHS = ("filePath", "file_path", "filepath", "path", "absolute_path", "target_file", "file")
_CONTENTS = ("content", "new_text", "file_text", "contents", "text")
_COMMANDS = ("command", "cmd", "commands", "script")


@dataclass(frozen=True, slots=True)
class Task:
    """The one thing the scripted model can do: write `content` to `file` in the client's folder."""

    file: str = "hello.txt"
    content: str = "hi\n"

    @property
    def command(self) -> str:
        escaped = self.content.replace("\\", "\\\\").replace("\n", "\\n").replace("'", "'\\''")
        return f"printf '{escaped}' > {self.file}"


def works(asked: Asked) -> bool:
    """Whether this is a turn on the task itself: tools on offer (or edits as text), and no result yet."""
    return asked.edits_as_text is not None or (bool(asked.tools) and not asked.has_result)


def decide(asked: Asked, task: Task, profile: Profile) -> Turn:
    """The unscripted answer to a request."""
    if style := asked.edits_as_text:
        return Turn(parts=(Text(_edit(task, style)),), label="text_edit")
    if not asked.tools:
        return Turn(parts=(Text("Create hello file"),), label="plain")
    if asked.has_result:
        return Turn(parts=(Text(f"Done. {task.file} now holds the text."),), label="final")
    if call := call_for(asked, task):
        thoughts: tuple[Part, ...] = (
            (Thinking("The user wants a file; one call is enough."),) if _thinks(asked, profile) else ()
        )
        return Turn(parts=(*thoughts, call), label="tool_call")
    return Turn(parts=(Text("None of the tools on offer can write a file."),), label="no_tool")


def _thinks(asked: Asked, profile: Profile) -> bool:
    """Whether the vendor's model would reason here: DeepSeek and OpenAI unless told not to, Messages when told to."""
    if asked.dialect == "messages":
        return asked.thinking is True
    return (
        asked.thinking is not False
        and profile in ("deepseek", "openai")
        and not (profile == "openai" and asked.dialect == "chat")
    )


def _edit(task: Task, style: str) -> str:
    """Aider's two edit formats."""
    body = task.content if task.content.endswith("\n") else task.content + "\n"
    if style == "diff":
        return f"{task.file}\n```\n<<<<<<< SEARCH\n=======\n{body}>>>>>>> REPLACE\n```\n"
    return f"{task.file}\n```\n{body}```\n"


def call_for(asked: Asked, task: Task) -> Call | None:
    """The call that does the task with the tools on offer; None when none of them can."""
    tools = {tool.name: tool for tool in asked.tools if tool.kind == "function"}
    for name in _WRITERS:
        if (tool := tools.get(name)) and (arguments := _writing(tool, asked, task)):
            return Call(name, arguments, namespace=tool.namespace)
    for name in _RUNNERS:
        if (tool := tools.get(name)) and (arguments := _running(tool, task)):
            return Call(name, arguments, namespace=tool.namespace)
    return None


def _first(names: tuple[str, ...], tool: Tool) -> str | None:
    return next((name for name in names if name in tool.fields), None)


def _writing(tool: Tool, asked: Asked, task: Task) -> Mapping[str, object] | None:
    path, content = _first(_PATHS, tool), _first(_CONTENTS, tool)
    if path is None or content is None:
        return None
    where = f"{asked.folder}/{task.file}" if asked.folder else task.file
    return _completed(tool, {path: where, content: task.content})


def _running(tool: Tool, task: Task) -> Mapping[str, object] | None:
    field = _first(_COMMANDS, tool)
    if field is None:
        return None
    schema = tool.schema["properties"][field]
    kinds = schema.get("type") if isinstance(schema, dict) else None
    wants_list = "array" in (kinds if isinstance(kinds, list) else [kinds])
    if not wants_list:
        return _completed(tool, {field: task.command})
    # One list is a list of commands (Cline), the other one command's words (older Codex).
    return _completed(tool, {field: [task.command] if field == "commands" else ["bash", "-lc", task.command]})


def _completed(tool: Tool, arguments: dict[str, object]) -> Mapping[str, object]:
    """The arguments with whatever else the schema requires: the first allowed value, or an empty one of its type."""
    properties = tool.schema.get("properties") or {}
    for name in tool.schema.get("required") or ():
        if name not in arguments:
            arguments[name] = _filler(properties.get(name) or {})
    return arguments


def _filler(schema: Mapping[str, Any]) -> object:
    if choices := schema.get("enum"):
        return "create" if "create" in choices else choices[0]
    kinds = schema.get("type")
    kind = kinds[0] if isinstance(kinds, list) and kinds else kinds
    return {"boolean": False, "integer": 0, "number": 0, "array": [], "object": {}}.get(str(kind), "")


WIDE = "Größe geprüft — 大丈夫です 🚀 naïve café. "


def with_fault(turn: Turn, fault: Chosen, asked: Asked) -> Turn:
    """The turn as the faults of kind `says` change it; every other fault leaves it alone."""
    change = _CHANGES.get(fault.name)
    if change is None:
        if fault.is_("near_limit_usage"):
            return _with(turn, turn.parts, tokens=Tokens(input=int(fault.number), output=50))
        return turn
    return change(turn, fault)


def _with(turn: Turn, parts: tuple[Part, ...], **changes: Any) -> Turn:
    given = {"finish": turn.finish, "tokens": turn.tokens, "label": turn.label} | changes
    return Turn(parts=parts, **given)


def _refusal_field(turn: Turn, fault: Chosen) -> Turn:
    return Turn(parts=(Refusal("I can't help with that."),), finish="refusal", label="refusal")


def _garbage(turn: Turn, fault: Chosen) -> Turn:
    broken = tuple(
        Call(p.name, p.arguments_text[:-3] + ',,"', namespace=p.namespace) if isinstance(p, Call) else p
        for p in turn.parts
    )
    return _with(turn, broken, finish="tool" if turn.calls else None)


def _truncated(turn: Turn, fault: Chosen) -> Turn:
    cut = tuple(
        Call(p.name, p.arguments_text[: len(p.arguments_text) // 2]) if isinstance(p, Call) else p for p in turn.parts
    )
    return _with(turn, cut, finish="length")


def _parallel(turn: Turn, fault: Chosen) -> Turn:
    return _with(turn, (*turn.parts, *turn.calls))


def _mixed(turn: Turn, fault: Chosen) -> Turn:
    calls = turn.calls or ()
    parts: tuple[Part, ...] = (
        Thinking("Two steps: say so, then write."),
        Text("I will write the file now."),
        *calls,
        *calls,
    )
    return _with(turn, parts)


def _big(turn: Turn, fault: Chosen) -> Turn:
    """Arguments of the wanted size: the content is followed by that much of a comment."""
    padding = "x" * int(fault.number * 1024)
    parts: list[Part] = []
    for part in turn.parts:
        if isinstance(part, Call) and isinstance(part.arguments, Mapping):
            part = Call(part.name, {**part.arguments, "padding": padding}, namespace=part.namespace)
        parts.append(part)
    return _with(turn, tuple(parts))


_CHANGES = {
    "refusal": lambda turn, fault: Turn(parts=(Text("I will not do that."),), label="refusal"),
    "refusal_field": _refusal_field,
    "content_filter": lambda turn, fault: Turn(parts=(), finish="filter", label="content_filter"),
    "empty": lambda turn, fault: Turn(parts=(), finish="stop", label="empty"),
    "unknown_tool": lambda turn, fault: Turn(parts=(Call("no_such_tool", {"x": 1}),), label="unknown_tool"),
    "garbage_args": _garbage,
    "truncated_args": _truncated,
    "parallel": _parallel,
    "mixed": _mixed,
    "text_after_call": lambda turn, fault: _with(turn, (*turn.parts, Text("That call writes the file."))),
    "reasoning": lambda turn, fault: _with(turn, (Thinking("First I think about it."), *turn.parts)),
    "out_of_order": lambda turn, fault: _with(turn, (Thinking("First I think about it."), *turn.parts)),
    "split_utf8": lambda turn, fault: _with(turn, (Text(WIDE), *turn.parts)),
    "big_args": _big,
}
