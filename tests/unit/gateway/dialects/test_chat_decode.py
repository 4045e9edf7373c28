"""A chat request to the neutral form: top-level fields."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._chat_decode import decode_request
from gateway.errors import MalformedRequest
from gateway.ir.request import Message, OutputFormat, ReasoningOptions, Request, ServerTool, Text, Tool, ToolChoice


def _request(**fields: Any) -> Request:
    return decode_request(json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}], **fields}).encode())


def test_every_knob_has_its_word() -> None:
    request = _request(
        max_tokens=1, max_completion_tokens=2, temperature=0, top_p=0.5, top_k=-1, stop="END", presence_penalty=1,
        frequency_penalty=-1, seed=-7, n=2, logprobs=True, top_logprobs=3, verbosity="low", stream=True,
        stream_options={"include_usage": True}, user="u", prompt_cache_key="k", service_tier="flex", store=True,
        parallel_tool_calls=False, metadata={"a": "b"}, logit_bias={"1": 2}, made_up=[1], nothing=None,
    )  # fmt: skip
    assert request == Request(
        origin="chat", model="m", messages=(Message("user", (Text("x"),)),), max_output_tokens=2, temperature=0, top_p=0.5,
        top_k=-1, stop=("END",), presence_penalty=1, frequency_penalty=-1, seed=-7, n=2, logprobs=True, top_logprobs=3,
        verbosity="low", stream=True, include_usage=True, user="u", cache_key="k", service_tier="flex", store=True,
        parallel_tool_calls=False, metadata=b'{"a": "b"}', extra={"logit_bias": b'{"1": 2}', "made_up": b"[1]"},
    )  # fmt: skip


def test_an_unbounded_bound_is_none() -> None:
    assert _request(max_tokens=-1).max_output_tokens is None
    assert _request(stop=["a", "b"]).stop == ("a", "b")


def test_tools_of_all_kinds() -> None:
    schema = {"type": "object"}
    tools = _request(
        tools=[
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema, "strict": True}},
            {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
            {"type": "web_search", "depth": 1},
        ]
    ).tools
    assert tools == (
        Tool("f", "d", b'{"type": "object"}', True),
        Tool("c", kind="custom", format=b'{"type": "text"}'),
        ServerTool("chat", "web_search", b'{"type": "web_search", "depth": 1}'),
    )
    assert _request(functions=[{"name": "old"}], function_call={"name": "old"}).tools == (Tool("old"),)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice("tool", ("f",))),
        ({"type": "custom", "custom": {"name": "c"}}, ToolChoice("tool", ("c",))),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"function": {"name": "f"}}]}},
            ToolChoice("allowed", ("f",), must=True),
        ),
    ],
)  # fmt: skip
def test_tool_choices(choice: Any, expected: ToolChoice) -> None:
    assert _request(tool_choice=choice).tool_choice == expected


def test_the_function_call_of_2023_is_a_tool_choice() -> None:
    assert _request(function_call="none").tool_choice == ToolChoice("none")
    assert _request(function_call={"name": "f"}).tool_choice == ToolChoice("tool", ("f",))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reasoning_effort": "high"}, ReasoningOptions(effort="high")),
        ({"thinking": {"type": "disabled"}}, ReasoningOptions(mode="disabled")),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, ReasoningOptions(mode="enabled", budget_tokens=9)),
        ({"reasoning": {"effort": "low"}}, ReasoningOptions(effort="low")),
        ({"reasoning": {"enabled": False, "max_tokens": 5}}, ReasoningOptions(mode="disabled", budget_tokens=5)),
        ({}, None),
    ],
)
def test_reasoning_options_of_all_vendors(fields: dict[str, Any], expected: ReasoningOptions | None) -> None:
    assert _request(**fields).reasoning == expected


def test_response_formats() -> None:
    assert _request(response_format={"type": "json_object"}).output_format == OutputFormat("json_object")
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}, "strict": True}}
    assert _request(response_format=wanted).output_format == OutputFormat("json_schema", "n", b'{"a": 1}', True)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"tools": [{"type": "function", "function": {}}]}, "$.tools[0].function.name"),
        ({"tools": [{"type": "custom"}]}, "$.tools[0].custom.name"),
        ({"tools": [{"function": {"name": "f", "parameters": []}}]}, "$.tools[0].function.parameters"),
        ({"tool_choice": "sometimes"}, "$.tool_choice"),
        ({"tool_choice": {"type": "function"}}, "$.tool_choice"),
        ({"response_format": {"type": "xml"}}, "$.response_format"),
        ({"temperature": "hot"}, "$.temperature"),
        ({"seed": 1 << 70}, "$.seed"),
        ({"messages": []}, "$.messages"),
        ({"messages": "hi"}, "$.messages"),
    ],
)
def test_wrong_fields_are_named(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        _request(**fields)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"model":"m","messages":[{"role":"user"}],"model":"n"}',
        b'{"model":"\xff","messages":[{}]}',
        b"{" * 9999,
    ],
)
def test_what_is_no_request_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        decode_request(body)
