import msgspec
import pytest

from gateway.dialects._messages_blocks import parts_of
from gateway.dialects._messages_ids import to_wire
from gateway.errors import MalformedRequest
from gateway.ir.request import File, Image, Opaque, Reasoning, Text, ToolCall, ToolResult

MARK = {"type": "ephemeral"}


def parts(*blocks):
    return parts_of(msgspec.Raw(msgspec.json.encode(list(blocks))), "$.c")


def test_a_string_is_one_text():
    assert parts_of(msgspec.Raw(b'"a\\u00e9"'), "$.c") == (Text("aé"),)


def source(kind="image", **fields):
    return {"type": kind, "source": fields}


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "x", "cache_control": MARK}, Text("x", b'{"type":"ephemeral"}')),
        ({"type": "text", "text": "x", "citations": None}, Text("x")),
        ({"type": "thinking", "thinking": "t", "signature": ""}, Reasoning("t")),
        ({"type": "thinking", "thinking": "t", "signature": "s"}, Reasoning("t", signature="s")),
        ({"type": "redacted_thinking", "data": "d"}, Reasoning(encrypted="d", redacted=True)),
        ({"type": "tool_use", "id": to_wire("f.x:0"), "name": "n"}, ToolCall("f.x:0", "n", "{}")),
        ({"type": "tool_result", "tool_use_id": "a"}, ToolResult("a", ())),
        (
            {"type": "tool_result", "tool_use_id": "a", "content": "r", "is_error": True},
            ToolResult("a", (Text("r"),), is_error=True),
        ),
        (source(type="base64", media_type="image/png", data="iV"), Image("image/png", "iV")),
        (source(type="url", url="https://x"), Image(url="https://x")),
        (source(type="url", url="data:image/gif;base64,R0"), Image("image/gif", "R0")),
        (source(type="file", file_id="f"), Image(file_id="f")),
        (source("document", type="base64", data="JV"), File("application/pdf", "JV")),
        (source("document", type="text", media_type="text/plain", data="hi"), File("text/plain", "hi")),
        (source("document", type="url", url="https://x"), File(url="https://x")),
        (source("document", type="file", file_id="f"), File(file_id="f")),
    ],
)
def test_blocks_become_parts(block, part):
    assert parts(block) == (part,)


def test_tool_input_keeps_its_bytes():
    raw = msgspec.Raw(b'[{"type":"tool_use","id":"a","name":"n","input":{"b" : 1.0, "a":"\\u0041"}}]')
    (call,) = parts_of(raw, "$.c")
    assert call.arguments == '{"b" : 1.0, "a":"\\u0041"}'


@pytest.mark.parametrize(
    "block",
    [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "search_result", "content": [], "source": "x", "title": "y"},
        {**source("document", type="text", data="x"), "citations": {"enabled": True}},
        {**source("document", type="text", data="x"), "context": "about"},
        source("document", type="content", content="x"),
        source(type="someday"),
    ],
)
def test_what_has_no_word_stays_whole(block):
    assert parts(block) == (Opaque("messages", block["type"], msgspec.json.encode(block)),)


@pytest.mark.case("3A.30")
@pytest.mark.case("3A.26")
def test_images_inside_tool_results():
    """Images inside a tool result survive decoding beside its text, in order.
    workweave#965, Switchyard#389."""
    image = source(type="base64", media_type="image/png", data="iV")
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "see"}, image]}
    assert parts(result) == (ToolResult("a", (Text("see"), Image("image/png", "iV"))),)


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b"null", "$.c"),
        (b"", "$.c"),
        (b"5", "$.c"),
        (b'[{"text":"x"}]', "$.c[0]"),
        (b'[{"type":"text","text":5}]', "$.c[0].text"),
        (b'[{"type":"text","text":"\\ud800"}]', "$.c"),
        (b'[{"type":"tool_use","id":1,"name":"n"}]', "$.c[0].id"),
        (b'[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text"}]}]', "$.c[0].content[0]"),
        (b'[{"type":"image"}]', "$.c[0].source"),
        (b'[{"type":"image","source":{"type":5}}]', "$.c[0].source.type"),
    ],
)
def test_wrong_blocks_name_their_path(raw, where):
    with pytest.raises(MalformedRequest) as caught:
        parts_of(msgspec.Raw(raw), "$.c")
    assert (caught.value.where or "").startswith(where)
