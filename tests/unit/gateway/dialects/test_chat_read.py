"""The cheap look at a request: what it finds, and what it refuses with which path."""

from __future__ import annotations

import msgspec
import pytest

from gateway.dialects._chat_read import read, role_of, seen_reasoning
from gateway.dialects.contract import SeenReasoning
from gateway.errors import MalformedRequest

FULL = b"""{ "model" : "m\\u0031", "messages": [ {"role":"user","content":"hi"} , {"role":"assistant"} ],
 "tools":[{"type":"function","function":{"name":"a","parameters":{}}},{"function":{"description":"d","name":"b"}},
 {"type":"custom","custom":{"name":"c"}},{"type":"web_search"}], "stream":true, "stream_options":{"include_usage":true},
 "max_completion_tokens":7,"max_tokens":9,"safety_identifier":"u","user":"old","prompt_cache_key":"k",
 "metadata":{"session":"s","n":1},"store":false,"unknown":[1,{"x":2}] }"""


def test_everything_that_routing_needs_is_seen() -> None:
    view = read(FULL)
    assert (view.model, view.stream, view.include_usage) == ("m1", True, True)
    assert [bytes(m) for m in view.messages] == [b'{"role":"user","content":"hi"}', b'{"role":"assistant"}']
    assert view.tool_names == ("a", "b", "c", "web_search")
    assert len(view.tools) == 4
    assert (view.max_output_tokens, view.user_id, view.cache_key, view.store) == (7, "u", "k", False)
    assert view.metadata == {"session": "s"}
    start, end = view.span_model
    assert FULL[start:end] == b'"m\\u0031"'


def test_a_small_request_has_defaults() -> None:
    view = read(b'{"messages":[{}],"model":"m","stream":null,"tools":null}')
    assert (view.stream, view.tools, view.metadata, view.user_id) == (False, (), None, None)


def test_tools_of_2023_are_tools() -> None:
    view = read(b'{"model":"m","messages":[{}],"functions":[{"name":"f"}]}')
    assert view.tool_names == ("f",)
    assert view.functions


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "$"),
        (b"null", "$"),
        (b"[]", "$"),
        (b'{"model":"m","messages":[{}]} x', "$"),
        (b'{"messages":[{}]}', "$"),
        (b'{"model":5,"messages":[{}]}', "$.model"),
        (b'{"model":"","messages":[{}]}', "$.model"),
        (b'{"model":"m"}', "$"),
        (b'{"model":"m","messages":{}}', "$.messages"),
        (b'{"model":"m","messages":[]}', "$.messages"),
        (b'{"model":"m","messages":[{},5]}', "$.messages[1]"),
        (b'{"model":"m","messages":[{}],"tools":[{"type":"function"}]}', "$.tools[0].function.name"),
        (
            b'{"model":"m","messages":[{}],"tools":[{"type":"function","function":{"name":5}}]}',
            "$.tools[0].function.name",
        ),
        (b'{"model":"m","messages":[{}],"stream":"yes"}', "$.stream"),
        (b'{"model":"m","messages":[{}],"max_tokens":1.5}', "$.max_tokens"),
        (b'{"model":"m","messages":[{}],"max_tokens":' + b"9" * 400 + b"}", "$.max_tokens"),
        (b'{"model":"m","messages":[{}],"metadata":[]}', "$.metadata"),
        (b'{"model":"m","messages":[{}],"stream_options":{"include_usage":1}}', "$.stream_options.include_usage"),
        (b'{"model":"m","messages":[{}],"model":"n"}', "$.model"),
        (b'{"model":"m","messages":[{}],"mess\\u0061ges":[{}]}', "$.messages"),
        (b'{"model":"m","messages":[{"content":"\xff"}]}', "$"),
        (b'{"model":"m","messages":[{"content":NaN}]}', "$"),
        (b'{"model":"m","messages":[' + b"[" * 10_000 + b"]" * 10_000 + b"]}", "$"),
        (b'{"model":"m","messages":[{}],"x":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", "$"),
    ],
)
def test_bad_input_is_refused_with_its_place(body: bytes, where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(body)
    assert caught.value.where == where


def test_a_repeated_unknown_key_and_huge_values_are_fine() -> None:
    read(b'{"model":"m","messages":[{}],"x":1,"x":2,"big":' + b"9" * 5000 + b"}")
    read(b'{"model":"m","messages":[{"role":"user","content":"' + b"a" * 1_000_000 + b'"}]}')


@pytest.mark.parametrize(
    ("raw", "role"),
    [
        (b'{"role":"user"}', "user"),
        (b'{ "role" : "developer" , "content":1}', "developer"),
        (b'{"content":"\\"role\\":\\"system\\"","role":"tool"}', "tool"),
        (b'{"r\\u006fle":"tool"}', "tool"),
        (b"{}", ""),
        (b'{"role":5}', ""),
        (b'{"role":"someone"}', "someone"),
    ],
)
def test_roles(raw: bytes, role: str) -> None:
    assert role_of(msgspec.Raw(raw)) == role


def _seen(*messages: bytes) -> list[SeenReasoning]:
    return seen_reasoning(read(b'{"model":"m","messages":[' + b",".join(messages) + b"]}"))


def test_reasoning_is_seen_under_every_name_and_missed_where_tools_were_called() -> None:
    calls = b'"tool_calls":[{"id":"c1"},{"id":"c2"}]'
    assert _seen(
        b'{"role":"user","content":"reasoning_content tool_calls"}',
        b'{"role":"assistant","content":"x"}',
        b'{"role":"assistant","reasoning_content":"t",' + calls + b"}",
        b'{"role":"assistant","reasoning":"t"}',
        b'{"role":"assistant",' + calls + b"}",
        b'{"role":"assistant","reasoning_content":null,' + calls + b"}",
        b'{"role":"assistant","reasoning_content":"",' + calls + b"}",
        b'{"role":"assistant","reasoning_details":[{"text":"t","signature":"S"}]}',
        b'{"role":"assistant","tool_calls":[]}',
        b'{"role":"assistant","content":"tool_calls"}',
    ) == [
        SeenReasoning((2, -1), None, ("c1", "c2")),
        SeenReasoning((3, -1), None, ()),
        SeenReasoning((4, -1), None, ("c1", "c2"), missing=True),
        SeenReasoning((5, -1), None, ("c1", "c2"), missing=True),
        SeenReasoning((7, -1), "S", ()),
    ]


def test_broken_calls_name_their_message() -> None:
    with pytest.raises(MalformedRequest) as caught:
        _seen(b'{"role":"assistant","tool_calls":[5]}')
    assert caught.value.where == "$.messages[0].tool_calls[0]"
