from __future__ import annotations

import json
from typing import Any

from gateway.dialects._responses_read import read
from gateway.dialects._responses_reasoning import rewrite, seen_reasoning, without_reasoning
from gateway.dialects.contract import SeenReasoning
from gateway.ir.profile import DEFAULT, Profile
from gateway.ir.request import Reasoning

SEALED = Profile(encrypted_reasoning=True)


def thought(seal: str | None) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": seal}


def call(call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "n", "arguments": "{}"}


ITEMS = [
    {"role": "user", "content": 'say "reasoning"'},
    thought("E1"),
    call("a"),
    thought("E2"),
    {"type": "message", "role": "assistant", "content": "t"},
    {"type": "custom_tool_call", "call_id": "b", "name": "n", "input": ""},
    {"type": "function_call_output", "call_id": "a", "output": "x"},
    thought(None),
    {"role": "user", "content": "u"},
    call("c"),
]


def body(items: list[Any], indent: int | None = None) -> bytes:
    return json.dumps({"model": "m", "input": items, "z": 1.50}, indent=indent).encode()


def inputs(data: bytes) -> Any:
    return json.loads(data)["input"]


def test_traces_are_found_with_the_calls_of_their_turn() -> None:
    assert seen_reasoning(read(body(ITEMS))) == [
        SeenReasoning((1, -1), "E1", ("a", "b")),
        SeenReasoning((3, -1), "E2", ("b",)),
        SeenReasoning((7, -1), None, ()),
        SeenReasoning((9, -1), None, ("c",), missing=True),
    ]


def test_a_turn_of_calls_without_a_trace_is_missing_one_at_its_first_item() -> None:
    said = {"role": "assistant", "content": "I look."}
    items = [ITEMS[0], said, call("a"), call("b"), ITEMS[6], call("c")]
    assert seen_reasoning(read(body(items))) == [
        SeenReasoning((1, -1), None, ("a", "b"), missing=True),
        SeenReasoning((5, -1), None, ("c",), missing=True),
    ]


def test_nothing_to_find() -> None:
    assert seen_reasoning(read(body([ITEMS[0], {"role": "assistant", "content": "no calls"}]))) == []
    assert seen_reasoning(read(b'{"model":"m","input":"reasoning"}')) == []


def test_only_the_dropped_items_go() -> None:
    """A foreign trace leaves as a whole item, the bytes of its neighbours stay.

    gateways.md cases 3B.38, 3B.43: sealed reasoning belongs to who made it."""
    data = body(ITEMS, indent=2)
    kept = [item for index, item in enumerate(ITEMS) if index not in (1, 3)]
    rewritten = rewrite(data, [(1, -1), (3, -1)], {}, SEALED)
    assert rewritten == body(kept, indent=2)
    assert rewrite(data, [], {}, SEALED) is data
    assert inputs(rewrite(data, [(i, -1) for i in range(len(ITEMS))], {}, SEALED)) == []


def test_a_trace_is_restored_in_front_of_its_item() -> None:
    trace = Reasoning(summary=("s",), encrypted="E", id="rs_1")
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "s"}],
        "encrypted_content": "E",
    }
    items = [ITEMS[0], call("a"), ITEMS[6]]
    assert inputs(rewrite(body(items), [], {1: (trace,)}, SEALED)) == [items[0], item, *items[1:]]
    assert inputs(rewrite(body(ITEMS), [(1, -1)], {1: (trace, trace)}, SEALED)) == [ITEMS[0], item, item, *ITEMS[2:]]
    assert inputs(rewrite(body(items), [], {9: (trace,)}, SEALED)) == [*items, item]
    assert inputs(rewrite(body([]), [], {0: (trace,)}, SEALED)) == [item]


def test_open_reasoning_goes_back_as_text_to_a_server_that_reads_it() -> None:
    reads = Profile(echo_reasoning="optional")
    given = inputs(rewrite(body([call("a")]), [], {0: (Reasoning(summary=("one", "two"), id="rs_1"),)}, reads))
    text = [{"type": "reasoning_text", "text": "one\n\ntwo"}]
    assert given == [{"type": "reasoning", "id": "rs_1", "summary": [], "content": text}, call("a")]
    assert inputs(rewrite(body([call("a")]), [], {0: (Reasoning(),)}, reads)) == [call("a")]


def test_what_cannot_be_restored_is_left_out() -> None:
    data = body([call("a")])
    assert rewrite(data, [], {0: (Reasoning(text="open"),)}, SEALED) is data
    assert rewrite(data, [], {0: (Reasoning(encrypted="E"),)}, DEFAULT) is data
    assert rewrite(b'{"model":"m","input":"s"}', [(0, -1)], {}, SEALED) == b'{"model":"m","input":"s"}'


def test_the_repair_removes_all_traces_and_switches_thinking_off() -> None:
    data = body(ITEMS)
    assert inputs(without_reasoning(data, read(data), SEALED)) == [i for i in ITEMS if i.get("type") != "reasoning"]
    off = Profile(disable_thinking=b'{"type":"disabled"}')
    assert json.loads(without_reasoning(data, read(data), off))["thinking"] == {"type": "disabled"}
