from __future__ import annotations

from gateway.ir.events import BlockStart, BlockStop, Delta, Finished, Sealed
from gateway.ir.request import Reasoning, Text
from tests.support.responses_out import START, kinds, sent


def test_open_reasoning_is_shown_as_a_summary() -> None:
    out = sent(
        [
            START,
            BlockStart(0, Reasoning()),
            Delta(0, "th"),
            Delta(0, "ink"),
            BlockStop(0),
            BlockStart(1, Text("")),
            Delta(1, "t"),
            BlockStop(1),
            Finished("stop"),
        ]
    )
    assert kinds(out)[:7] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    item = out[-1]["response"]["output"][0]
    assert item == {"id": "rs_a10000", "type": "reasoning", "summary": [{"type": "summary_text", "text": "think"}]}


def test_summaries_and_open_text_are_parts_of_one_summary() -> None:
    out = sent(
        [
            START,
            BlockStart(0, Reasoning(id="rs_7")),
            Delta(0, "a", True, 0),
            Delta(0, "b", True, 1),
            Delta(0, "open"),
            Sealed(0, encrypted="E"),
            BlockStop(0),
            Finished("stop"),
        ]
    )
    item = out[-1]["response"]["output"][0]
    assert item["id"] == "rs_7"
    assert [part["text"] for part in item["summary"]] == ["a", "b", "open"]
    assert item["encrypted_content"] == "E"
    assert [e["summary_index"] for e in out if e["type"] == "response.reasoning_summary_part.added"] == [0, 1, 2]


def test_seals_of_other_vendors_stay_here() -> None:
    out = sent(
        [
            START,
            BlockStart(0, Reasoning(encrypted="R", redacted=True)),
            BlockStop(0),
            BlockStart(1, Reasoning()),
            Sealed(1, signature="sig"),
            BlockStop(1),
            BlockStart(2, Reasoning()),
            Sealed(2, encrypted="E"),
            BlockStop(2),
            Finished("stop"),
        ]
    )
    (item,) = out[-1]["response"]["output"]
    assert item["encrypted_content"] == "E"
    assert kinds(out) == ["output_item.added", "output_item.done", "completed"]
