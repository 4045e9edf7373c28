"""Chat completions as the vendors write them, and their odd shapes."""

from __future__ import annotations

import json

import pytest

from gateway.testing.scripted import Call, Refusal, ScriptedModel, Text, Thinking, Tokens, Turn
from tests.unit.gateway.testing.scripted.helpers import ask, events


def test_chat_shapes() -> None:
    gap = events(ask(ScriptedModel(fault="index_gap"), "chat"))
    indexes = {c["index"] for e in gap[:-1] for ch in e["choices"] for c in ch["delta"].get("tool_calls", ())}
    assert indexes == {1}
    both = events(ask(ScriptedModel(fault="parallel"), "chat"))
    order = [c["index"] for e in both[:-1] for ch in e["choices"] for c in ch["delta"].get("tool_calls", ())]
    assert order[:4] == [0, 1, 0, 1]
    assert "usage" not in json.dumps(events(ask(ScriptedModel(fault="no_usage"), "chat")))
    wrong = events(ask(ScriptedModel(fault="stop_reason_wrong"), "chat"))
    assert "stop" in [e["choices"][0]["finish_reason"] for e in wrong[:-1] if e["choices"]]
    assert events(ask(ScriptedModel(fault="no_done"), "chat"))[-1] != "[DONE]"


def test_a_whole_answer_says_what_the_stream_says() -> None:
    turn = Turn(parts=(Thinking("hm"), Text("Hello"), Call("bash", {"command": "ls"}, id="call_1")))
    whole = json.loads(ask(ScriptedModel(turns=[turn]), "chat", stream=False).body)
    message = whole["choices"][0]["message"]
    streamed = [c["delta"] for e in events(ask(ScriptedModel(turns=[turn]), "chat"))[:-1] for c in e["choices"]]
    assert message["content"] == "".join(delta.get("content") or "" for delta in streamed) == "Hello"
    assert message["reasoning_content"] == "".join(delta.get("reasoning_content") or "" for delta in streamed) == "hm"
    pieces = [call["function"]["arguments"] for delta in streamed for call in delta.get("tool_calls", ())]
    assert message["tool_calls"][0]["function"]["arguments"] == "".join(pieces)
    assert whole["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(("profile", "name"), [("vllm", "reasoning"), ("deepseek", "reasoning_content")])
def test_reasoning_has_the_vendor_s_name(profile: str, name: str) -> None:
    model = ScriptedModel(profile=profile, turns=[Turn(parts=(Thinking("hm"), Text("x")))])  # type: ignore[arg-type]
    assert json.loads(ask(model, "chat", stream=False).body)["choices"][0]["message"][name] == "hm"


def test_figures_and_refusals() -> None:
    turn = Turn(parts=(Refusal("no"),), tokens=Tokens(input=100, cached=64, output=7, reasoning=3))
    body = json.loads(ask(ScriptedModel(profile="deepseek", turns=[turn]), "chat", stream=False).body)
    assert body["choices"][0]["message"]["refusal"] == "no"
    assert body["usage"]["prompt_cache_hit_tokens"] + body["usage"]["prompt_cache_miss_tokens"] == 100
    assert body["usage"]["total_tokens"] == 107
