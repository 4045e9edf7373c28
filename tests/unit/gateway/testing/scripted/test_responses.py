"""Responses as the vendor writes them: numbered, complete, in the order that Codex needs."""

from __future__ import annotations

import json

from gateway.testing.scripted import Call, Refusal, ScriptedModel, Text, Thinking, Turn
from tests.unit.gateway.testing.scripted.helpers import ask, events


def test_responses_stream_is_numbered_and_complete() -> None:
    turn = Turn(
        parts=(Thinking("hm"), Text("Hello"), Call("write_file", {"path": "a"}), Call("patch", "*** x", custom=True))
    )
    stream = events(ask(ScriptedModel(turns=[turn], profile="openai"), "responses"))
    assert [event["sequence_number"] for event in stream] == list(range(len(stream)))
    final = stream[-1]["response"]
    assert stream[-1]["type"] == "response.completed"
    assert [item["type"] for item in final["output"]] == ["reasoning", "message", "function_call", "custom_tool_call"]
    assert final["output"][0]["encrypted_content"]
    joined = "".join(e["delta"] for e in stream if e["type"] == "response.custom_tool_call_input.delta")
    assert joined == "*** x"


def test_every_item_is_added_filled_and_done() -> None:
    turn = Turn(parts=(Text("Hello"), Call("bash", {"command": "ls"})))
    stream = events(ask(ScriptedModel(turns=[turn]), "responses"))
    for place in (0, 1):
        kinds = [event["type"] for event in stream if event.get("output_index") == place]
        assert kinds[0] == "response.output_item.added"
        assert kinds[-1] == "response.output_item.done"
    text = [event["type"].removeprefix("response.") for event in stream if event.get("output_index") == 0]
    assert text[1] == "content_part.added"
    assert text[-3:] == ["output_text.done", "content_part.done", "output_item.done"]


def test_endings() -> None:
    cut = events(ask(ScriptedModel(turns=[Turn(parts=(Text("x"),), finish="length")]), "responses"))[-1]
    assert cut["type"] == "response.incomplete"
    assert cut["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    refused = json.loads(ask(ScriptedModel(turns=[Turn(parts=(Refusal("no"),))]), "responses", stream=False).body)
    assert refused["output"][0]["content"] == [{"type": "refusal", "refusal": "no"}]


def test_an_item_may_finish_late() -> None:
    stream = events(ask(ScriptedModel(fault="out_of_order"), "responses"))
    done = [event["output_index"] for event in stream if event["type"] == "response.output_item.done"]
    assert done == [1, 0]
