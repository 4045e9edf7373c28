"""The scripted vendor as a whole: scripts, faults, records and refusals, in every dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.testing.scripted import DIALECTS, FAULTS, Call, ScriptedModel, Text, Thinking, Turn, call, say, sensible
from gateway.testing.scripted.turns import Cut, Pause

VERSION = ((b"anthropic-version", b"2023-06-01"),)
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "content": {"type": "string"}}}


def body_for(dialect: str, *, stream: bool = True, tools: bool = True, **more: Any) -> dict[str, Any]:
    history = [{"role": "user", "content": "create hello.txt"}]
    body: dict[str, Any] = {"model": "m", "stream": stream, "max_tokens": 4096, "messages": history}
    offer: dict[str, Any] = {"name": "write_file", "input_schema": SCHEMA}
    if dialect == "chat":
        body["stream_options"] = {"include_usage": True}
        offer = {"type": "function", "function": {"name": "write_file", "parameters": SCHEMA}}
    elif dialect == "responses":
        body = {"model": "m", "stream": stream, "input": history}
        offer = {"type": "function", "name": "write_file", "parameters": SCHEMA}
    return body | ({"tools": [offer]} if tools else {}) | more


def ask(model: ScriptedModel, dialect: str, *, headers: Any = (), **more: Any) -> Any:
    answer, _ = model.answer("POST", PATHS[dialect], headers, json.dumps(body_for(dialect, **more)).encode())
    return answer


def events(answer: Any) -> list[Any]:
    """The JSON data of every event; lines that are not JSON stay text."""
    found: list[Any] = []
    for line in answer.body.replace(b"\r\n", b"\n").split(b"\n"):
        if line.startswith(b"data:"):
            data = line[5:].strip()
            found.append(data.decode() if data == b"[DONE]" else json.loads(data))
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_titles_calls_and_endings(dialect: str) -> None:
    model = ScriptedModel()
    ask(model, dialect, tools=False)
    ask(model, dialect)
    assert [record.reply for record in model.requests] == ["plain", "tool_call"]
    assert [record.dialect for record in model.work] == [dialect, dialect]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_script_is_said_in_order_then_the_model_behaves_by_itself(dialect: str) -> None:
    model = ScriptedModel(turns=[say("one"), call("bash", command="rm -rf /"), lambda asked: say(asked.model)])
    bodies = [ask(model, dialect, stream=False).body.decode() for _ in range(4)]
    assert "one" in bodies[0]
    assert "rm -rf /" in bodies[1]
    assert '"m"' in bodies[2]
    assert "write_file" in bodies[3]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["429ra", "503", "529", "500", "403", "401", "400ctx", "429quota", "402", "413"])
def test_a_status_fault_is_worded_by_dialect_and_strikes_once(dialect: str, name: str) -> None:
    model = ScriptedModel(fault=name)
    first, second = ask(model, dialect), ask(model, dialect)
    assert first.status == int(name[:3])
    assert second.status == 200
    error = json.loads(first.body)
    assert error["error"]["message"]
    assert (error.get("type") == "error") == (dialect == "messages")
    assert dict(first.headers).get(b"retry-after") == (b"3" if name == "429ra" else None)


def test_a_scripted_turn_survives_a_status_fault() -> None:
    model = ScriptedModel(fault="503", turns=[say("kept")])
    assert ask(model, "chat").status == 503
    assert "kept" in ask(model, "chat", stream=False).body.decode()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.kind != "status"])
@pytest.mark.parametrize("stream", [True, False])
def test_every_fault_changes_the_answer_in_its_dialects_and_only_there(dialect: str, name: str, stream: bool) -> None:
    clean = ask(ScriptedModel(), dialect, stream=stream)
    faulty = ask(ScriptedModel(fault=name), dialect, stream=stream)
    if not sensible(name, dialect):  # type: ignore[arg-type]
        assert faulty == clean
    elif stream:
        assert faulty != clean
    assert FAULTS[name].about


def test_hang_and_cut_are_steps() -> None:
    assert ask(ScriptedModel(fault="hang:7"), "chat").steps[0] == Pause(7)
    assert ask(ScriptedModel(fault="cut"), "messages").steps[-1] == Cut()
    assert ask(ScriptedModel(fault="slow_headers:2"), "responses").delay_s == 2


@pytest.mark.parametrize("dialect", DIALECTS)
def test_repacking_keeps_the_bytes(dialect: str) -> None:
    clean, dripped = ask(ScriptedModel(), dialect), ask(ScriptedModel(fault="drip"), dialect)
    assert dripped.body == clean.body
    assert {len(step) for step in dripped.steps} == {1}
    split = ask(ScriptedModel(fault="split_utf8"), dialect)
    broken = 0
    for step in split.steps:
        try:
            step.decode()
        except UnicodeDecodeError:
            broken += 1
    assert broken > 5  # characters really are split between writes
    assert "🚀" in split.body.decode()


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


def test_keys_are_checked_where_the_vendor_looks_for_them() -> None:
    model = ScriptedModel(api_key="right")
    body = json.dumps(body_for("messages")).encode()
    for headers, status in [
        ((), 401),
        (((b"x-api-key", b"right"),), 200),
        (((b"authorization", b"Bearer right"),), 200),
    ]:
        assert model.answer("POST", "/v1/messages", headers, body)[0].status == status
    body = json.dumps(body_for("chat")).encode()
    assert model.answer("POST", "/v1/chat/completions", ((b"x-api-key", b"right"),), body)[0].status == 401


def test_requests_that_are_no_inference() -> None:
    model = ScriptedModel()
    assert json.loads(model.answer("GET", "/v1/models", (), b"")[0].body)["data"][0]["id"] == "scripted-large"
    assert model.answer("HEAD", "/api/hello", (), b"")[0].status == 200
    assert model.answer("GET", "/v1/nothing", (), b"")[0].status == 404
    assert model.answer("POST", "/v1/chat/completions", (), b"{")[0].status == 400
    count = model.answer("POST", "/v1/messages/count_tokens", (), json.dumps(body_for("messages")).encode())[0]
    assert json.loads(count.body)["input_tokens"] > 0
    assert model.work == []


def test_an_unknown_fault_is_named_at_once() -> None:
    with pytest.raises(ValueError, match="unknown fault 'flood'"):
        ScriptedModel(fault="flood")


def test_accidents_strike_once_and_habits_always() -> None:
    accident, habit = ScriptedModel(fault="cut"), ScriptedModel(fault="no_usage")
    for model in (accident, habit):
        for tools in (False, True, True):
            ask(model, "chat", tools=tools)
    assert [record.fault for record in accident.requests] == ["", "cut", ""]
    assert [record.fault for record in habit.requests] == ["no_usage"] * 3
