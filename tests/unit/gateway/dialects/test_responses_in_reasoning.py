from __future__ import annotations

from typing import Any

from gateway.ir.events import BlockStart, BlockStop, Delta, Sealed
from gateway.ir.request import Reasoning
from tests.support.responses_in import CREATED, added, completed, decoded, done


def test_reasoning_is_sealed_by_its_last_copy() -> None:
    def summary(kind: str, **more: Any) -> dict[str, Any]:
        return {"type": f"response.reasoning_{kind}", "output_index": 0, "item_id": "rs_1", **more}

    events = decoded(
        CREATED,
        added(0, type="reasoning", id="rs_1", summary=[], encrypted_content="early"),
        summary("summary_part.added", summary_index=0, part={"type": "summary_text", "text": ""}),
        summary("summary_text.delta", summary_index=0, delta="a"),
        summary("summary_text.done", summary_index=0, text="ab"),
        summary("summary_text.delta", summary_index=1, delta="c"),
        summary("text.delta", content_index=0, delta="open"),
        done(
            0,
            type="reasoning",
            id="rs_1",
            summary=[{"type": "summary_text", "text": "ab"}, {"type": "summary_text", "text": "cd"}],
            encrypted_content="late",
        ),
        completed(),
    )
    assert events[1:-2] == [
        BlockStart(0, Reasoning(id="rs_1")),
        Delta(0, "a", True, 0),
        Delta(0, "b", True, 0),
        Delta(0, "c", True, 1),
        Delta(0, "open"),
        Delta(0, "d", True, 1),
        Sealed(0, encrypted="late"),
        BlockStop(0),
    ]
