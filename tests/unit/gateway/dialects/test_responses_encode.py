from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.dialects._responses_decode import decode_request
from gateway.dialects._responses_encode import NO_RESULT, call_id, encode_request
from gateway.dialects.contract import Target
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import (
    Image,
    Message,
    Opaque,
    OutputFormat,
    Reasoning,
    ReasoningOptions,
    Refusal,
    Request,
    ServerTool,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

OPENAI = Profile(encrypted_reasoning=True, tool_images=True, custom_tools=True, cache_key_field=True, documents=True)
PLAIN = Profile()
TOOL = Tool("run", "d", b'{"type":"object"}')


def chat(*messages: Message, **fields: Any) -> Request:
    return Request(origin="chat", model="auto", messages=messages or (Message("user", (Text("hi"),)),), **fields)


def sent(request: Request, profile: Profile = OPENAI, **target: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    encoded = encode_request(request, Target(model="up", profile=profile, **target))
    return json.loads(encoded.body), encoded.losses


def said(*parts: Any) -> Message:
    return Message("assistant", parts)


def test_the_smallest_request() -> None:
    body, losses = sent(chat())
    assert body == {
        "model": "up",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "include": ["reasoning.encrypted_content"],
        "store": False,
    }
    assert losses == ()


def test_the_first_system_text_is_the_instructions_and_later_ones_stay_in_place() -> None:
    body, _ = sent(
        chat(
            Message("system", (Text("s"),)),
            Message("user", (Text("u"),)),
            Message("system", (Text("late"),)),
        )
    )
    assert body["instructions"] == "s"
    assert [item["role"] for item in body["input"]] == ["user", "system"]


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


@pytest.mark.case("3A.19")
def test_tool_history_without_tools_is_fine() -> None:
    """A history of calls may be sent without an offer of tools.

    gateways.md case 3A.19 (agentgateway#2747)."""
    body, _ = sent(chat(said(ToolCall("c", "run", "{}")), Message("tool", (ToolResult("c", (Text("x"),)),))))
    assert "tools" not in body
    assert len(body["input"]) == 2


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


def test_blocks_of_others_are_refused() -> None:
    with pytest.raises(UnsupportedFeature):
        sent(chat(said(Opaque("messages", "server_tool_use", b"{}"))))


def test_reasoning_of_others_is_withheld() -> None:
    parts = (Reasoning(text="open"), Reasoning(text="t", signature="sig"), Reasoning(encrypted="R", redacted=True))
    body, _ = sent(chat(Message("user", (Text("u"),)), said(*parts, Text("a"))))
    assert [item["type"] for item in body["input"]] == ["message", "message"]
    body, _ = sent(chat(said(Reasoning(encrypted="E"), Text("a"))), PLAIN)
    assert [item["type"] for item in body["input"]] == ["message"]


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


def test_knobs_without_a_word_here_are_losses() -> None:
    body, losses = sent(
        chat(
            temperature=0.1,
            top_k=5,
            stop=("x",),
            seed=1,
            presence_penalty=0.1,
            frequency_penalty=0.2,
            logprobs=True,
            cache_key="k",
            service_tier="standard_only",
            metadata=b'{"a":1}',
            parallel_tool_calls=True,
            tools=(TOOL,),
            extra={"logit_bias": b"{}"},
        ),
        Profile(sampling=False, parallel_field=False),
    )
    assert set(losses) == {
        *("temperature", "top_k", "stop", "seed", "presence_penalty", "frequency_penalty", "logprobs"),
        *("prompt_cache_key", "service_tier", "metadata", "parallel_tool_calls", "logit_bias"),
    }
    assert set(body) == {"model", "input", "tools", "store"}
    with pytest.raises(UnsupportedFeature):
        sent(chat(n=2))


@pytest.mark.parametrize(
    ("told", "wire"),
    [
        (ReasoningOptions(effort="high"), {"effort": "high"}),
        (ReasoningOptions(mode="enabled", budget_tokens=1024), {"effort": "low", "summary": "auto"}),
        (ReasoningOptions(mode="enabled", budget_tokens=10_000), {"effort": "medium", "summary": "auto"}),
        (ReasoningOptions(mode="enabled", budget_tokens=64_000, display="omitted"), {"effort": "high"}),
        (ReasoningOptions(mode="adaptive"), {"summary": "auto"}),
        (ReasoningOptions(mode="disabled"), {"effort": "none"}),
        (ReasoningOptions(mode="disabled", effort="high"), {"effort": "none"}),
        (ReasoningOptions(), None),
    ],
)
def test_thinking_options(told: ReasoningOptions, wire: Any) -> None:
    """Switched off and an effort at once mean: off.

    gateways.md case 3B.42 (claude-code#65863)."""
    request = replace(chat(reasoning=told), origin="messages")
    assert sent(request)[0].get("reasoning") == wire


def test_formats_and_limits() -> None:
    form = OutputFormat("json_schema", None, b'{"type":"object"}', True, "d")
    body, _ = sent(chat(output_format=form, verbosity="low", max_output_tokens=9_000), max_output_tokens=4_000)
    assert body["text"] == {
        "format": {
            "type": "json_schema",
            "name": "output",
            "schema": {"type": "object"},
            "strict": True,
            "description": "d",
        },
        "verbosity": "low",
    }
    assert body["max_output_tokens"] == 4_000
    assert sent(chat(output_format=OutputFormat("json_object")))[0]["text"] == {"format": {"type": "json_object"}}
    assert "text" not in sent(chat(output_format=OutputFormat("text")))[0]


@pytest.mark.case("3A.33")
def test_a_schema_is_not_rewritten() -> None:
    """A parameter without a type stays without one.

    gateways.md case 3A.33 (workweave#832)."""
    schema = b'{"type":"object","properties":{"any":{"description":"typeless"}},"required":[]}'
    encoded = encode_request(chat(tools=(Tool("t", parameters=schema),)), Target(model="m", profile=OPENAI))
    assert schema in encoded.body


def test_a_trailing_assistant_text_is_no_prefill_here() -> None:
    assert sent(chat(Message("user", (Text("u"),)), said(Text("{"))))[1] == ("prefill",)


def test_the_own_dialect_comes_back_whole() -> None:
    body = {
        "model": "up",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "u"}]},
            {
                "type": "function_call",
                "call_id": "c",
                "name": "spawn",
                "arguments": "{}",
                "namespace": "agents",
                "id": "fc_1",
            },
            {"type": "function_call_output", "call_id": "c", "output": "x"},
            {"type": "local_shell_call", "call_id": "d", "action": {}},
        ],
        "tools": [
            {"type": "function", "name": "run", "parameters": {"type": "object"}},
            {
                "type": "namespace",
                "name": "agents",
                "description": "Agents.",
                "tools": [{"type": "function", "name": "spawn", "parameters": {}, "strict": True}],
            },
            {"type": "web_search"},
            {"type": "mcp", "server_label": "a"},
            {"type": "mcp", "server_label": "b"},
        ],
        "tool_choice": {"type": "web_search"},
        "reasoning": {"effort": "low", "context": "auto"},
        "text": {"verbosity": "low", "other": 1},
        "prompt": {"id": "p"},
        "truncation": "auto",
        "safety_identifier": "s",
        "user": "u",
        "client_metadata": {"a": "b"},
        "stream": True,
        "store": True,
    }
    request = decode_request(json.dumps(body).encode())
    again, losses = sent(request)
    assert losses == ()
    assert again == body
