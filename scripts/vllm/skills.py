"""What the tiny model can say: one special token (the hint) stands for one exact answer.

The chat template writes a hint as the last token of the prompt, so the answer depends on local context only, and
prompts of any length (a coding agent sends 10,000 tokens and more) get it right. The model is closed on purpose: an
agent in auto-approve mode runs what it says, so every command below is harmless; the "dangerous" one names a path that
does not exist.
"""

from __future__ import annotations

import json

#: tool name -> the argument that carries the command (OpenCode and pi, Continue, Codex, qwen-code, Cline).
SHELL_TOOLS = {
    "bash": "command",
    "Bash": "command",
    "exec_command": "cmd",
    "run_shell_command": "command",
    "run_commands": "commands",
}

#: act -> shell commands, one tool call each. The words that select an act are in chat_template.jinja.
SHELL_ACTS = {
    "write": ("echo hi > hello.txt",),
    "danger": ("rm -rf /nonexistent-canary",),
    "two": ("echo hi > hello.txt", "echo ho > second.txt"),
}

COUNTED = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"

ADAPTER_SAYS = "Hello from the adapter."

#: act -> plain text.
TEXTS = {
    "done": "Done.",
    "title": "Create a greeting file",
    "summary": "Summary: the user asked for hello.txt, and it was written with the text hi.",
    "hello": "Hello from the tiny model.",
    "count": COUNTED,
    "json": '{"answer":42}',
    # No prompt asks for it. LoRA leaves the output rows alone, and the row of a word never taught is too short to win:
    # so the word that the adapter will say is taught here.
    "adapter": ADAPTER_SAYS,
}

#: The one answer that the LoRA adapter changes.
ADAPTED = {"<|say/hello|>": ADAPTER_SAYS}


def call(name: str, arguments: dict[str, object]) -> str:
    """One tool call in the form that vLLM's `hermes` parser reads."""
    return "<tool_call>\n" + json.dumps({"name": name, "arguments": arguments}) + "\n</tool_call>"


def _shell(tool: str, argument: str, command: str) -> str:
    value: object = [command] if argument == "commands" else command
    return call(tool, {argument: value})


def answers() -> dict[str, str]:
    """Every hint with its answer."""
    table = {f"<|say/{act}|>": text for act, text in TEXTS.items()}
    for tool, argument in SHELL_TOOLS.items():
        for act, commands in SHELL_ACTS.items():
            table[f"<|{tool}/{act}|>"] = "\n".join(_shell(tool, argument, command) for command in commands)
    table["<|get_weather/write|>"] = call("get_weather", {"city": "Paris"})
    return table
