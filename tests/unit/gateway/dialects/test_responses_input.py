from __future__ import annotations

import pytest

from gateway.dialects._responses_input import NO_RESULT, call_id
from gateway.errors import UnsupportedFeature
from gateway.ir.request import Image, Message, Opaque, Reasoning, Refusal, Text, Tool, ToolCall, ToolChoice, ToolResult
from tests.support.requests import PLAIN, TOOL, chat, said, sent


def test_a_conversation_with_tools() -> None:
    body, losses = sent(
        chat(
            Message("user", (Text("u"), Image(url="https://example.com/a"))),
            said(
                Reasoning(encrypted="E", id="rs_1"),
                Text("t"),
                ToolCall("c1", "run", '{"a":1}'),
                ToolCall("c2", "run", ""),
            ),
            Message("tool", (ToolResult("c1", (Text("one"),)), ToolResult("c2", (Text("a"), Image(file_id="f"))))),
            said(Text("a"), Refusal("no")),
            Message("user", (Text("x"), Text(""))),
            tools=(TOOL,),
        )
    )
    assert losses == ()
    assert body["input"][1:] == [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "E"},
        {"type": "message", "role": "assistant", "content": "t"},
        {"type": "function_call", "call_id": "c1", "name": "run", "arguments": '{"a":1}'},
        {"type": "function_call", "call_id": "c2", "name": "run", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "detail": "auto", "file_id": "f"},
            ],
        },
        {
            "type": "message",
            "id": body["input"][7]["id"],
            "role": "assistant",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "a", "annotations": []},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
    ]
    assert body["input"][7]["id"].startswith("msg_")
    assert body["tools"] == [
        {"type": "function", "name": "run", "description": "d", "parameters": {"type": "object"}, "strict": False}
    ]


def test_images_of_results_follow_where_results_cannot_hold_them() -> None:
    body, _ = sent(
        chat(said(ToolCall("c1", "run", "{}")), Message("tool", (ToolResult("c1", (Image(url="https://e.com/a"),)),))),
        PLAIN,
    )
    assert [item["type"] for item in body["input"]] == ["function_call", "function_call_output", "message"]
    assert body["input"][2]["content"][1]["image_url"] == "https://e.com/a"


@pytest.mark.case("3A.35")
def test_a_failed_result_says_so() -> None:
    """The dialect has no error flag, so the text carries it.

    gateways.md case 3A.35 (olla): is_error must survive."""
    results = (
        ToolResult("c1", (Text("no such file"),), is_error=True),
        ToolResult("c2", (Text("error: x"),), is_error=True),
        ToolResult("c3", (), is_error=True),
    )
    calls = [ToolCall(r.call_id, "run", "{}") for r in results]
    body, _ = sent(chat(said(*calls), Message("tool", results)))
    assert [item["output"] for item in body["input"][3:]] == [
        "Error: no such file",
        "error: x",
        "Error: the tool failed",
    ]


@pytest.mark.case("3A.31")
def test_orphans_do_not_break_the_request() -> None:
    """A result without its call becomes a note, a call without a result gets one: the API refuses both.

    gateways.md case 3A.31 (workweave#866, #855), 3A.27 (Switchyard#309)."""
    body, losses = sent(
        chat(
            Message("tool", (ToolResult("gone", (Text("old"),)),)),
            said(ToolCall("c1", "run", "{}"), ToolCall("c2", "run", "{}")),
            Message("tool", (ToolResult("c2", (Text("two"),)),)),
            Message("user", (Text("go on"),)),
        )
    )
    assert [item.get("output") or item.get("name") or item["content"] for item in body["input"]] == [
        [
            {"type": "input_text", "text": "[Result of an earlier tool call, gone]"},
            {"type": "input_text", "text": "old"},
        ],
        "run",
        "run",
        "two",
        NO_RESULT,
        [{"type": "input_text", "text": "go on"}],
    ]
    assert set(losses) == {"tool result without its call", "tool call without a result"}


def test_long_ids_and_names_are_shortened_alike() -> None:
    long = "call_" + "x" * 100
    body, _ = sent(
        chat(
            said(ToolCall(long, "n" * 80, "{}")),
            Message("tool", (ToolResult(long, (Text("x"),)),)),
            tools=(Tool("n" * 80),),
            tool_choice=ToolChoice("tool", ("n" * 80,)),
        )
    )
    one, two = body["input"]
    assert one["call_id"] == two["call_id"] == call_id(long)
    assert len(one["call_id"]) <= 64
    assert one["name"] == body["tools"][0]["name"] == body["tool_choice"]["name"]
    assert len(one["name"]) == 64


def test_blocks_of_others_are_refused() -> None:
    with pytest.raises(UnsupportedFeature):
        sent(chat(said(Opaque("messages", "server_tool_use", b"{}"))))


def test_a_trailing_assistant_text_is_no_prefill_here() -> None:
    assert sent(chat(Message("user", (Text("u"),)), said(Text("{"))))[1] == ("prefill",)
