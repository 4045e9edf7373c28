"""Reading of requests: history, tools and folder, alike in the three dialects, and never an exception."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.testing.scripted.asked import read

CHAT_CALL = {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "a", "arguments": "{}"}}]}
USE = {"type": "tool_use", "id": "c", "name": "a", "input": {}}
USER = {"role": "user", "content": "x"}
HISTORIES: dict[str, dict[str, Any]] = {
    "chat": {"messages": [USER, CHAT_CALL, {"role": "tool", "tool_call_id": "c", "content": "ok"}]},
    "responses": {
        "input": [
            USER,
            {"type": "reasoning", "id": "r", "summary": []},
            {"type": "function_call", "call_id": "c", "name": "a", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "ok"},
        ]
    },
    "messages": {
        "messages": [
            USER,
            {"role": "assistant", "content": [USE]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "ok"}]},
        ]
    },
}


@pytest.mark.parametrize("dialect", HISTORIES)
def test_a_result_is_seen_in_every_dialect(dialect: str) -> None:
    asked = read(dialect, HISTORIES[dialect])  # type: ignore[arg-type]
    assert asked.has_result
    assert [step.ids for step in asked.steps if step.ids] == [("c",), ("c",)]


def test_tools_of_codex_s_kinds() -> None:
    inner = {"type": "function", "name": "spawn", "parameters": {"properties": {"x": {}}}}
    tools = [
        {"type": "namespace", "name": "multi", "tools": [inner]},
        {"type": "custom", "name": "patch"},
        {"type": "web_search"},
    ]
    found = read("responses", {"input": "hi", "tools": tools}).tools
    assert [(tool.name, tool.kind, tool.namespace) for tool in found] == [
        ("spawn", "function", "multi"),
        ("patch", "custom", None),
    ]
    assert found[0].fields == ("x",)


def test_thinking_switches() -> None:
    assert read("messages", {"thinking": {"type": "adaptive"}}).thinking is True
    assert read("messages", {"thinking": {"type": "disabled"}}).thinking is False
    assert read("chat", {"chat_template_kwargs": {"enable_thinking": False}}).thinking is False
    assert read("chat", {}).thinking is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "tool_calls", "input", "text", "tools", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(["messages", "input", "tools", "system", "stream_options", "thinking", "instructions"])


@settings(deadline=None)  # CI's two cores are shared
@given(st.sampled_from(["chat", "responses", "messages"]), st.dictionaries(FIELDS, JSON, max_size=5))
def test_nothing_breaks_the_reader(dialect: Any, body: dict[str, Any]) -> None:
    asked = read(dialect, body)
    assert asked.has_result in (True, False)
    assert asked.folder is None or asked.folder.startswith("/")
