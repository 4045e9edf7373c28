from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._responses_out_message import citation
from gateway.ir.events import Annotated, BlockStart, BlockStop, Delta, Finished, UsageReport
from gateway.ir.request import Text
from gateway.ir.usage import Usage
from tests.support.responses_out import START, kinds, sent


def test_a_message_in_codex_order() -> None:
    """Every event that Codex needs, in its order.

    protocols.md 1.2 (Oaklight/llm-rosetta#56, Wei-Shaw/sub2api#2875, Sophomoresty/gemini-web2api#57)."""
    out = sent(
        [
            START,
            BlockStart(0, Text("")),
            Delta(0, "he"),
            Delta(0, ""),
            Delta(0, "llo"),
            BlockStop(0),
            UsageReport(Usage(10, 4, 0, 0, 3, 1)),
            Finished("stop"),
        ]
    )
    assert kinds(out) == [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    delta = out[4]
    assert delta == {
        "type": "response.output_text.delta",
        "sequence_number": 4,
        "item_id": "msg_a10000",
        "output_index": 0,
        "content_index": 0,
        "delta": "he",
        "logprobs": [],
    }
    reply = out[-1]["response"]
    assert reply["id"] == "resp_a1"
    assert reply["model"] == "auto"
    assert reply["created_at"] == 5
    assert reply["output"][0]["content"] == [
        {"type": "output_text", "annotations": [], "logprobs": [], "text": "hello"}
    ]
    assert reply["usage"]["input_tokens_details"] == {"cached_tokens": 4, "cache_write_tokens": 0}
    assert reply["usage"]["output_tokens_details"] == {"reasoning_tokens": 1}


def test_citations() -> None:
    note = b'{"type":"url_citation","url":"u","title":"t","start_index":0,"end_index":1}'
    out = sent(
        [
            START,
            BlockStart(0, Text("")),
            Delta(0, "ab"),
            Annotated(0, note),
            Annotated(0, b"{}"),
            BlockStop(0),
            Finished("stop"),
        ]
    )
    assert kinds(out)[3] == "output_text.annotation.added"
    assert out[-1]["response"]["output"][0]["content"][0]["annotations"] == [json.loads(note)]


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (b'{"type":"file_path","file_id":"f","index":1}', {"type": "file_path", "file_id": "f", "index": 1}),
        (
            b'{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":1,"end_index":2}}',
            {"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2},
        ),
        (
            b'{"type":"web_search_result_location","url":"u","title":null,"cited_text":"c"}',
            {"type": "url_citation", "url": "u", "title": "u", "start_index": 0, "end_index": 7},
        ),
        (b'{"type":"char_location","cited_text":"c"}', None),
        (b"nonsense", None),
    ],
)
def test_citations_of_other_dialects(raw: bytes, note: Any) -> None:
    found = citation(raw, 7)
    assert (json.loads(bytes(found)) if found is not None else None) == note
