from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._responses_decode import decode_request, reasoning_of
from gateway.errors import MalformedRequest, UnsupportedFeature
from gateway.ir.request import (
    Image,
    Message,
    Opaque,
    OutputFormat,
    Reasoning,
    ReasoningOptions,
    Refusal,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)


def request(items: Any = "hi", **fields: Any) -> Request:
    return decode_request(json.dumps({"model": "m", "input": items, **fields}).encode())


def call(call_id: str, name: str = "run", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **more}


def output(call_id: str, text: Any = "ok") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def test_a_string_input() -> None:
    assert request("hi").messages == (Message("user", (Text("hi"),)),)


def test_instructions_come_first_and_roles_stay() -> None:
    found = request(
        [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "d"}]},
            {"role": "system", "content": "s"},
            user("u"),
        ],
        instructions="i",
    )
    assert [(m.role, m.parts) for m in found.messages] == [
        ("system", (Text("i"),)),
        ("developer", (Text("d"),)),
        ("system", (Text("s"),)),
        ("user", (Text("u"),)),
    ]


def test_what_the_assistant_did_in_one_go_is_one_message() -> None:
    """A turn of reasoning, text and parallel calls stays together, its results too.

    gateways.md case 3A.31: calls and results torn apart."""
    found = request(
        [
            user("u"),
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "E"},
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {"type": "output_text", "text": "t", "annotations": []},
                    {"type": "refusal", "refusal": "n"},
                ],
            },
            call("c1", id="fc_1"),
            {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** x"},
            output("c1"),
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
            user("next"),
        ]
    )
    assert found.messages[1:] == (
        Message(
            "assistant",
            (
                Reasoning(encrypted="E", id="rs_1"),
                Text("t"),
                Refusal("n"),
                ToolCall("c1", "run", "{}", item_id="fc_1"),
                ToolCall("c2", "patch", "*** x", "custom"),
            ),
        ),
        Message("tool", (ToolResult("c1", (Text("ok"),)), ToolResult("c2", (Text("done"),), kind="custom"))),
        Message("user", (Text("next"),)),
    )


def test_results_move_to_the_turn_they_answer() -> None:
    found = request([call("c1"), call("c2"), output("c2"), user("by the way"), output("c1"), output("lost")])
    assert [(m.role, [getattr(p, "call_id", None) for p in m.parts]) for m in found.messages] == [
        ("assistant", [None, None]),
        ("tool", ["c2", "c1"]),
        ("user", [None]),
        ("tool", ["lost"]),
    ]


@pytest.mark.case("3A.30")
def test_images_inside_a_tool_result_survive() -> None:
    """A result may be an array with pictures.

    gateways.md case 3A.30 (workweave#965), 3A.26 (Switchyard#389)."""
    parts = [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "auto"},
    ]
    found = request([call("c1"), output("c1", parts)])
    assert found.messages[1].parts == (
        ToolResult("c1", (Text("see"), Image(media_type="image/png", data="AA", detail="auto"))),
    )


def test_reasoning_without_a_seal_is_open_text() -> None:
    raw = b'{"type":"reasoning","id":"rs_9","summary":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}'
    assert reasoning_of(raw, "$") == Reasoning(text="a\n\nb", summary=("a", "b"), id="rs_9")
    raw = b'{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"t"}],"encrypted_content":null}'
    assert reasoning_of(raw, "$") == Reasoning(text="t")
    raw = b'{"type":"reasoning","id":"rs_9","summary":[{"type":"summary_text","text":"a"}],"encrypted_content":"E"}'
    assert reasoning_of(raw, "$") == Reasoning(summary=("a",), encrypted="E", id="rs_9")


def test_tools_of_every_kind() -> None:
    found = request(
        tools=[
            {"type": "function", "name": "run", "description": "d", "parameters": {"type": "object"}, "strict": False},
            {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
            {
                "type": "namespace",
                "name": "agents",
                "description": "Agents.",
                "tools": [{"type": "function", "name": "spawn"}, {"type": "custom", "name": "note"}],
            },
            {"type": "web_search", "external_web_access": True},
        ]
    )
    assert found.tools == (
        Tool("run", "d", b'{"type": "object"}', False),
        Tool("patch", kind="custom", format=b'{"type": "grammar", "syntax": "lark", "definition": "x"}'),
        Tool("agents__spawn", namespace="agents", inner="spawn"),
        Tool("agents__note", kind="custom", namespace="agents", inner="note"),
    )
    assert found.extra["namespace.agents"] == b'"Agents."'
    assert json.loads(found.extra["tools.web_search"]) == [{"type": "web_search", "external_web_access": True}]


def test_a_flat_name_gives_way_to_a_plain_one() -> None:
    group = {"type": "namespace", "name": "a", "description": "", "tools": [{"type": "function", "name": "b"}]}
    found = request(
        [call("c1", "b", namespace="a"), output("c1")],
        tools=[group, {"type": "function", "name": "a__b"}],
    )
    names = [tool.name for tool in found.tools if isinstance(tool, Tool)]
    assert names[1] == "a__b"
    assert len(set(names)) == 2
    (first,) = found.messages[0].parts
    assert isinstance(first, ToolCall)
    assert first.name == names[0]


@pytest.mark.parametrize(
    ("wire", "choice"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "run"}, ToolChoice("tool", ("run",))),
        ({"type": "custom", "name": "patch"}, ToolChoice("tool", ("patch",))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "run"}]},
            ToolChoice("allowed", ("run",)),
        ),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "run"}]},
            ToolChoice("allowed", ("run",), must=True),
        ),
        (None, None),
    ],
)
def test_tool_choices(wire: Any, choice: ToolChoice | None) -> None:
    found = request(tool_choice=wire, tools=[{"type": "function", "name": "run"}])
    assert found.tool_choice == choice
    assert "tool_choice" not in found.extra


def test_a_choice_of_a_server_tool_is_kept_as_it_came() -> None:
    found = request(tool_choice={"type": "web_search"})
    assert found.tool_choice is None
    assert found.extra["tool_choice"] == b'{"type": "web_search"}'


def test_the_knobs() -> None:
    found = request(
        stream=True,
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=10,
        parallel_tool_calls=False,
        top_logprobs=2,
        reasoning={"effort": "high", "summary": "auto", "context": "all_turns"},
        text={
            "format": {"type": "json_schema", "name": "n", "schema": {"a": 1}, "strict": True},
            "verbosity": "low",
            "new": 1,
        },
        user="u",
        metadata={"a": "b"},
        prompt_cache_key="k",
        service_tier="flex",
        store=True,
        include=["reasoning.encrypted_content"],
        truncation="auto",
        max_tool_calls=3,
        surprise=[1],
        stream_options={"include_obfuscation": False},
        background=False,
    )
    assert (found.stream, found.temperature, found.top_p, found.max_output_tokens) == (True, 0.5, 0.9, 10)
    assert found.parallel_tool_calls is False
    assert found.reasoning == ReasoningOptions(effort="high", summary="auto")
    assert found.output_format == OutputFormat("json_schema", "n", b'{"a": 1}', True)
    assert (found.verbosity, found.user, found.metadata, found.cache_key) == ("low", "u", b'{"a": "b"}', "k")
    assert (found.service_tier, found.store, found.include) == ("flex", True, ("reasoning.encrypted_content",))
    assert dict(found.extra) == {
        "truncation": b'"auto"',
        "max_tool_calls": b"3",
        "surprise": b"[1]",
        "reasoning.context": b'"all_turns"',
        "text.new": b"1",
    }


def test_thinking_switched_off() -> None:
    assert request(reasoning={"effort": "none"}).reasoning == ReasoningOptions(mode="disabled", effort="none")


def test_items_of_vendor_tools() -> None:
    """What asks the client to act stays, so that another dialect refuses it; records of searches are withheld.

    gateways.md case 3A.11: unsupported tools dropped without a word."""
    shell = {"type": "local_shell_call", "id": "l", "call_id": "c", "status": "completed", "action": {"type": "exec"}}
    answer = {"type": "local_shell_call_output", "id": "c", "output": "{}"}
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    found = request([user("u"), search, shell, answer, {"role": "assistant", "content": "done"}])
    assert [[type(p) for p in m.parts] for m in found.messages] == [[Text], [Opaque], [Opaque], [Text]]
    assert found.messages[1].parts[0] == Opaque("responses", "local_shell_call", json.dumps(shell).encode())
    assert found.messages[2].role == "user"
    assert list(found.extra) == ["input.web_search_call"]


def test_a_prompt_template_belongs_to_its_vendor() -> None:
    found = request([], prompt={"id": "pmpt_1"})
    assert found.messages == (Message("developer", (Opaque("responses", "prompt", b'{"id": "pmpt_1"}'),)),)


@pytest.mark.parametrize(
    ("items", "fields", "where"),
    [
        ("x", {"previous_response_id": "resp_1"}, "$.previous_response_id"),
        ("x", {"conversation": "conv_1"}, "$.conversation"),
        ([{"type": "item_reference", "id": "msg_1"}], {}, "$.input[0]"),
        ([{"id": "msg_1"}], {}, "$.input[0]"),
        ([call("c"), output("c", [{"type": "input_audio", "input_audio": {"data": "A"}}])], {}, "$.input[1].output[0]"),
    ],
)
def test_state_that_is_not_here_is_refused_with_a_cure(items: Any, fields: Any, where: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        request(items, **fields)
    assert caught.value.where == where
    assert caught.value.accepted


@pytest.mark.parametrize(
    ("items", "fields", "where"),
    [
        ([3], {}, "$.input[0]"),
        ([{}], {}, "$.input[0]"),
        ([user("a"), {"role": "robot", "content": "x"}], {}, "$.input[1].role"),
        ([{"role": "user", "content": [{"type": "input_text", "text": 4}]}], {}, "$.input[0].content[0].text"),
        ([{"role": "user", "content": 4}], {}, "$.input[0].content"),
        ([{"type": "function_call", "call_id": "c", "arguments": "{}"}], {}, "$.input[0]"),
        ([{"type": "function_call", "call_id": "c", "name": "n", "arguments": {}}], {}, "$.input[0].arguments"),
        ([{"type": "function_call_output", "output": "x"}], {}, "$.input[0].call_id"),
        ([{"type": "reasoning", "summary": [{"type": "summary_text", "text": 1}]}], {}, "$.input[0].summary[0].text"),
        ("x", {"temperature": "hot"}, "$.temperature"),
        ("x", {"tools": [{"name": "x"}]}, "$.tools[0]"),
        ("x", {"tools": [{"type": "function"}]}, "$.tools[0].name"),
        (
            "x",
            {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "mcp", "name": "a"}]}]},
            "$.tools[0].tools[0]",
        ),
        ("x", {"tool_choice": "perhaps"}, "$.tool_choice"),
        ("x", {"tool_choice": 3}, "$.tool_choice"),
        ("x", {"text": {"format": {"type": "xml"}}}, "$.text.format.type"),
        ("x", {"reasoning": {"effort": 3}}, "$.reasoning.effort"),
        ("x", {"instructions": [user("a")]}, "$.instructions"),
        ("x", {"max_output_tokens": 10**30}, "$.max_output_tokens"),
    ],
)
def test_a_bad_request_is_named(items: Any, fields: Any, where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        request(items, **fields)
    assert caught.value.where == where
