import msgspec
import pytest

from gateway.dialects._messages_decode import decode_request
from gateway.errors import MalformedRequest
from gateway.ir.request import (
    Message,
    OutputFormat,
    Reasoning,
    ReasoningOptions,
    ServerTool,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)


def decode(**fields):
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **fields}
    return decode_request(msgspec.json.encode(body))


def test_a_whole_conversation():
    request = decode(
        system=[{"type": "text", "text": "x-anthropic-billing-header: cch=1"}, {"type": "text", "text": "S"}],
        messages=[
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "n", "input": {"x": 1}}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "by the way"},
                    {"type": "tool_result", "tool_use_id": "c1", "content": "r"},
                ],
            },
            {"role": "system", "content": "late"},
        ],
    )
    assert request.messages == (
        Message("system", (Text("S"),)),
        Message("user", (Text("a"),)),
        Message("assistant", (Reasoning("t", signature="s"), ToolCall("c1", "n", '{"x":1}'))),
        Message("tool", (ToolResult("c1", (Text("r"),)),)),
        Message("user", (Text("by the way"),)),
        Message("system", (Text("late"),)),
    )


def test_options():
    request = decode(
        temperature=0.5,
        top_p=1,
        top_k=4,
        stop_sequences=["a"],
        stream=True,
        metadata={"user_id": "u"},
        thinking={"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
        output_config={"effort": "high", "format": {"type": "json_schema", "schema": {"a": 1}}, "task_budget": 5},
        tool_choice={"type": "tool", "name": "n", "disable_parallel_tool_use": True},
        service_tier="standard_only",
        beta=[1],
        nothing=None,
    )
    assert (request.temperature, request.top_p, request.top_k, request.stop) == (0.5, 1.0, 4, ("a",))
    assert (request.user, request.metadata) == ("u", b'{"user_id":"u"}')
    assert request.reasoning == ReasoningOptions("enabled", "high", 2000, display="omitted")
    assert request.output_format == OutputFormat("json_schema", schema=b'{"a":1}')
    assert request.tool_choice == ToolChoice("tool", ("n",))
    assert request.parallel_tool_calls is False
    assert request.stream
    assert request.extra == {"service_tier": b'"standard_only"', "beta": b"[1]", "output_config.task_budget": b"5"}


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ({"type": "auto"}, ToolChoice("auto")),
        ({"type": "any"}, ToolChoice("required")),
        ({"type": "none"}, ToolChoice("none")),
        (None, None),
    ],
)
def test_tool_choice(choice, wanted):
    request = decode(tool_choice=choice)
    assert request.tool_choice == wanted
    assert request.parallel_tool_calls is None


def test_tools_and_server_tools():
    mark = {"type": "ephemeral"}
    request = decode(
        tools=[
            {
                "name": "a",
                "description": "d",
                "input_schema": {"type": "object"},
                "strict": True,
                "cache_control": mark,
            },
            {"type": "custom", "name": "b", "defer_loading": True},
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        mcp_servers=[{"name": "s"}],
    )
    assert request.tools == (
        Tool("a", "d", b'{"type":"object"}', True, cache=b'{"type":"ephemeral"}'),
        Tool("b"),
        ServerTool("messages", "web_search_20250305", b'{"type":"web_search_20250305","name":"web_search"}'),
        ServerTool("messages", "mcp_servers", b'[{"name":"s"}]'),
    )
    assert request.extra == {"tools[].defer_loading": b"true"}


def test_a_mode_only_this_dialect_knows_travels_raw():
    request = decode(thinking={"type": "between_tools"})
    assert request.reasoning is None
    assert request.extra == {"thinking": b'{"type":"between_tools"}'}


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"messages": [{"role": "user"}]}, "$.messages[0].content"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": 1}]}]},
            "$.messages[1].content",
        ),
        ({"temperature": "hot"}, "$.temperature"),
        ({"tools": [1]}, "$.tools[0]"),
        ({"tool_choice": "auto"}, "$.tool_choice"),
        ({"thinking": "on"}, "$.thinking"),
        ({"output_config": {"effort": 5}}, "$.output_config.effort"),
        ({"metadata": {"user_id": 5}}, "$.metadata.user_id"),
        ({"stop_sequences": "x"}, "$.stop_sequences"),
    ],
)
def test_wrong_fields_name_their_path(fields, where):
    with pytest.raises(MalformedRequest) as caught:
        decode(**fields)
    assert (caught.value.where or "").startswith(where)
