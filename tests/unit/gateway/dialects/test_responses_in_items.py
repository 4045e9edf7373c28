from __future__ import annotations

import json

from gateway.ir.request import Opaque, Reasoning, Text, ToolCall
from tests.support.responses_in import CALL, CREATED, added, arguments, completed, done, text, whole


def test_items_may_end_out_of_order() -> None:
    """A reasoning item may end after the call that follows it.

    protocols.md 1.2 (earendil-works/pi#4171)."""
    reply = whole(
        CREATED,
        added(0, type="reasoning", id="rs_1", summary=[]),
        added(1, **CALL, arguments=""),
        arguments(1, "{}"),
        done(1, **CALL, arguments="{}"),
        done(0, type="reasoning", id="rs_1", summary=[{"type": "summary_text", "text": "s"}], encrypted_content="E"),
        completed(),
    )
    assert reply.parts == (
        Reasoning(summary=("s",), encrypted="E", id="rs_1"),
        ToolCall("call_1", "run", "{}", item_id="fc_1"),
    )


def test_items_of_vendor_tools_are_opaque() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    reply = whole(
        CREATED,
        added(0, **search),
        {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"},
        done(0, **search),
        text(1, "found"),
        completed([search]),
    )
    assert reply.parts == (Opaque("responses", "web_search_call", json.dumps(search).encode()), Text("found"))
