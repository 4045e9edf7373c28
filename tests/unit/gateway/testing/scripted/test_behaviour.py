"""The unscripted model: which tool it picks for each known client, and what it says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.testing.scripted.asked import read
from gateway.testing.scripted.behaviour import Task, call_for, decide


def chat(tools: dict[str, dict[str, Any]], *history: dict[str, Any]) -> Any:
    offered = [{"type": "function", "function": {"name": n, "parameters": s}} for n, s in tools.items()]
    return read("chat", {"model": "m", "messages": list(history), "tools": offered})


def schema(*names: str, required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {n: {"type": "string"} for n in names} | more, "required": list(required)}


@pytest.mark.parametrize(
    ("tools", "name", "arguments"),
    [
        ({"bash": schema("command"), "write": schema("content", "filePath")}, "write", {"filePath": "hello.txt"}),
        ({"write": schema("path", "content")}, "write", {"path": "hello.txt"}),
        ({"write_file": schema("file_path", "content")}, "write_file", {"file_path": "hello.txt"}),
        ({"Write": schema("filepath", "content")}, "Write", {"filepath": "hello.txt"}),
        ({"editor": schema("path", "new_text")}, "editor", {"path": "hello.txt", "new_text": "hi\n"}),
        ({"exec_command": schema("cmd", "workdir")}, "exec_command", {"cmd": "printf 'hi\\n' > hello.txt"}),
        ({"run_commands": schema(commands={"type": "array"})}, "run_commands", {"commands": ["printf 'hi\\n' > hello.txt"]}),
        ({"shell": schema(command={"type": "array"})}, "shell", {"command": ["bash", "-lc", "printf 'hi\\n' > hello.txt"]}),
        ({"bash": schema("command", "description", required=("description",))}, "bash", {"description": ""}),
    ],
)  # fmt: skip
def test_the_tool_of_each_client(tools: dict[str, Any], name: str, arguments: dict[str, Any]) -> None:
    found = call_for(chat(tools, {"role": "user", "content": "go"}), Task())
    assert found is not None
    assert found.name == name
    assert arguments.items() <= dict(found.arguments).items()  # type: ignore[arg-type]


def test_no_tool_fits() -> None:
    assert decide(chat({"fetch": schema("url")}, {"role": "user", "content": "go"}), Task(), "plain").label == "no_tool"


@pytest.mark.parametrize(
    "words",
    ["Working directory: /home/dev/p\n", "<cwd>/home/dev/p</cwd>", "currently working in the directory: /home/dev/p"],
)
def test_the_client_s_folder_is_found(words: str) -> None:
    asked = chat(
        {"write": schema("path", "content")}, {"role": "system", "content": words}, {"role": "user", "content": "x"}
    )
    found = call_for(asked, Task())
    assert found is not None
    assert dict(found.arguments)["path"] == "/home/dev/p/hello.txt"  # type: ignore[arg-type]


CALLED = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "c", "function": {"name": "write", "arguments": "{}"}}],
}
DONE = {"role": "tool", "tool_call_id": "c", "content": "ok"}
USER = {"role": "user", "content": "go"}


def test_a_result_ends_the_task_and_a_new_question_opens_another() -> None:
    tools = {"write": schema("path", "content")}
    assert decide(chat(tools, USER, CALLED, DONE), Task(), "plain").label == "final"
    again = [USER, CALLED, DONE, {"role": "assistant", "content": "Done."}, USER]
    assert decide(chat(tools, *again), Task(), "plain").label == "tool_call"


def test_aider_gets_its_edit_as_text() -> None:
    for words, mark in (
        ("SEARCH/REPLACE block", "<<<<<<< SEARCH"),
        ("this *file listing* format", "hello.txt\n```\nhi\n```"),
    ):
        turn = decide(chat({}, {"role": "user", "content": "task\n" + words}), Task(), "plain")
        assert turn.label == "text_edit"
        assert mark in turn.parts[0].text  # type: ignore[union-attr]


def test_reasoning_where_the_vendor_reasons() -> None:
    tools = {"write": schema("path", "content")}
    assert len(decide(chat(tools, USER), Task(), "deepseek").parts) == 2
    assert len(decide(chat(tools, USER), Task(), "vllm").parts) == 1
    off = read("chat", {**chat(tools, USER).body, "thinking": {"type": "disabled"}})
    assert len(decide(off, Task(), "deepseek").parts) == 1
