"""The scripted vendor as a whole: scripts, faults, records and refusals, in every dialect."""

from __future__ import annotations

import json

import pytest

from gateway.testing.scripted import DIALECTS, FAULTS, ScriptedModel, call, say, sensible
from gateway.testing.scripted.turns import Cut, Pause
from tests.unit.gateway.testing.scripted.helpers import ask, body_for


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
