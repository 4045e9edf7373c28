from __future__ import annotations

import json

import pytest

from gateway.dialects._responses_read import read
from gateway.dialects._responses_state import (
    IMAGE_TOKENS,
    ITEM_TOKENS,
    countable,
    input_items,
    output_items,
    response_id,
    with_history,
)
from gateway.errors import MalformedRequest, UpstreamProtocol

USER = b'{"type":"message","role":"user","content":[{"type":"input_text","text":"h\\u00e9"}]}'


def test_items_are_raw() -> None:
    assert input_items(b'{"model":"m","input":"h\\u00e9"}') == [USER]
    assert input_items(b'{"model":"m","input":[ {"a" : 1.50}, {"b":2} ]}') == [b'{"a" : 1.50}', b'{"b":2}']
    assert output_items(b'{"id":"r","output":[{"type":"message" }]}') == [b'{"type":"message" }']
    with pytest.raises(MalformedRequest):
        input_items(b'{"model":"m"}')
    with pytest.raises(UpstreamProtocol):
        output_items(b"[]")


def test_history_stands_before_the_input() -> None:
    body = b'{"model":"m", "previous_response_id":"resp_1","input":"h\\u00e9" ,"x":1.50}'
    resolved = with_history(body, [b'{"old" : 1}'])
    assert json.loads(resolved) == {"model": "m", "input": [{"old": 1}, json.loads(USER)], "x": 1.5}
    assert b'"input":[{"old" : 1},' in resolved
    assert b'"x":1.50' in resolved
    assert read(resolved).previous_response_id is None


def test_a_follow_up_may_bring_no_input_of_its_own() -> None:
    assert json.loads(with_history(b'{"model":"m","previous_response_id":"r"}', [b"{}"]))["input"] == [{}]


def test_the_id_of_a_response() -> None:
    assert response_id(b'{"id":"resp_1","output":[]}') == "resp_1"
    for broken in (b"{}", b'{"id":""}', b"nonsense"):
        with pytest.raises(UpstreamProtocol):
            response_id(broken)


def test_what_counts_as_tokens() -> None:
    body = {
        "model": "m",
        "instructions": "be kind",
        "input": [
            {"role": "user", "content": "u"},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "see"},
                    {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 1000},
                ],
            },
            {"type": "function_call", "call_id": "c", "name": "run", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "out"}]},
        ],
        "tools": [{"type": "function", "name": "run"}],
    }
    texts, extra = countable(json.dumps(body).encode())
    assert texts == [b"be kind", b"u", b"see", b"run", b"{}", b"out", b'{"type": "function", "name": "run"}']
    assert extra == 4 * ITEM_TOKENS + IMAGE_TOKENS
    assert countable(b'{"model":"m","input":"hi"}') == ([b"hi"], ITEM_TOKENS)
