from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._responses_encode import encode_request
from gateway.dialects.contract import Target
from gateway.ir.profile import Profile
from gateway.ir.request import Message, ServerTool, Text, Tool, ToolCall, ToolChoice, ToolResult
from tests.support.requests import OPENAI, PLAIN, TOOL, chat, said, sent


@pytest.mark.case("3A.19")
def test_tool_history_without_tools_is_fine() -> None:
    """A history of calls may be sent without an offer of tools.

    gateways.md case 3A.19 (agentgateway#2747)."""
    body, _ = sent(chat(said(ToolCall("c", "run", "{}")), Message("tool", (ToolResult("c", (Text("x"),)),))))
    assert "tools" not in body
    assert len(body["input"]) == 2


def test_custom_tools() -> None:
    grammar = b'{"type":"grammar","grammar":{"syntax":"lark","definition":"start: x"}}'
    request = chat(
        said(ToolCall("c", "patch", "*** x", "custom")),
        Message("tool", (ToolResult("c", (Text("ok"),), kind="custom"),)),
        tools=(Tool("patch", "Edit.", kind="custom", format=grammar),),
        tool_choice=ToolChoice("tool", ("patch",)),
    )
    body, _ = sent(request)
    assert body["tools"] == [
        {
            "type": "custom",
            "name": "patch",
            "description": "Edit.",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
        }
    ]
    assert body["input"][0] == {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** x"}
    assert body["input"][1]["type"] == "custom_tool_call_output"
    assert body["tool_choice"] == {"type": "custom", "name": "patch"}
    body, _ = sent(request, PLAIN)
    assert body["tools"][0]["type"] == "function"
    assert "start: x" in body["tools"][0]["description"]
    assert body["tools"][0]["parameters"]["required"] == ["input"]
    assert json.loads(body["input"][0]["arguments"]) == {"input": "*** x"}
    assert body["input"][1]["type"] == "function_call_output"
    assert body["tool_choice"] == {"type": "function", "name": "patch"}


def test_server_tools_of_others_are_left_out_and_reported() -> None:
    body, losses = sent(chat(tools=(TOOL, ServerTool("messages", "web_search_20250305", b"{}"))))
    assert len(body["tools"]) == 1
    assert losses == ("tools.web_search_20250305",)


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("required"), "required"),
        (ToolChoice("none"), "none"),
        (ToolChoice("tool", ("run",)), {"type": "function", "name": "run"}),
        (
            ToolChoice("allowed", ("run",)),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "run"}]},
        ),
        (
            ToolChoice("allowed", ("run",), must=True),
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "run"}]},
        ),
    ],
)
def test_tool_choices(choice: ToolChoice, wire: Any) -> None:
    assert sent(chat(tools=(TOOL,), tool_choice=choice))[0]["tool_choice"] == wire


def test_a_forced_choice_where_it_is_not_understood() -> None:
    body, losses = sent(chat(tools=(TOOL,), tool_choice=ToolChoice("required")), Profile(forced_tool_choice=False))
    assert body["tool_choice"] == "auto"
    assert losses == ("tool_choice",)


@pytest.mark.case("3A.33")
def test_a_schema_is_not_rewritten() -> None:
    """A parameter without a type stays without one.

    gateways.md case 3A.33 (workweave#832)."""
    schema = b'{"type":"object","properties":{"any":{"description":"typeless"}},"required":[]}'
    encoded = encode_request(chat(tools=(Tool("t", parameters=schema),)), Target(model="m", profile=OPENAI))
    assert schema in encoded.body
