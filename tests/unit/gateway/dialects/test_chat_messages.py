"""Chat messages to neutral ones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects._chat_messages import decode_messages
from gateway.errors import MalformedRequest
from gateway.ir.request import (
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)


def _decode(*messages: Any) -> tuple[Message, ...]:
    return decode_messages([msgspec.Raw(msgspec.json.encode(m)) for m in messages])


def _call(call_id: str, name: str = "f", arguments: Any = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_plain_turns() -> None:
    assert _decode(
        {"role": "system", "content": "s"},
        {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        {"role": "user", "content": "u", "name": "ann"},
        {"role": "assistant", "content": "a", "refusal": None, "annotations": [], "audio": None},
        {"role": "assistant", "content": None, "refusal": "no"},
        {"role": "assistant", "content": ""},
    ) == (
        Message("system", (Text("s"),)),
        Message("developer", (Text("d"),)),
        Message("user", (Text("u"),), "ann"),
        Message("assistant", (Text("a"),)),
        Message("assistant", (Refusal("no"),)),
        Message("assistant", ()),
    )


def test_content_of_all_kinds() -> None:
    (message,) = _decode(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "b", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "image_url", "image_url": {"url": "data:image/PNG;base64,QUI=", "detail": "low"}},
                {"type": "image_url", "image_url": "https://x/y.png"},
                {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "video_url", "video_url": {"url": "v"}},
            ],
        }
    )
    assert message.parts == (
        Text("t", b'{"type":"ephemeral"}'),
        Text("b", b'{"type":"ephemeral"}'),
        Image("image/png", "QUI=", detail="low"),
        Image(url="https://x/y.png"),
        Audio("QQ==", "mp3"),
        File("application/pdf", "QQ==", filename="a.pdf"),
        File(file_id="file-1"),
        Opaque("chat", "video_url", b'{"type":"video_url","video_url":{"url":"v"}}'),
    )


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_replayed_reasoning_is_reasoning_under_both_names(name: str) -> None:
    (message,) = _decode({"role": "assistant", name: "t", "content": "a", "tool_calls": [_call("c")]})
    assert message.parts == (Reasoning("t"), Text("a"), ToolCall("c", "f", "{}"))


def test_reasoning_details_carry_seals() -> None:
    details = [{"type": "reasoning.text", "text": "t", "signature": "S"}, {"type": "reasoning.encrypted", "data": "E"}]
    (message,) = _decode({"role": "assistant", "content": "a", "reasoning_details": details})
    assert message.parts[0] == Reasoning("t", signature="S", encrypted="E")


def test_results_stand_behind_their_turn_wherever_the_client_put_them() -> None:
    """One tool message holds all results that answer one turn (rules of gateway.ir.request)."""
    custom = {"id": "c", "type": "custom", "custom": {"name": "p", "input": "x"}}
    messages = _decode(
        {"role": "assistant", "tool_calls": [_call("a"), _call("b"), custom]},
        {"role": "tool", "tool_call_id": "b", "content": "B"},
        {"role": "user", "content": "hm"},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "C"}]},
        {"role": "tool", "tool_call_id": "a", "content": None},
        {"role": "assistant", "tool_calls": [_call("d")]},
        {"role": "tool", "tool_call_id": "d", "content": "D"},
    )  # fmt: skip
    assert [m.role for m in messages] == ["assistant", "tool", "user", "assistant", "tool"]
    assert messages[1].parts == (
        ToolResult("b", (Text("B"),)),
        ToolResult("c", (Text("C"),), kind="custom"),
        ToolResult("a", ()),
    )
    assert messages[4].parts == (ToolResult("d", (Text("D"),)),)


def test_orphaned_results_are_kept_together() -> None:
    messages = _decode(
        {"role": "tool", "tool_call_id": "x", "content": "1"}, {"role": "tool", "tool_call_id": "y", "content": "2"}
    )
    assert [len(m.parts) for m in messages] == [2]


def test_functions_of_2023_become_calls_and_results_with_one_id() -> None:
    messages = _decode(
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "r"},
        {"role": "function", "name": "other", "content": "orphan"},
    )
    call, results = messages[0].parts[0], messages[1].parts
    assert isinstance(call, ToolCall)
    assert isinstance(results[0], ToolResult)
    assert call.id.startswith("call_")
    assert results[0].call_id == call.id


@pytest.mark.parametrize(
    ("arguments", "text"), [("{", "{"), ("", ""), (None, ""), ({"a": 1}, '{"a":1}'), ('{"a":1.50}', '{"a":1.50}')]
)
def test_arguments_are_the_exact_text(arguments: Any, text: str) -> None:
    (message,) = _decode({"role": "assistant", "tool_calls": [_call("c", arguments=arguments)]})
    assert message.parts == (ToolCall("c", "f", text),)


def test_a_call_without_an_id_gets_one() -> None:
    (message,) = _decode({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]})
    assert isinstance(message.parts[0], ToolCall)
    assert message.parts[0].id.startswith("call_")


@pytest.mark.parametrize(
    ("message", "where"),
    [
        ({"content": "x"}, "$.messages[0]"),
        ({"role": "king"}, "$.messages[0].role"),
        ({"role": 5}, "$.messages[0].role"),
        ({"role": "user", "content": 5}, "$.messages[0].content"),
        ({"role": "user", "content": {"type": "text"}}, "$.messages[0].content"),
        ({"role": "user", "content": [5]}, "$.messages[0].content[0]"),
        ({"role": "user", "content": [{"type": "text"}]}, "$.messages[0].content[0].text"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, "$.messages[0].content[0].image_url"),
        ({"role": "tool", "content": "x"}, "$.messages[0].tool_call_id"),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "$.messages[0].tool_calls[0].function.name"),
        ({"role": "assistant", "tool_calls": [{"custom": {}}]}, "$.messages[0].tool_calls[0].custom.name"),
        ({"role": "assistant", "function_call": {}}, "$.messages[0].function_call.name"),
    ],
)
def test_wrong_messages_are_named(message: Any, where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        _decode(message)
    assert caught.value.where == where
