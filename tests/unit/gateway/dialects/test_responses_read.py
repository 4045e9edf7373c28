from __future__ import annotations

import json
import time
from typing import Any

import pytest

from gateway.dialects import _responses_read as reading
from gateway.dialects.contract import Target
from gateway.errors import MalformedRequest, UnsupportedFeature, UpstreamProtocol
from gateway.ir.profile import DEFAULT, Profile
from gateway.ir.usage import Usage

CODEX = {
    "model": "auto",
    "stream": True,
    "input": [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "rules"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]},
    ],
    "tools": [
        {"type": "function", "name": "exec_command", "parameters": {"type": "object"}},
        {"type": "namespace", "name": "agents", "description": "d", "tools": [{"type": "function", "name": "spawn"}]},
        {"type": "custom", "name": "apply_patch"},
        {"type": "web_search"},
    ],
    "store": False,
    "prompt_cache_key": "k1",
    "client_metadata": {"session_id": "s1", "n": 3},
    "metadata": {"team": "a"},
}


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_the_view_of_a_codex_request() -> None:
    body = raw(CODEX)
    view = reading.read(body)
    assert view.model == "auto"
    assert view.stream is True
    assert view.store is False
    assert view.tool_names == ("exec_command", "spawn", "apply_patch")
    assert len(view.tools) == 4
    assert [json.loads(bytes(m))["role"] for m in view.messages] == ["developer", "user"]
    assert view.cache_key == "k1"
    assert view.metadata == {"team": "a", "session_id": "s1"}
    assert body[slice(*view.span_model)] == b'"auto"'
    assert view.system is None


def test_a_string_input_is_one_user_message() -> None:
    view = reading.read(rb'{"model":"m","input":"h\u00e9\n","instructions":"be kind","user":"u"}')
    assert [json.loads(bytes(m)) for m in view.messages] == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hé\n"}]}
    ]
    assert view.system is not None
    assert bytes(view.system) == b'"be kind"'
    assert view.user_id == "u"


def test_nulls_are_absent() -> None:
    view = reading.read(
        raw({"model": "m", "input": [], "stream": None, "tools": None, "instructions": None, "metadata": None})
    )
    assert (view.stream, view.tools, view.system, view.metadata) == (False, (), None, None)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "$"),
        (b"{", "$"),
        (b"[]", "$"),
        (b'{"model":"m","input":"a"', "$"),
        (b'{"input":"a"}', "$.model"),
        (b'{"model":3,"input":"a"}', "$.model"),
        (b'{"model":"","input":"a"}', "$.model"),
        (b'{"model":"m"}', "$.input"),
        (b'{"model":"m","input":null}', "$.input"),
        (b'{"model":"m","input":7}', "$.input"),
        (b'{"model":"m","input":{"a":1}}', "$.input"),
        (b'{"model":"m","input":"\\ud800"}', "$"),
        (b'{"model":"m","input":[],"stream":"yes"}', "$.stream"),
        (b'{"model":"m","input":[],"tools":{}}', "$.tools"),
        (b'{"model":"m","input":[],"tools":[{"name":3}]}', "$.tools[0].name"),
        (b'{"model":"m","input":[],"max_output_tokens":"9"}', "$.max_output_tokens"),
        (b'{"model":"m","input":[],"previous_response_id":4}', "$.previous_response_id"),
        (b'{"model":"m","input":[],"metadata":[]}', "$.metadata"),
        (b'{"model":"m","input":[],"model":"n"}', "$.model"),
        (b'{"model":"m","input":[],"tools":[],"tools":[]}', "$.tools"),
        (b'{"model":"m","input":"\xff"}', "$"),
        (b'{"model":"m","input":[],"temperature":NaN}', "$"),
        (b'{"model":"m","input":[],"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "$"),
        (b'{"model":"m","input":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "$"),
    ],
)
def test_a_bad_body_is_refused_with_its_place(body: bytes, where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        reading.read(body)
    assert caught.value.where == where


def test_repeated_unknown_keys_are_nobodys_business() -> None:
    assert reading.read(b'{"model":"m","input":[],"x":1,"x":2}').model == "m"


def test_a_large_body_is_read_in_bounded_time() -> None:
    item = {"type": "function_call_output", "call_id": "c", "output": "x" * 1_000_000}
    started = time.perf_counter()
    assert len(reading.read(raw({"model": "m", "input": [item] * 3})).messages) == 3
    assert time.perf_counter() - started < 3


# --- adapt ---


def test_adapt_replaces_nothing_but_the_model() -> None:
    body = b'{ "x" : [1 , 2],\n "model" : "au\\u0074o" , "input":"a","zzz":{"k":1.50} }'
    view = reading.read(body)
    assert view.model == "auto"
    assert reading.adapt(body, view, Target(model="gpt", profile=DEFAULT)) == body.replace(b'"au\\u0074o"', b'"gpt"')


def test_adapt_returns_the_same_object_when_nothing_changes() -> None:
    body = raw(CODEX)
    assert reading.adapt(body, reading.read(body), Target(model="auto", profile=DEFAULT)) is body


def test_unknown_fields_are_dropped_where_the_upstream_refuses_them() -> None:
    body = b'{"model":"m", "client_metadata":{"a":"b"}, "input": "x", "new":1}'
    target = Target(model="m", profile=Profile(unknown_fields="drop"))
    assert json.loads(reading.adapt(body, reading.read(body), target)) == {"model": "m", "input": "x"}


def test_an_unresolved_reference_does_not_leave() -> None:
    body = b'{"model":"m","input":"x","previous_response_id":"resp_1"}'
    with pytest.raises(UnsupportedFeature):
        reading.adapt(body, reading.read(body), Target(model="m", profile=DEFAULT))


# --- is_plain ---

DELTA = (
    b'{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"hi","logprobs":[]}'
)
NAMED = b"event: response.output_text.delta\ndata: "


@pytest.mark.parametrize(
    "event",
    [
        NAMED + DELTA + b"\n\n",
        b"data: " + DELTA + b"\n\n",
        b"data: " + DELTA.replace(b'":"', b'": "') + b"\n\n",
        NAMED + DELTA.replace(b"hi", rb"say \"type\":\"response.completed\" \n") + b"\n\n",
        NAMED + DELTA.replace(b"hi", "é你".encode()) + b"\n\n",
        b": keep-alive\n\n",
        b": a\n: b\n\n",
    ],
)
def test_plain_events(event: bytes) -> None:
    assert reading.is_plain(event)


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"\n\n",
        b'event: response.completed\ndata: {"type":"response.completed","response":{}}\n\n',
        b'data: {"type":"response.function_call_arguments.delta","delta":"x"}\n\n',
        b'data: {"type":"response.reasoning_text.delta","delta":"x"}\n\n',
        b"data: " + DELTA[:-1] + b',"type":"response.output_item.done","item":{}}\n\n',
        b"data: " + DELTA[:-1] + b',"t\\u0079pe":"response.output_item.done","item":{}}\n\n',
        b"data: " + DELTA[:-1] + b',"item":{"type":"function_call"}}\n\n',
        b"event: response.output_item.done\ndata: " + DELTA + b"\n\n",
        NAMED + DELTA + b'\ndata: {"type":"x"}\n\n',
        NAMED + DELTA + b"\nevent: response.output_item.done\n\n",
        NAMED + DELTA + b"\r\n\r\n",
        b': comment\ndata: {"type":"response.completed"}\n\n',
    ],
)
def test_events_that_need_a_look(event: bytes) -> None:
    assert not reading.is_plain(event)


# --- usage ---


def test_usage_of_a_whole_reply() -> None:
    """Cached and written parts stay inside the input count.

    gateways.md case 3A.10, 3C.45: cache tokens counted twice."""
    told = {
        "input_tokens": 100,
        "input_tokens_details": {
            "cached_tokens": 60,
            "cache_write_tokens": 30,
            "cache_write_tokens_details": {"ttl_12h_tokens": 10, "ttl_30m_tokens": 20},
        },
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 109,
    }
    counts = reading.usage_of(raw({"id": "r", "output": [], "usage": told}))
    assert counts == Usage(100, 60, 30, 10, 9, 4)
    assert reading.usage_json(counts) == told


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        (None, None),
        ({}, None),
        ({"input_tokens": 5, "output_tokens": 2}, Usage(5, 0, 0, 0, 2, 0)),
        ({"input_tokens": 5, "output_tokens": 2, "input_tokens_details": None}, Usage(5, 0, 0, 0, 2, 0)),
        (
            {"input_tokens": -5, "output_tokens": 2.0, "input_tokens_details": {"cached_tokens": 9}},
            Usage(output_tokens=2),
        ),
        ({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 9, "cache_write_tokens": 9}}, Usage(5, 5)),
    ],
)
def test_usage_is_clamped_and_tolerant(told: Any, counts: Usage | None) -> None:
    assert reading.usage_of(raw({"usage": told})) == counts


def test_usage_always_has_its_details() -> None:
    assert reading.usage_json(Usage(5, output_tokens=2)) == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 7,
    }
    assert reading.usage_json(Usage(source="none")) is None


def test_usage_of_garbage() -> None:
    with pytest.raises(UpstreamProtocol):
        reading.usage_of(b"<html>")
