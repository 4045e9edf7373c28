"""Messages as Anthropic writes them: one open block at a time, cumulative usage, signatures last."""

from __future__ import annotations

import json

from gateway.testing.scripted import Call, ScriptedModel, Text, Thinking, Tokens, Turn
from tests.unit.gateway.testing.scripted.helpers import VERSION, ask, events


def test_messages_stream_has_one_open_block_at_a_time() -> None:
    turn = Turn(parts=(Thinking("hm"), Text("Hello"), Call("write_file", {"path": "a"})))
    stream = events(ask(ScriptedModel(turns=[turn], profile="anthropic"), "messages", headers=VERSION))
    assert stream[0]["type"] == "message_start"
    open_block = None
    for event in stream:
        if event["type"] == "content_block_start":
            assert open_block is None
            open_block = event["index"]
        elif event["type"] == "content_block_delta":
            assert event["index"] == open_block
        elif event["type"] == "content_block_stop":
            open_block = None
    assert stream[-1]["type"] == "message_stop"
    kinds = [event["delta"]["type"] for event in stream if event["type"] == "content_block_delta"]
    assert kinds.index("signature_delta") < kinds.index("text_delta")


def test_usage_excludes_the_cache_and_may_start_at_zero() -> None:
    turn = Turn(parts=(Text("x"),), tokens=Tokens(input=100, cached=60, written=10, output=5))
    start = events(ask(ScriptedModel(turns=[turn]), "messages"))[0]["message"]["usage"]
    assert (start["input_tokens"], start["cache_read_input_tokens"], start["cache_creation_input_tokens"]) == (
        30,
        60,
        10,
    )
    stream = events(ask(ScriptedModel(turns=[turn], fault="zero_start_usage"), "messages"))
    assert stream[0]["message"]["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert stream[-2]["usage"]["input_tokens"] == 30


def test_redacted_thinking_and_refusals() -> None:
    model = ScriptedModel(
        turns=[Turn(parts=(Thinking("", redacted=True), Call("bash", {})))], fault="refusal_field", fault_times=0
    )
    body = json.loads(ask(model, "messages", stream=False).body)
    assert body["content"][0]["data"] in model.memory.redacted
    refused = events(ask(ScriptedModel(fault="refusal_field"), "messages"))[-2]["delta"]
    assert refused["stop_reason"] == "refusal"
    assert refused["stop_details"]["explanation"]


def test_a_foreign_profile_does_not_sign() -> None:
    turn = Turn(parts=(Thinking("hm"), Text("x")))
    body = json.loads(ask(ScriptedModel(profile="vllm", turns=[turn]), "messages", stream=False, headers=VERSION).body)
    assert body["content"][0]["signature"] == ""
