"""The strict vendors: a good request passes, each bad one is refused in the vendor's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.testing.scripted import Call, ScriptedModel, Thinking, Turn

VERSION = ((b"anthropic-version", b"2023-06-01"),)
USE = {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
MARK = {"cache_control": {"type": "ephemeral"}}
TOOLS = [{"name": "a", "input_schema": {"type": "object"}}]
THINK = {"type": "thinking", "thinking": "hm", "signature": "abc"}
USER = {"role": "user", "content": "hi"}


def refused(model: ScriptedModel, path: str, body: dict[str, Any], headers: Any = VERSION) -> str:
    answer, record = model.answer("POST", path, headers, json.dumps(body).encode())
    assert (answer.status == 200) == (record.complaint == "")
    return record.complaint


def messages(*history: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 4096, "messages": list(history) or [USER], **more}


def said(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def told(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


GOOD = [
    messages(),
    messages(USER, said(USE), told(RESULT)),
    messages(USER, said({"type": "text", "text": "x"}, USE), told(RESULT, {"type": "text", "text": "go"})),
    messages(thinking={"type": "enabled", "budget_tokens": 1024}),
    messages(system=[{"type": "text", "text": "x", **MARK}], tools=TOOLS),
]
BAD = [
    ({"model": "m", "messages": [USER]}, "max_tokens: Field required"),
    (messages(said({"type": "text", "text": "x"}), USER), 'first message must use the "user" role'),
    (messages(USER, said({"type": "text", "text": ""}), USER), "text content blocks must be non-empty"),
    (messages(USER, {"role": "assistant", "content": ""}, USER), "all messages must have non-empty content"),
    (messages(USER, told(RESULT)), "unexpected `tool_use_id` found in `tool_result` blocks: toolu_1"),
    (messages(USER, said(USE), USER), "`tool_use` ids were found without `tool_result` blocks"),
    (messages(USER, said(USE)), "`tool_use` ids were found without `tool_result` blocks"),
    (messages(USER, said(USE), told(RESULT, RESULT)), "each tool_use must have a single result"),
    (messages(USER, said({**USE, "input": "{}"}), told(RESULT)), "Input should be a valid dictionary"),
    (messages(USER, said({**USE, "id": "a b"}), told(RESULT)), "tool_use.id: String should match pattern"),
    (messages(told(*[{"type": "text", "text": "x", **MARK}] * 5)), "A maximum of 4 blocks with cache_control"),
    (messages(USER, said(THINK, USE), told(RESULT)), "Invalid `signature` in `thinking` block"),
    (messages(USER, said({"type": "thinking", "thinking": "hm"}, USE), told(RESULT)), "signature: Field required"),
    (messages(thinking={"type": "disabled"}, output_config={"effort": "high"}), "effort"),
    (messages(thinking={"type": "enabled", "budget_tokens": 4096}), "must be greater than `thinking.budget_tokens`"),
    (messages(thinking={"type": "enabled", "budget_tokens": 10}), "greater than or equal to 1024"),
    (messages(thinking={"type": "adaptive"}, temperature=0.5), "`temperature` may only be set to 1"),
    (messages(thinking={"type": "adaptive"}, tool_choice={"type": "any"}, tools=TOOLS), "tool_choice forces"),
    (messages(stream_options={}), "stream_options: Extra inputs are not permitted"),
    (messages(tools=[{"type": "function", "function": {}}]), "Input tag 'function'"),
    (messages({"role": "tool", "content": "x"}), "Input should be 'user' or 'assistant'"),
    (messages(told({"type": "image_url", "image_url": {}})), "does not match any of the expected tags"),
]  # fmt: skip


@pytest.mark.parametrize("body", GOOD)
def test_anthropic_accepts(body: dict[str, Any]) -> None:
    assert refused(ScriptedModel(profile="anthropic"), "/v1/messages", body) == ""


@pytest.mark.parametrize(("body", "words"), BAD)
def test_anthropic_refuses(body: dict[str, Any], words: str) -> None:
    assert words in refused(ScriptedModel(profile="anthropic"), "/v1/messages", body)
    assert refused(ScriptedModel(), "/v1/messages", body) == ""  # the lenient vendor takes anything


def test_anthropic_wants_its_version_header() -> None:
    assert "anthropic-version" in refused(ScriptedModel(profile="anthropic"), "/v1/messages", messages(), ())


def test_anthropic_takes_back_what_it_signed_and_nothing_else() -> None:
    model = ScriptedModel(profile="anthropic", turns=[Turn(parts=(Thinking("hm"), Call("bash", {}, id="toolu_1")))])
    answer, _ = model.answer("POST", "/v1/messages", VERSION, json.dumps(messages()).encode())
    own = json.loads(answer.body)["content"]
    assert refused(model, "/v1/messages", messages(USER, said(*own), told(RESULT))) == ""
    changed = [{**own[0], "thinking": "other"}, own[1]]
    assert "cannot be modified" in refused(model, "/v1/messages", messages(USER, said(*changed), told(RESULT)))


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
