"""The objections of OpenAI, DeepSeek and vLLM, on chat completions and Responses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.testing.scripted import Call, ScriptedModel, Thinking, Turn
from tests.unit.gateway.testing.scripted.helpers import USER, refused


def tool_calls(call_id: str = "call_1", **more: Any) -> dict[str, Any]:
    call = {"id": call_id, "type": "function", "function": {"name": "bash", "arguments": "{}"}}
    return {"role": "assistant", "content": None, "tool_calls": [call], **more}


TOOL = {"role": "tool", "tool_call_id": "call_1", "content": "ok"}


def chat(*history: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(history) or [USER], **more}


@pytest.mark.parametrize("profile", ["openai", "vllm"])
def test_chat_accepts(profile: Any) -> None:
    for body in (chat(), chat(USER, tool_calls(), TOOL), chat(stream=True, stream_options={"include_usage": True})):
        assert refused(ScriptedModel(profile=profile), "/v1/chat/completions", body) == ""


@pytest.mark.parametrize(
    ("profile", "body", "words"),
    [
        ("openai", {"model": "m"}, "Missing required parameter: 'messages'"),
        ("openai", chat(USER, TOOL), "must be a response to a preceeding message with 'tool_calls'"),
        ("openai", chat(USER, tool_calls(), USER), "must be followed by tool messages"),
        ("openai", chat(USER, tool_calls()), "must be followed by tool messages"),
        ("openai", chat(USER, {"role": "assistant", "content": None}, USER), "expected a string, got null"),
        ("openai", chat(thinking={}), "Unrecognized request argument supplied: thinking"),
        ("openai", chat(stream_options={}), "only allowed when 'stream' is enabled"),
        ("openai", chat(tools=[]), "Invalid 'tools': empty array"),
        ("vllm", chat({"role": "developer", "content": "x"}), "Unexpected message role."),
        ("deepseek", chat({"role": "developer", "content": "x"}), "unknown variant `developer`"),
        ("deepseek", chat(USER, tool_calls(), TOOL), "must be passed back to the API"),
    ],
)
def test_chat_refuses(profile: Any, body: dict[str, Any], words: str) -> None:
    assert words in refused(ScriptedModel(profile=profile), "/v1/chat/completions", body)


def test_vllm_parses_replayed_arguments() -> None:
    broken = tool_calls()
    broken["tool_calls"][0]["function"]["arguments"] = '{"a": '
    assert refused(ScriptedModel(profile="vllm"), "/v1/chat/completions", chat(USER, broken, TOOL))


def test_deepseek_wants_its_own_reasoning_back() -> None:
    model = ScriptedModel(profile="deepseek", turns=[Turn(parts=(Thinking("hm"), Call("bash", {}, id="call_1")))])
    model.answer("POST", "/v1/chat/completions", (), json.dumps(chat()).encode())
    path = "/v1/chat/completions"
    assert refused(model, path, chat(USER, tool_calls(reasoning_content="hm"), TOOL)) == ""
    assert "passed back" in refused(model, path, chat(USER, tool_calls(reasoning_content="other"), TOOL))
    assert refused(model, path, chat(USER, tool_calls(), TOOL, thinking={"type": "disabled"})) == ""


CALL = {"type": "function_call", "call_id": "c", "name": "bash", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "ok"}


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([OUTPUT], "No tool call found for function call output with call_id c."),
        ([CALL], "No tool output found for function call c."),
        ([{**CALL, "id": "call_9"}, OUTPUT], "Expected an ID that begins with 'fc'"),
        ([{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}], "could not be verified"),
        ([{"type": "reasoning", "id": "rs_1", "summary": []}], "Item with id 'rs_1' not found"),
        ([{"type": "message", "role": "assistant", "content": [{"type": "input_text", "text": "x"}]}], "'output_text'"),
    ],
)
def test_responses_refuses(items: list[Any], words: str) -> None:
    assert words in refused(ScriptedModel(profile="openai"), "/v1/responses", {"model": "m", "input": items})


def test_responses_accepts_its_own_secrets_and_known_pairs() -> None:
    model = ScriptedModel(profile="openai", turns=[Turn(parts=(Thinking("hm"), Call("bash", {})))])
    answer, _ = model.answer("POST", "/v1/responses", (), json.dumps({"model": "m", "input": "hi"}).encode())
    items = json.loads(answer.body)["output"]
    items.append({"type": "function_call_output", "call_id": items[1]["call_id"], "output": "ok"})
    assert refused(model, "/v1/responses", {"model": "m", "input": items}) == ""
    assert "Unknown parameter" in refused(model, "/v1/responses", {"model": "m", "input": "x", "messages": []})
    stateful = {"model": "m", "input": [OUTPUT], "previous_response_id": "resp_1"}
    assert refused(model, "/v1/responses", stateful) == ""
