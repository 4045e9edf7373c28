"""Whose text stands where in an item of each dialect, and byte places of decoded characters."""

import json

import pytest

from policies import texts


def found(item, *, ascii_only=False, bare=False):
    raw = json.dumps(item, ensure_ascii=ascii_only).encode()
    return [
        (held.source, texts.decoded(raw[held.start : held.end]))
        for held in texts.texts(raw, bare=bare)
        if held.quoted
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("item", "wanted"),
    [
        ({"role": "tool", "tool_call_id": "x", "content": "a"}, [("results", "a")]),
        ({"content": "a", "role": "tool"}, [("results", "a")]),
        ({"role": "function", "name": "f", "content": "a"}, [("results", "a")]),
        ({"role": "user", "content": "a"}, [("user", "a")]),
        ({"role": "developer", "content": [{"type": "text", "text": "a"}]}, [("system", "a")]),
        (
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "i", "type": "function", "function": {"name": "f", "arguments": '{"x": "a"}'}}]},
            [("replies", '{"x": "a"}')],
        ),
        (
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a"}, {"type": "image",
                 "source": {"type": "base64", "media_type": "image/png", "data": "b"}}]},
                {"type": "text", "text": "c"}]},
            [("results", "a"), ("user", "c")],
        ),
        ({"role": "user", "content": [{"type": "tool_result", "content": "a", "tool_use_id": "t"}]}, [("results", "a")]),
        (
            {"role": "user", "content": [{"type": "document", "title": "t",
             "source": {"type": "text", "media_type": "text/plain", "data": "a"}}]},
            [("user", "t"), ("user", "a")],
        ),
        (
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "a", "signature": "s"}, {"type": "redacted_thinking", "data": "d"},
                {"type": "tool_use", "id": "i", "name": "n", "input": {"id": "a", "type": "b", "name": "c", "n": [{"data": "d"}]}}]},
            [("replies", "a"), ("replies", "b"), ("replies", "c"), ("replies", "d")],
        ),
        ({"type": "function_call_output", "call_id": "c", "output": "a"}, [("results", "a")]),
        (
            {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "a"}]},
            [("results", "a")],
        ),
        ({"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}, [("replies", "{}")]),
        ({"type": "mcp_call", "id": "i", "name": "n", "arguments": "b", "output": "a"}, [("replies", "b"), ("results", "a")]),
        ({"type": "reasoning", "id": "r", "encrypted_content": "e", "summary": [{"type": "summary_text", "text": "s"}]}, []),
        ({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}, [("replies", "a")]),
        ({"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,xx"}]}, []),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,xx"}}]}, []),
        (
            {"role": "user", "parts": [{"functionResponse": {"response": {"output": "a"}}}, {"text": "b"}]},
            [("results", "a"), ("user", "b")],
        ),
        ({"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "b"}}]}, []),
        ({"role": "model", "parts": [{"text": "a", "thoughtSignature": "s"}]}, [("replies", "a")]),
    ],
)  # fmt: skip
def test_whose_text(item, wanted):
    assert found(item) == wanted


def test_without_tools_the_user_brings_the_results():
    assert found({"role": "user", "content": "a"}, bare=True) == [("results", "a")]


def test_every_text_of_any_json():
    raw = b'{"id": "a", "type": ["b", {"name": "c"}], "n": 4111}'
    assert [raw[held.start : held.end] for held in texts.every(raw)] == [b'"a"', b'"b"', b'"c"', b"4111"]
    assert texts.every(b'"alone"') == [texts.Text(0, 7, "replies")]


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("text", ["abc", "é中😀x", 'a\n"b\\\\\t"', "\\n\\\\n😀\n\x01\u2028", "\\" * 5 + "\n" * 3, ""])
def test_where_characters_stand_in_the_bytes(text, escaped):
    token = json.dumps(text, ensure_ascii=escaped).encode()
    assert texts.decoded(token) == text
    points = list(range(len(text) + 1))
    wanted = [len(json.dumps(text[:point], ensure_ascii=escaped).encode()) - 1 for point in points]
    assert texts.offsets(token, points) == wanted


def test_a_lone_surrogate_is_one_character():
    token = b'"a\\ud800b"'
    assert texts.decoded(token) == "a?b"
    assert texts.offsets(token, [2, 3]) == [8, 9]
