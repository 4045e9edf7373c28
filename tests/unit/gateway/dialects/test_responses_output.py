from __future__ import annotations

import json

from gateway.ir.events import BlockStart, BlockStop, Delta, Finished, Started
from gateway.ir.request import Opaque, Refusal
from tests.support.responses_out import START, kinds, sent


def test_refusals_and_own_items() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    out = sent(
        [
            START,
            BlockStart(0, Opaque("responses", "web_search_call", json.dumps(item, indent=1).encode())),
            BlockStop(0),
            BlockStart(1, Refusal("")),
            Delta(1, "no"),
            BlockStop(1),
            Finished("refusal"),
        ]
    )
    assert out[-1]["type"] == "response.completed"
    assert out[-1]["response"]["output"][0] == item
    assert out[-1]["response"]["output"][1]["content"] == [{"type": "refusal", "refusal": "no"}]
    assert "refusal.done" in kinds(out)


def test_the_upstreams_own_id_is_kept() -> None:
    assert sent([Started("resp_up", "m", 3), Finished("stop")])[-1]["response"]["id"] == "resp_up"
