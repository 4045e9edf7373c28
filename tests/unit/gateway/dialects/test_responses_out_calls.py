from __future__ import annotations

import json

import pytest

from gateway.ir.events import BlockStart, BlockStop, Delta, Finished
from gateway.ir.request import ToolCall
from tests.support.responses_out import CODEX_CONTEXT, START, kinds, sent


def test_a_call_is_announced_at_once_and_told_piece_by_piece() -> None:
    call = ToolCall("call_9", "run", "")
    out = sent([START, BlockStart(0, call), Delta(0, '{"a"'), Delta(0, ":1}"), BlockStop(0), Finished("tool_calls")])
    assert kinds(out) == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert out[2]["item"] == {
        "id": "fc_a10000",
        "type": "function_call",
        "call_id": "call_9",
        "name": "run",
        "status": "in_progress",
        "arguments": "",
    }
    assert out[6]["item"]["arguments"] == '{"a":1}'
    assert out[6]["item"]["status"] == "completed"


def test_a_call_always_has_an_id_and_arguments() -> None:
    out = sent([START, BlockStart(0, ToolCall("", "run", "")), BlockStop(0), Finished("tool_calls")])
    item = out[-1]["response"]["output"][0]
    assert item["call_id"].startswith("call_")
    assert item["arguments"] == "{}"


def test_a_tool_of_a_namespace_has_its_own_name_again() -> None:
    """Codex gets its name and namespace back.

    gateways.md 1B: namespaces of Codex (Switchyard#384)."""
    call = ToolCall("c", "agents__spawn", "{}")
    out = sent([START, BlockStart(0, call), BlockStop(0), Finished("tool_calls")], CODEX_CONTEXT)
    for item in (out[2]["item"], out[-1]["response"]["output"][0]):
        assert (item["name"], item["namespace"]) == ("spawn", "agents")


@pytest.mark.case("3A.34")
def test_a_custom_tool_gets_its_free_text() -> None:
    """A function that stood in for apply_patch is free text again, under an id with the right prefix.

    gateways.md case 3A.34 (workweave#990)."""
    wrapped = json.dumps({"input": "*** Begin\n+é"})
    pieces = [Delta(0, wrapped[i : i + 4]) for i in range(0, len(wrapped), 4)]
    call = ToolCall("c", "apply_patch", "", item_id="fc_x")
    out = sent([START, BlockStart(0, call), *pieces, BlockStop(0), Finished("tool_calls")], CODEX_CONTEXT)
    deltas = [e["delta"] for e in out if e["type"] == "response.custom_tool_call_input.delta"]
    assert len(deltas) > 2
    assert "".join(deltas) == "*** Begin\n+é"
    assert kinds(out)[-3:] == ["custom_tool_call_input.done", "output_item.done", "completed"]
    item = out[-1]["response"]["output"][0]
    assert item["id"] == "ctc_a10000"
    assert item == {
        "id": "ctc_a10000",
        "type": "custom_tool_call",
        "call_id": "c",
        "name": "apply_patch",
        "status": "completed",
        "input": "*** Begin\n+é",
    }


def test_a_custom_call_that_never_was_a_function() -> None:
    call = ToolCall("c", "apply_patch", "", "custom", item_id="ctc_7")
    out = sent(
        [START, BlockStart(0, call), Delta(0, '{"input": 1}'), BlockStop(0), Finished("tool_calls")], CODEX_CONTEXT
    )
    assert out[-1]["response"]["output"][0]["input"] == '{"input": 1}'
    assert out[-1]["response"]["output"][0]["id"] == "ctc_7"


def test_a_custom_input_that_is_no_object_is_told_at_the_end() -> None:
    call = ToolCall("c", "apply_patch", "*** Begin")
    out = sent([START, BlockStart(0, call), BlockStop(0), Finished("tool_calls")], CODEX_CONTEXT)
    assert out[-1]["response"]["output"][0]["input"] == "*** Begin"
