"""A session through a whole gateway: it moves up when its checks fail, says so, is billed so, and what came of it is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.testing.clock import ManualClock
from tests.support.gateways import PATHS, UP, model_at, staged

AGENT = {"user-agent": "opencode/1.18.33", "x-session-affinity": "ses_0123456789"}
CONFIG: dict[str, Any] = {
    "models": {
        "box/coder": model_at(UP, lane="local", cost={"input_usd_per_mtok": 0.0, "output_usd_per_mtok": 0.0}),
        "api/flash": model_at(UP, lane="mid"),
        "api/opus": model_at(UP, lane="frontier"),
    },
    "routes": [{"id": "all", "to": ["box/coder", "api/flash", "api/opus"]}],
}


def call(number: int, command: str) -> dict[str, Any]:
    function = {"name": "bash", "arguments": json.dumps({"command": command})}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": f"c{number}", "type": "function", "function": function}],
    }


def edit(number: int) -> dict[str, Any]:
    function = {
        "name": "edit",
        "arguments": json.dumps({"filePath": "a.py", "oldString": "x", "newString": f"y{number}"}),
    }
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": f"c{number}", "type": "function", "function": function}],
    }


def result(number: int, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"c{number}", "content": text}


FAILED = "===== FAILURES =====\nE   assert 1 == 2\nFAILED test_a.py::test_x\n===== 1 failed in 0.10s ====="
PASSED = "===== 3 passed in 0.10s ====="


def cycle(number: int, outcome: str) -> list[dict[str, Any]]:
    return [edit(number), result(number, "ok"), call(number + 1, "pytest -q"), result(number + 1, outcome)]


def _tools() -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": n, "parameters": {"type": "object"}}} for n in ("bash", "edit")]


async def asked(stage: Any, messages: list[dict[str, Any]], model: str = "auto") -> Any:
    body = {"model": model, "messages": messages, "tools": _tools()}
    return await stage.client.post(PATHS["chat"], body, AGENT)


def failing() -> list[dict[str, Any]]:
    return [{"role": "user", "content": "fix the failing test in a.py"}, *cycle(1, FAILED), *cycle(3, FAILED)]


async def test_two_failed_checks_move_the_session_up_and_the_row_says_why(tmp_path: Path) -> None:
    async with staged(tmp_path, CONFIG) as stage:
        first = await asked(stage, failing()[:1])
        assert first.headers["x-interlock-model"] == "box/coder"
        assert (await asked(stage, failing()[:5])).headers["x-interlock-model"] == "box/coder"
        moved = await asked(stage, failing())
        assert moved.headers["x-interlock-model"] == "api/flash"
        assert "moved from box/coder: 2 checks failed in a row" in moved.headers["x-interlock-reason"]
        again = await asked(stage, [*failing(), *cycle(5, FAILED)])
        assert again.headers["x-interlock-model"] == "api/flash", "one failure more is not new evidence"
        kept = json.loads(stage.rows[2].extra["decision"])
        assert kept["decision"]["move"]["kind"] == "evidence"
        assert kept["decision"]["move"]["cost_usd_micros"] > 0
        assert kept["signals"]["failed_cycles"] == 2


async def test_outcomes_are_attached_to_the_decision_and_thumbs_too(tmp_path: Path) -> None:
    async with staged(tmp_path, CONFIG) as stage:
        await asked(stage, failing()[:1])
        moved = await asked(stage, failing())
        first, second = stage.rows[0].request_id, stage.rows[1].request_id
        await asked(stage, [*failing(), *cycle(5, PASSED)])
        thumbs = {"request_id": second, "thumbs": "up"}
        assert (await stage.client.post("/v1/feedback", thumbs)).status == 202
        session = {"session": moved.headers["x-interlock-session"], "thumbs": "down", "note": "no"}
        answer = await stage.client.post("/v1/feedback", session)
        assert answer.json() == {"recorded": True, "request_id": second}
        await asked(stage, [*failing(), {"role": "user", "content": "do something else"}], model="api/opus")
        found = await stage.sql("SELECT request_id, kind, value, note FROM outcomes ORDER BY at_s")
        assert found[:2] == [(first, "tests_fail", -1.0, ""), (second, "tests_pass", 1.0, "")]
        assert {row[:3] for row in found[2:]} == {(second, "thumbs", -1.0), (second, "model_switch", -1.0)}


async def test_feedback_is_checked(tmp_path: Path) -> None:
    async with staged(tmp_path, CONFIG) as stage:
        for wrong in (
            {"thumbs": "up"},
            {"thumbs": "sideways", "request_id": "req_0123456789ab"},
            {"request_id": "x", "thumbs": "up"},
        ):
            assert (await stage.client.post("/v1/feedback", wrong)).status == 400
        unknown = {"session": "ses_0123456789abcdef01234567", "thumbs": "up"}
        assert (await stage.client.post("/v1/feedback", unknown)).status == 404


async def test_a_private_session_stays_in_the_house(tmp_path: Path) -> None:
    config = {**CONFIG, "models": {**CONFIG["models"]}}
    config["models"]["box/coder"] = {**config["models"]["box/coder"], "tags": ["private"]}
    async with staged(tmp_path, config) as stage:
        body = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
        tagged = await stage.client.post(PATHS["chat"], body, {**AGENT, "x-interlock-tags": "private"})
        assert tagged.headers["x-interlock-model"] == "box/coder"
        later = await asked(stage, failing())
        assert later.headers["x-interlock-model"] == "box/coder", "the history is private, whatever this request says"
        assert (await asked(stage, failing(), model="api/opus")).status >= 400


async def test_the_dry_run_shows_how_it_was_decided(tmp_path: Path) -> None:
    config = {**CONFIG, "routes": [{**CONFIG["routes"][0], "shadow": {"to": ["api/opus"]}}]}
    clock = ManualClock()
    async with staged(tmp_path, config, clock=clock) as stage:
        await clock.run(asked(stage, failing()[:1]))
        body = {"model": "auto", "messages": failing()}
        told = (await clock.run(stage.client.post("/v1/route", body, AGENT))).json()
        assert told["signals"]["failed_cycles"] == 2
        decision = told["decision"]
        assert (decision["cache"], decision["evidence"]) == ("warm", "2 checks failed in a row")
        assert (decision["move"]["source"], decision["move"]["target"]) == ("box/coder", "api/flash")
        assert decision["switch_cost_usd"] > 0
        fresh = {"model": "auto", "messages": failing()[:1]}
        other = (await clock.run(stage.client.post("/v1/route", fresh))).json()["decision"]
        assert (other["cache"], other["shadow"]["model"]) == ("new", "api/opus")


async def test_nothing_of_this_is_kept_for_a_model_asked_for_by_name(tmp_path: Path) -> None:
    async with staged(tmp_path, CONFIG) as stage:
        await asked(stage, failing(), model="api/opus")
        assert "decision" not in stage.row.extra


async def test_a_turn_in_mid_task_keeps_its_scores_and_the_dry_run_of_it_makes_new_ones(tmp_path: Path) -> None:
    async with staged(tmp_path, CONFIG) as stage:
        stage.gateway.ports.classifier.load()
        await asked(stage, failing()[:1])
        await asked(stage, failing()[:3])
        first, second = (json.loads(row.extra["decision"]) for row in stage.rows)
        assert second["scores"] == first["scores"]
        assert (first.get("aged", False), second["aged"]) == (False, True)
        body = {"model": "auto", "messages": failing()[:3], "tools": _tools()}
        told = (await stage.client.post("/v1/route", body, AGENT)).json()
        assert told["call"] == "tool_result"
        assert told["scores"] != first["scores"]


async def test_of_a_model_asked_for_by_name_only_the_call_is_told_but_all_in_a_dry_run(tmp_path: Path) -> None:
    async with staged(tmp_path, CONFIG) as stage:
        stage.gateway.ports.classifier.load()
        reply = await asked(stage, failing()[:1], model="api/opus")
        assert reply.headers["x-interlock-call"] == "main"
        assert "x-interlock-task" not in reply.headers
        assert (stage.row.call, stage.row.task) == ("main", None)
        body = {"model": "api/opus", "messages": failing()[:1]}
        told = (await stage.client.post("/v1/route", body, AGENT)).json()
        assert (told["route"], told["task"]) == ("named", "single_file_edit")
        assert told["scores"]["frontier"] > 0
        assert told["classifier"]["version"]
