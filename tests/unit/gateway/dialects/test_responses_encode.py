from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.dialects._responses_decode import decode_request
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import Message, OutputFormat, Reasoning, ReasoningOptions, Text
from tests.support.requests import PLAIN, TOOL, chat, said, sent


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


def test_reasoning_of_others_is_withheld() -> None:
    parts = (Reasoning(text="open"), Reasoning(text="t", signature="sig"), Reasoning(encrypted="R", redacted=True))
    body, _ = sent(chat(Message("user", (Text("u"),)), said(*parts, Text("a"))))
    assert [item["type"] for item in body["input"]] == ["message", "message"]
    body, _ = sent(chat(said(Reasoning(encrypted="E"), Text("a"))), PLAIN)
    assert [item["type"] for item in body["input"]] == ["message"]


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
