"""Anthropic's objections, in its words: a good request passes, each bad one is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.testing.scripted import Call, ScriptedModel, Thinking, Turn
from tests.unit.gateway.testing.scripted.helpers import USER, VERSION, refused

USE = {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
MARK = {"cache_control": {"type": "ephemeral"}}
TOOLS = [{"name": "a", "input_schema": {"type": "object"}}]
THINK = {"type": "thinking", "thinking": "hm", "signature": "abc"}


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
