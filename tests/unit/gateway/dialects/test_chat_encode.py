"""A neutral request to a chat body for one upstream: knobs, tools, losses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gateway.dialects._chat_encode import encode_request
from gateway.dialects.contract import Encoded, Target
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import DEFAULT, Profile
from gateway.ir.request import (
    Message,
    OutputFormat,
    Reasoning,
    ReasoningOptions,
    Request,
    ServerTool,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

F = {"type": "function", "function": {"name": "f"}}
ASK = Request(origin="messages", model="asked", messages=(Message("user", (Text("x"),)),))


def _encode(profile: Profile = DEFAULT, *, limit: int | None = None, **fields: Any) -> tuple[dict[str, Any], Encoded]:
    encoded = encode_request(replace(ASK, **fields), Target(model="up", profile=profile, max_output_tokens=limit))
    return msgspec.json.decode(encoded.body), encoded


def test_the_smallest_request() -> None:
    body, encoded = _encode()
    assert body == {"model": "up", "messages": [{"role": "user", "content": "x"}]}
    assert encoded.losses == ()


def test_knobs_are_sent_where_they_are_understood_and_named_where_not() -> None:
    knobs: dict[str, Any] = {
        "temperature": 0.5, "top_p": 0.9, "top_k": 3, "presence_penalty": 1.0, "frequency_penalty": 1.0, "seed": 4,
        "logprobs": True, "top_logprobs": 2, "parallel_tool_calls": False, "tools": (Tool("f"),),
    }  # fmt: skip
    body, encoded = _encode(Profile(top_k=True), **knobs)
    assert encoded.losses == ()
    assert {k: body[k] for k in knobs if k != "tools"} == {k: v for k, v in knobs.items() if k != "tools"}
    refusing = Profile(sampling=False, penalties=False, seed=False, logprobs=False, parallel_field=False)
    body, encoded = _encode(refusing, **knobs)
    assert set(body) == {"model", "messages", "tools"}
    assert set(encoded.losses) == set(knobs) - {"tools"}


def test_bounds() -> None:
    assert _encode(max_output_tokens=9)[0]["max_tokens"] == 9
    openai = Profile(max_tokens_field="max_completion_tokens", stop_max=1)
    body, encoded = _encode(openai, limit=5, max_output_tokens=9, stop=("a", "b"))
    assert (body["max_completion_tokens"], body["stop"]) == (5, ["a"])
    assert encoded.losses == ("stop",)
    assert "max_tokens" not in _encode(limit=5)[0]


def test_streams_always_ask_for_usage() -> None:
    assert _encode(stream=True)[0]["stream_options"] == {"include_usage": True}
    body, _ = _encode(Profile(stream_usage_option=False), stream=True)
    assert body["stream"] is True
    assert "stream_options" not in body


def test_tools() -> None:
    tools = (
        Tool("f", "d", b'{"type":"object","properties":{"q":{}}}', True, cache=b'{"type":"ephemeral"}'),
        Tool("p", "Edits.", kind="custom", format=b'{"type":"text"}'),
        Tool("bare"),
        Tool("n" * 70),
        ServerTool("chat", "web", b'{"type":"web"}'),
    )
    body, _ = _encode(tools=tools)
    f, p, bare, long, web = body["tools"]
    assert f == {
        "type": "function",
        "function": {
            "name": "f",
            "description": "d",
            "parameters": {"type": "object", "properties": {"q": {}}},
            "strict": True,
        },
    }
    assert p["function"]["parameters"]["required"] == ["input"]
    assert bare["function"]["parameters"] == {"type": "object", "properties": {}}
    assert len(long["function"]["name"]) == 64
    assert web == {"type": "web"}
    body, _ = _encode(Profile(custom_tools=True, strict_tools=False, cache_marks=True), tools=tools)
    assert body["tools"][1] == {
        "type": "custom",
        "custom": {"name": "p", "description": "Edits.", "format": {"type": "text"}},
    }
    assert "strict" not in body["tools"][0]["function"]
    assert body["tools"][0]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.case("3A.33")
def test_a_schema_is_never_rewritten() -> None:
    """A parameter without a type goes out as it came in.

    gateways.md 3A.33 (workweave#832)."""
    schema = b'{ "type": "object", "properties": {"any": {"description": "no type"}} , "x": 1.0 }'
    assert schema in _encode(tools=(Tool("f", parameters=schema),))[1].body


@pytest.mark.case("3A.11")
def test_a_vendors_own_tool_is_refused_not_dropped() -> None:
    """An unsupported tool type is an error.

    gateways.md 3A.11 (envoyproxy/ai-gateway#2467)."""
    with pytest.raises(UnsupportedFeature, match="web_search"):
        _encode(tools=(ServerTool("messages", "web_search_20250305", b"{}"),))


@pytest.mark.case("3A.19")
def test_tool_history_without_tools() -> None:
    """Calls and results in the history are sent although the request offers no tools, and no choice goes with them.

    gateways.md 3A.19 (agentgateway#2747)."""
    history = (
        Message("user", (Text("x"),)),
        Message("assistant", (ToolCall("c", "f", "{}"),)),
        Message("tool", (ToolResult("c", (Text("r"),)),)),
    )
    body, _ = _encode(messages=history, tool_choice=ToolChoice("auto"), parallel_tool_calls=True)
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "tool"]
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(body)


@pytest.mark.parametrize(
    ("choice", "profile", "sent", "lost"),
    [
        (ToolChoice("auto"), Profile(), "auto", ()),
        (ToolChoice("none"), Profile(forced_tool_choice=False), "none", ()),
        (ToolChoice("required"), Profile(), "required", ()),
        (ToolChoice("required"), Profile(forced_tool_choice=False), "auto", ("tool_choice",)),
        (ToolChoice("tool", ("f",)), Profile(), {"type": "function", "function": {"name": "f"}}, ()),
        (ToolChoice("tool", ("c",)), Profile(), {"type": "function", "function": {"name": "c"}}, ()),
        (ToolChoice("tool", ("c",)), Profile(custom_tools=True), {"type": "custom", "custom": {"name": "c"}}, ()),
        (ToolChoice("allowed", ("f",), must=True), Profile(), {"type": "function", "function": {"name": "f"}}, ()),
        (ToolChoice("allowed", ("f", "c"), must=True), Profile(), "required", ("tool_choice.allowed_tools",)),
        (
            ToolChoice("allowed", ("f",)),
            Profile(custom_tools=True),
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [F]}},
            (),
        ),
    ],
)  # fmt: skip
def test_tool_choices(choice: ToolChoice, profile: Profile, sent: Any, lost: tuple[str, ...]) -> None:
    body, encoded = _encode(profile, tools=(Tool("f"), Tool("c", kind="custom")), tool_choice=choice)
    assert body["tool_choice"] == sent
    assert encoded.losses == lost


THINKS = Profile(disable_thinking=b'{"type":"disabled"}')


@pytest.mark.parametrize(
    ("options", "profile", "sent", "lost"),
    [
        (ReasoningOptions(effort="high"), Profile(), {"reasoning_effort": "high"}, ()),
        (ReasoningOptions(effort="high"), Profile(effort_field="none"), {}, ("reasoning_effort",)),
        (ReasoningOptions("enabled", budget_tokens=1024), Profile(), {"reasoning_effort": "low"}, ()),
        (ReasoningOptions("enabled", budget_tokens=10_000), Profile(), {"reasoning_effort": "medium"}, ()),
        (ReasoningOptions("enabled", budget_tokens=31_999), THINKS, {"reasoning_effort": "high"}, ()),
        (ReasoningOptions("adaptive"), Profile(), {}, ()),
        (ReasoningOptions("disabled"), THINKS, {"thinking": {"type": "disabled"}}, ()),
        (ReasoningOptions("disabled"), Profile(), {}, ("thinking",)),
        (
            ReasoningOptions(effort="low", summary="auto"),
            Profile(),
            {"reasoning_effort": "low"},
            ("reasoning.summary",),
        ),
    ],
)
def test_reasoning_options(
    options: ReasoningOptions, profile: Profile, sent: dict[str, Any], lost: tuple[str, ...]
) -> None:
    body, encoded = _encode(profile, reasoning=options)
    assert {k: v for k, v in body.items() if k in ("reasoning_effort", "thinking")} == sent
    assert encoded.losses == lost


@pytest.mark.case("3B.42")
def test_thinking_off_and_an_effort_are_never_sent_together() -> None:
    """Claude Code's pair of disabled thinking and an effort does not reach an upstream that answers 400 to it.

    gateways.md 3B.42 (claude-code-hub#1257, claude-code#65863)."""
    body, _ = _encode(THINKS, reasoning=ReasoningOptions("disabled", effort="high"))
    assert body["thinking"] == {"type": "disabled"}
    assert "reasoning_effort" not in body


def test_output_formats() -> None:
    wanted = OutputFormat("json_schema", "my reply", b'{"type":"object"}', True, "d")
    sent = _encode(output_format=wanted)[0]["response_format"]["json_schema"]
    assert sent["schema"] == {"type": "object"}
    assert " " not in sent["name"]
    assert (sent["strict"], sent["description"]) == (True, "d")
    body, encoded = _encode(Profile(json_schema=False), output_format=wanted)
    assert body["response_format"] == {"type": "json_object"}
    assert "JSON" in body["messages"][-1]["content"]
    assert encoded.losses == ("response_format.json_schema",)
    assert _encode(output_format=OutputFormat("json_object"))[0]["response_format"] == {"type": "json_object"}
    assert "response_format" not in _encode(output_format=OutputFormat("text"))[0]


def test_what_belongs_to_another_vendor_stays_there_and_is_named() -> None:
    fields: dict[str, Any] = {
        "user": "u", "metadata": b'{"a":1}', "verbosity": "low", "service_tier": "x", "store": True, "cache_key": "k",
        "include": ("reasoning.encrypted_content",), "extra": {"speed": b'"fast"'},
    }  # fmt: skip
    body, encoded = _encode(**fields)
    assert set(body) == {"model", "messages"}
    assert set(encoded.losses) == {
        "user", "metadata", "verbosity", "service_tier", "store", "prompt_cache_key", "include", "speed",
    }  # fmt: skip
    body, encoded = _encode(Profile(cache_key_field=True), origin="chat", **{**fields, "include": ()})
    assert encoded.losses == ()
    assert (body["metadata"], body["speed"], body["prompt_cache_key"]) == ({"a": 1}, "fast", "k")
    _, encoded = _encode(Profile(unknown_fields="drop"), origin="chat", extra={"speed": b"1"})
    assert encoded.losses == ("speed",)


def test_a_request_of_nothing_is_refused() -> None:
    with pytest.raises(UnsupportedFeature):
        _encode(messages=(Message("assistant", (Reasoning("only thoughts"),)),))
