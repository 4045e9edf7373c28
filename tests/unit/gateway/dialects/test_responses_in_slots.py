from __future__ import annotations

from gateway.ir.request import ToolCall
from tests.support.responses_in import CALL, CREATED, added, arguments, completed, done, whole


def test_a_changed_item_id_is_the_same_item() -> None:
    reply = whole(
        CREATED,
        added(0, **{**CALL, "id": "a"}, arguments=""),
        arguments(0, "{}"),
        done(0, **{**CALL, "id": "b"}, arguments="{}"),
        completed([{**CALL, "id": "c", "arguments": "{}"}]),
    )
    assert len(reply.parts) == 1


def test_missing_indices_are_found_by_item_id() -> None:
    first = {**CALL}
    second = {**CALL, "id": "fc_2", "call_id": "call_2"}
    reply = whole(
        {"type": "response.output_item.added", "item": first},
        {"type": "response.output_item.added", "item": second},
        {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": "1"},
        {"type": "response.function_call_arguments.delta", "item_id": "fc_2", "delta": "2"},
        completed(),
    )
    assert [p.arguments for p in reply.parts if isinstance(p, ToolCall)] == ["1", "2"]
