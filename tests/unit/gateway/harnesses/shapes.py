"""Requests in the shapes that real harnesses send, in words of our own. Only the phrases by which a harness is told are its.

`make` builds an exchange as the pipeline does: bytes through the dialect's own reader, then harness, session and labels.
"""

from __future__ import annotations

import json
from typing import Any

from gateway.dialects import registry as dialects
from gateway.dialects.contract import View
from gateway.harnesses import registry
from gateway.ir.exchange import Exchange, Identity
from gateway.sessions import identity

PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
ASK = "rename the helper in parser.py"


def view(dialect: str, body: dict[str, Any]) -> View:
    return dialects.by_path()[PATHS[dialect]].read(json.dumps(body).encode())


def headers(agent: str, extra: dict[str, str] | None = None) -> dict[bytes, bytes]:
    pairs = {"user-agent": agent, "authorization": "Bearer sk-secret", **(extra or {})}
    return {name.encode(): value.encode() for name, value in pairs.items()}


def make(
    dialect: str, agent: str, body: dict[str, Any], extra: dict[str, str] | None = None, key: str = "k1"
) -> Exchange:
    seen, sent = view(dialect, body), headers(agent, extra)
    found = registry.detect(sent, seen, seen_dialect(dialect))
    return Exchange(
        request_id="r1",
        received_s=0.0,
        dialect=seen_dialect(dialect),
        path=PATHS[dialect],
        query="",
        headers=tuple(sent.items()),
        body=b"",
        view=seen,
        model_asked=seen.model,
        stream=seen.stream,
        identity=Identity(key_id=key, harness=found.name, harness_version=found.version),
        session=identity.identify(sent, seen, key, seen_dialect(dialect), found.name),
    )


def seen_dialect(dialect: str) -> Any:
    return dialect


def tools(dialect: str, *names: str) -> list[dict[str, Any]]:
    schema = {"type": "object", "properties": {"x": {"type": "string"}}}
    if dialect == "messages":
        return [{"name": n, "description": f"does {n}", "input_schema": schema} for n in names]
    if dialect == "responses":
        return [{"type": "function", "name": n, "description": f"does {n}", "parameters": schema} for n in names]
    return [
        {"type": "function", "function": {"name": n, "description": f"does {n}", "parameters": schema}} for n in names
    ]


def body(dialect: str, system: str, turns: list[Any], names: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """`turns`: a string is the human's, ("assistant", text) the agent's, ("call", name) a tool call, ("result", text) its
    result, a dict goes in as it is."""
    items = [part for turn in turns for part in _items(dialect, turn)]
    whole: dict[str, Any] = {"model": "auto", "stream": True}
    if dialect == "messages":
        whole |= {"max_tokens": 8192, "system": [{"type": "text", "text": system}] if system else [], "messages": items}
    elif dialect == "responses":
        leading = [{"role": "developer", "content": [{"type": "input_text", "text": system}]}] if system else []
        whole |= {"input": leading + items, "store": False}
    else:
        whole |= {"messages": ([{"role": "system", "content": system}] if system else []) + items}
    if names:
        whole["tools"] = tools(dialect, *names)
    return whole | more


def _items(dialect: str, turn: Any) -> list[dict[str, Any]]:
    if isinstance(turn, dict):
        return [turn]
    kind, text = ("user", turn) if isinstance(turn, str) else turn
    if dialect == "responses":
        if kind == "call":
            return [{"type": "function_call", "call_id": "c1", "name": text, "arguments": "{}"}]
        if kind == "result":
            return [{"type": "function_call_output", "call_id": "c1", "output": text}]
        mark = "output_text" if kind == "assistant" else "input_text"
        return [{"type": "message", "role": kind, "content": [{"type": mark, "text": text}]}]
    if dialect == "messages":
        if kind == "call":
            return [{"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": text, "input": {}}]}]
        if kind == "result":
            return [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": text}]}]
        return [{"role": kind, "content": [{"type": "text", "text": text}]}]
    if kind == "call":
        function = {"name": text, "arguments": "{}"}
        return [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
            }
        ]
    if kind == "result":
        return [{"role": "tool", "tool_call_id": "c1", "content": text}]
    return [{"role": kind, "content": text}]


# --- harnesses ---------------------------------------------------------------------------------------------------

OPENCODE_AGENT = "opencode/1.18.33 ai-sdk/provider-utils/4.0.23 runtime/bun/1.3.14"
OPENCODE_TOOLS = ("bash", "edit", "glob", "grep", "read", "skill", "task", "todowrite", "webfetch", "write")
OPENCODE_SESSION = {"x-session-affinity": "ses_e06500000ffe", "x-session-id": "ses_e06500000ffe"}
KILO_AGENT = "Kilo-Code/7.7.2 ai-sdk/provider-utils/4.0.27 runtime/bun/1.3.14"
CODEX_AGENT = "codex_exec/0.169.0 (Debian 12.0.0; x86_64) dumb (codex_exec; 0.169.0)"
CODEX_TOOLS = ("exec_command", "write_stdin", "view_image", "request_user_input")
CLINE_AGENT = "ai-sdk/openai-compatible/3.0.37 ai-sdk/provider-utils/5.0.30 runtime/bun/1.3.14"
CLINE_TOOLS = ("read_files", "search_codebase", "run_commands", "editor", "team_mission_log")
QWEN_AGENT = "QwenCode/0.24.4 (linux; x64)"
QWEN_CLAUDE = "claude-cli/0.24.4 (external, cli)"
QWEN_TOOLS = (
    "agent",
    "edit",
    "grep_search",
    "list_agents",
    "run_shell_command",
    "tool_call",
    "tool_search",
    "write_file",
)
CLAUDE_AGENT = "claude-cli/2.3.1 (external, cli)"
CLAUDE_TOOLS = ("Bash", "Edit", "Read", "Task", "Write")
CONTINUE_TOOLS = ("Read", "Write", "Bash", "Checklist", "CheckBackgroundJob", "Edit")
PI_TOOLS = ("read", "bash", "edit", "write")
PYTHON = "OpenAI/Python 2.20.0"

TITLE_HEAD = (
    "You are a title generator. Reply with one line and nothing besides.\n\nRules:\n- stay below fifty characters"
)
QWEN_HEAD = "You are Qwen Code, working in a terminal. Follow the conventions of the project."
CLAUDE_HEAD = "You are Claude Code. Follow the conventions of the project."
PI_HEAD = "You are a helpful assistant operating inside pi, a coding agent harness. Be brief."
CLINE_HEAD = "You are Cline, working on the user's machine. Be brief."
CONTINUE_HEAD = "You are an agent in the Continue CLI. Be brief."
OPENCODE_HEAD = "You are opencode, working in a terminal. Be brief."
AIDER_HEAD = "Act as an expert software developer.\nKeep to the conventions of the code.\nReply with edit blocks."
AIDER_RULES = "\n\n# *SEARCH/REPLACE block* Rules:\n\nPut the path on a line of its own, then the block.\n"
AIDER_EXAMPLES: list[Any] = [
    "Change get_factorial() to use math.factorial",
    ("assistant", "Here is the block."),
    "I switched to a new code base. Forget what came before.",
    ("assistant", "Ok."),
    "I am not sharing any files yet.",
    ("assistant", "Ok."),
]


def codex_metadata(**fields: str) -> str:
    return json.dumps({"session_id": "root-1111", "thread_id": "root-1111", "request_kind": "turn", **fields})


def codex_headers(**fields: str) -> dict[str, str]:
    told = json.loads(codex_metadata(**fields))
    return {
        "originator": "codex_exec",
        "session-id": told["session_id"],
        "thread-id": told["thread_id"],
        "x-client-request-id": told["thread_id"],
        "x-codex-turn-metadata": codex_metadata(**fields),
    }


def codex_turns(*turns: Any) -> list[Any]:
    return ["<environment_context>\n  <cwd>/w</cwd>\n</environment_context>", *turns]


def qwen_turns(dialect: str, *turns: Any) -> list[Any]:
    """The first message has blocks of reminders before the ask."""
    texts = [
        "<system-reminder>\nSkills: one, two.\n</system-reminder>",
        "<system-reminder>\nDate.\n</system-reminder>",
        turns[0],
    ]
    kind = "input_text" if dialect == "responses" else "text"
    return [{"role": "user", "content": [{"type": kind, "text": t} for t in texts]}, *turns[1:]]
