import msgspec
import pytest

from gateway.dialects._messages_read import read, role_of
from gateway.errors import MalformedRequest

BODY = b"""{"model" : "claude-x", "max_tokens": 100, "stream":true, "system":[{"type":"text","text":"s"}],
 "tools":[{"name":"a","input_schema":{}},{"input_schema":{},"name":"b\\u0041"},{"type":"mcp_toolset"}],
 "metadata":{"user_id":"user_1_session_2","n":1},
 "messages":[{"role":"user","content":"hi"}, {"content":[],"role":"assistant"}], "future": {"x": [1]}}"""


def test_the_view_holds_what_routing_needs():
    view = read(BODY)
    assert (view.model, view.stream, view.max_output_tokens) == ("claude-x", True, 100)
    assert view.tool_names == ("a", "bA")
    assert view.user_id == "user_1_session_2"
    assert view.metadata == {"user_id": "user_1_session_2"}
    assert [role_of(message) for message in view.messages] == ["user", "assistant"]
    assert bytes(view.messages[0]) == b'{"role":"user","content":"hi"}'
    start, end = view.span_model
    assert BODY[start:end] == b'"claude-x"'
    assert view.system is not None
    assert bytes(view.system).startswith(b"[{")


def message(**changes):
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}], **changes}
    return msgspec.json.encode({key: value for key, value in body.items() if value is not ...})


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "$"),
        (b"[]", "$"),
        (b'{"model":"m"', "$"),
        (b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}', "$"),
        (b'{"model":"m","messages":[{"role":"user","content":NaN}]}', "$"),
        (b'{"model":"m","messages":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "$"),
        (b'{"model":"m","model":"n","messages":[{"role":"user","content":""}]}', "$.model"),
        (message(model=...), "$.model"),
        (message(model=None), "$.model"),
        (message(model=5), "$.model"),
        (message(messages=...), "$.messages"),
        (message(messages=[]), "$.messages"),
        (message(messages="hi"), "$.messages"),
        (message(messages=[{"role": "user", "content": ""}, 3]), "$.messages[1]"),
        (message(messages=[{"content": "x"}]), "$.messages[0]"),
        (message(messages=[{"role": "tool", "content": "x"}]), "$.messages[0].role"),
        (message(system=5), "$.system"),
        (message(stream="yes"), "$.stream"),
        (message(max_tokens="many"), "$.max_tokens"),
        (message(max_tokens=1.5), "$.max_tokens"),
        (b'{"model":"m","max_tokens":' + b"9" * 5000 + b',"messages":[{"role":"user","content":""}]}', "$.max_tokens"),
        (message(tools={}), "$.tools"),
        (message(tools=[{"name": 5}]), "$.tools[0].name"),
        (message(metadata=[1]), "$.metadata"),
    ],
)
def test_bad_input_names_the_place(body, where):
    with pytest.raises(MalformedRequest) as caught:
        read(body)
    assert caught.value.where == where


def test_nulls_and_unknown_duplicates_are_fine():
    body = b'{"x":1,"x":2,"system":null,"tools":null,"stream":null,"max_tokens":null,"metadata":null,'
    view = read(body + b'"model":"m","messages":[{"role":"user","content":"x"}]}')
    assert (view.system, view.tools, view.stream, view.max_output_tokens) == (None, (), False, None)


def test_a_megabyte_string_is_read():
    assert len(read(message(system="é" * 1_000_000)).messages) == 1
