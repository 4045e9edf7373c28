from __future__ import annotations

from typing import Any

import pytest

from gateway.ir.events import BlockStart, BlockStop, Delta, Finished, UsageReport
from gateway.ir.request import ToolCall
from gateway.ir.usage import Usage
from tests.support.responses_in import CALL, CREATED, added, arguments, completed, decoded, done, whole


def test_a_call() -> None:
    assert decoded(
        CREATED,
        added(0, **CALL, arguments=""),
        arguments(0, '{"a"'),
        arguments(0, ""),
        arguments(0, ":1}"),
        {"type": "response.function_call_arguments.done", "output_index": 0, "item_id": "f", "arguments": '{"a":1}'},
        done(0, **CALL, arguments='{"a":1}'),
        completed([{**CALL, "arguments": '{"a":1}'}]),
    )[1:] == [
        BlockStart(0, ToolCall("call_1", "run", "", item_id="fc_1")),
        Delta(0, '{"a"'),
        Delta(0, ":1}"),
        BlockStop(0),
        UsageReport(Usage(10, output_tokens=3)),
        Finished("tool_calls"),
    ]


def test_a_custom_call_with_a_namespace() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "edit", "namespace": "ns"}
    reply = whole(
        CREATED,
        added(0, **item, input=""),
        {"type": "response.custom_tool_call_input.delta", "output_index": 0, "item_id": "ctc_1", "delta": "*** "},
        {"type": "response.custom_tool_call_input.done", "output_index": 0, "item_id": "ctc_1", "input": "*** x"},
        done(0, **item, input="*** x"),
        completed(),
    )
    assert reply.parts == (ToolCall("c", "edit", "*** x", "custom", "ns", "ctc_1"),)


def test_calls_may_interleave() -> None:
    other = {**CALL, "id": "fc_2", "call_id": "call_2"}
    reply = whole(
        CREATED,
        added(3, **CALL, arguments=""),
        added(9, **other, arguments=""),
        arguments(9, "["),
        arguments(3, "{"),
        arguments(9, "]"),
        arguments(3, "}"),
        completed(),
    )
    assert [(p.id, p.arguments) for p in reply.parts if isinstance(p, ToolCall)] == [("call_1", "{}"), ("call_2", "[]")]


@pytest.mark.parametrize(
    "events",
    [
        [done(0, **CALL, arguments="{}"), completed()],
        [completed([{**CALL, "arguments": "{}"}])],
        [arguments(0, "{}"), done(0, **CALL, arguments="{}"), completed()],
        [added(0, **CALL), completed([{**CALL, "arguments": "{}"}])],
        [
            added(0, type="function_call", id="fc_1", name="run"),
            arguments(0, "{}"),
            done(0, **CALL, arguments="{}"),
            completed(),
        ],
    ],
)
@pytest.mark.case("3A.24")
def test_a_call_is_found_wherever_it_is_told(events: list[dict[str, Any]]) -> None:
    """Arguments may come in one piece, in `done`, or only with the terminal response.

    gateways.md case 3A.24 (Switchyard#469)."""
    (part,) = whole(CREATED, *events).parts
    assert part == ToolCall("call_1", "run", "{}", item_id="fc_1")


def test_a_missing_call_id_is_made_up() -> None:
    (part,) = whole(CREATED, done(0, type="function_call", name="run", arguments="{}", call_id=""), completed()).parts
    assert isinstance(part, ToolCall)
    assert part.id.startswith("call_")


def test_the_same_arguments_spelled_differently_are_no_contradiction() -> None:
    reply = whole(
        CREATED, added(0, **CALL), arguments(0, '{"a":1}'), done(0, **CALL, arguments='{"a": 1}'), completed()
    )
    (part,) = reply.parts
    assert isinstance(part, ToolCall)
    assert part.arguments == '{"a":1}'
