import msgspec
import pytest

from gateway.dialects._messages_decode import decode_request
from gateway.dialects._messages_encode import encode_request
from gateway.dialects.contract import Target
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import (
    Message,
    OutputFormat,
    ReasoningOptions,
    Request,
    ServerTool,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

LOOSE = Profile()
OWN = Profile(output_config=True, cache_marks=True, thinking_modes=("enabled", "disabled", "adaptive"), stop_max=64)
HI = (Message("user", (Text("hi"),)),)
TOOL = Tool("n", "d", b'{"type":"object","properties":{"a":{}}}')


def encode(profile=LOOSE, limit=None, **fields):
    fields = {"origin": "chat", "model": "asked", "messages": HI, **fields}
    done = encode_request(Request(**fields), Target(model="up", profile=profile, max_output_tokens=limit))
    return msgspec.json.decode(done.body), done.losses


def test_the_least_request():
    body, losses = encode()
    assert body == {"model": "up", "max_tokens": 8192, "messages": [{"role": "user", "content": "hi"}]}
    assert losses == ()


def test_system_and_developer_messages_lead():
    messages = (Message("system", (Text("a"),)), Message("developer", (Text("b"),)), *HI)
    assert encode(messages=messages)[0]["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert encode(messages=(Message("system", (Text("a"),)), *HI))[0]["system"] == "a"
    alone = encode(messages=(Message("system", (Text("a"),)), Message("system", (Text("title?"),))))[0]
    assert (alone["system"], alone["messages"]) == ("a", [{"role": "user", "content": "title?"}])


@pytest.mark.parametrize(
    ("asked", "limit", "sent"),
    [(None, None, 8192), (None, 5000, 5000), (100, None, 100), (9000, 5000, 5000), (0, None, 1)],
)
def test_max_tokens_is_always_there_and_within_the_model(asked, limit, sent):
    assert encode(max_output_tokens=asked, limit=limit)[0]["max_tokens"] == sent


def test_a_default_bound_leaves_room_for_the_thinking():
    body, _ = encode(reasoning=ReasoningOptions(effort="high"))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 32000}
    assert body["max_tokens"] == 8192 + 32000


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, True, None),
        (ToolChoice("auto"), True, {"type": "auto", "disable_parallel_tool_use": False}),
        (ToolChoice("none"), False, {"type": "none"}),
        (ToolChoice("required"), None, {"type": "any"}),
        (ToolChoice("tool", ("n",)), False, {"type": "tool", "name": "n", "disable_parallel_tool_use": True}),
        (ToolChoice("allowed", ("n",), must=True), None, {"type": "tool", "name": "n"}),
    ],
)
def test_tool_choice(choice, parallel, sent):
    body, losses = encode(tools=(TOOL,), tool_choice=choice, parallel_tool_calls=parallel)
    assert body.get("tool_choice") == sent
    assert losses == ()
    assert "tool_choice" not in encode(tool_choice=choice, parallel_tool_calls=parallel)[0]


def test_allowed_tools_are_reported_and_never_pruned():
    body, losses = encode(tools=(TOOL, Tool("o")), tool_choice=ToolChoice("allowed", ("n", "o"), must=True))
    assert (body["tool_choice"], len(body["tools"])) == ({"type": "any"}, 2)
    assert losses == ("tool_choice allowed_tools",)


def test_forcing_is_downgraded_and_reported_where_it_is_refused():
    body, losses = encode(Profile(forced_tool_choice=False), tools=(TOOL,), tool_choice=ToolChoice("required"))
    assert body["tool_choice"] == {"type": "auto"}
    assert losses


def test_a_forced_tool_leaves_thinking_out():
    body, losses = encode(tools=(TOOL,), tool_choice=ToolChoice("required"), reasoning=ReasoningOptions(effort="low"))
    assert "thinking" not in body
    assert losses == ("reasoning: a forced tool excludes thinking",)


@pytest.mark.case("3A.33")
def test_schemas_keep_their_bytes():
    """A tool schema is not rewritten: only a missing top-level type is added, typeless parameters stay typeless.
    workweave#832: strict-schema rewriting of a typeless parameter -> provider 400."""
    odd = b'{"properties" : {"a":{"description":"any"}} , "x":1.0}'
    request = Request(origin="chat", model="m", messages=HI, tools=(Tool("a", parameters=odd), Tool("b"), TOOL))
    body = encode_request(request, Target(model="up", profile=LOOSE)).body
    assert b'{"type":"object","properties" : {"a":{"description":"any"}} , "x":1.0}' in body
    tools = msgspec.json.decode(body)["tools"]
    assert tools[1]["input_schema"] == {"type": "object", "properties": {}}
    assert tools[2]["input_schema"] == msgspec.json.decode(TOOL.parameters)


def test_custom_tools_become_functions_and_strict_follows_the_profile():
    body, _ = encode(tools=(Tool("p", "patch", kind="custom", format=b'{"type":"grammar"}'), Tool("s", strict=True)))
    assert body["tools"][0]["input_schema"]["required"] == ["input"]
    assert body["tools"][1]["strict"] is True
    assert "strict" not in encode(Profile(strict_tools=False), tools=(Tool("s", strict=True),))[0]["tools"][0]


@pytest.mark.case("3A.19")
def test_history_with_calls_but_no_tools():
    """Calls in the history without any tool are made legal: the tools are declared and forbidden.
    agentgateway#2747 tool history without tools."""
    messages = (
        *HI,
        Message("assistant", (ToolCall("a", "old", "{}"),)),
        Message("tool", (ToolResult("a", (Text("r"),)),)),
    )
    body, _ = encode(messages=messages)
    assert [tool["name"] for tool in body["tools"]] == ["old"]
    assert body["tool_choice"] == {"type": "none"}


@pytest.mark.case("3A.11")
def test_tools_of_other_vendors_are_refused_by_name():
    """A tool type that the target cannot run is an error that names it, never a silent omission.
    envoyproxy/ai-gateway#2467."""
    with pytest.raises(UnsupportedFeature, match="web_search"):
        encode(tools=(ServerTool("responses", "web_search", b"{}"),))
    body, _ = encode(
        tools=(ServerTool("messages", "web_search_20250305", b'{"type":"web_search_20250305","name":"w"}'),)
    )
    assert body["tools"] == [{"type": "web_search_20250305", "name": "w"}]


def test_equal_tools_are_merged_and_different_ones_refused():
    assert len(encode(tools=(TOOL, TOOL))[0]["tools"]) == 1
    with pytest.raises(UnsupportedFeature):
        encode(tools=(TOOL, Tool("n", "other")))
    with pytest.raises(UnsupportedFeature):
        encode(tools=(Tool("n", parameters=b"[]"),))


def test_structured_output():
    wanted = OutputFormat("json_schema", "x", b'{"type":"object"}', strict=True)
    body, _ = encode(OWN, output_format=wanted, reasoning=ReasoningOptions(effort="low"))
    assert body["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {"type": "object"}},
    }
    with pytest.raises(UnsupportedFeature) as caught:
        encode(output_format=wanted)
    assert caught.value.where == "response_format"
    body, losses = encode(output_format=OutputFormat("json_object"))
    assert "JSON" in body["system"]
    assert losses


@pytest.mark.parametrize("fields", [{"n": 2}, {"logprobs": True}, {"top_logprobs": 3}])
def test_what_changes_the_reply_is_refused(fields):
    with pytest.raises(UnsupportedFeature):
        encode(**fields)


def test_knobs_without_a_word_are_reported():
    _, losses = encode(
        seed=1, presence_penalty=0.5, frequency_penalty=0.0, verbosity="low", cache_key="k", service_tier="flex",
        metadata=b"{}", extra={"logit_bias": b"{}"}, reasoning=ReasoningOptions(summary="detailed"), stop=(" ",),
    )  # fmt: skip
    assert set(losses) == {
        "seed", "presence_penalty", "verbosity", "prompt_cache_key", "service_tier", "metadata", "logit_bias",
        "reasoning.summary", "stop: blank sequences",
    }  # fmt: skip


def test_sampling():
    body, losses = encode(temperature=0.3, top_p=0.5, stop=("a", "b", "c", "d", "e"), user="u", stream=True)
    assert (body["temperature"], body["top_p"]) == (0.3, 0.5)
    assert body["stop_sequences"] == ["a", "b", "c", "d"]
    assert (body["metadata"], body["stream"]) == ({"user_id": "u"}, True)
    assert losses == ("stop: more than 4",)
    assert encode(Profile(sampling=False), temperature=0.3)[1] == ("temperature",)
    strict = Profile(verifies_signatures=True)
    assert encode(strict, temperature=1.5)[0]["temperature"] == 1
    body, losses = encode(strict, temperature=0.2, top_p=0.5, top_k=3, reasoning=ReasoningOptions(effort="low"))
    assert not {"temperature", "top_p", "top_k"} & set(body)
    assert losses == ("temperature", "top_p", "top_k")


def test_prefill():
    messages = (*HI, Message("assistant", (Text("{ "),)))
    assert encode(messages=messages)[0]["messages"][1] == {"role": "assistant", "content": "{"}
    with pytest.raises(UnsupportedFeature):
        encode(Profile(prefill=False), messages=messages)


def test_a_request_of_the_same_dialect_keeps_what_only_it_knows():
    body = {
        "model": "m",
        "max_tokens": 0,
        "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "f"}]}],
        "tools": [
            {
                "name": "t",
                "input_schema": {"type": "object"},
                "cache_control": {"type": "ephemeral"},
                "defer_loading": True,
            },
            {"type": "mcp_toolset", "mcp_server_name": "s"},
        ],
        "mcp_servers": [{"type": "url", "name": "s", "url": "https://x"}],
        "thinking": {"type": "between_tools"},
        "output_config": {"task_budget": {"total": 5}},
        "metadata": {"user_id": "u", "other": 1},
        "container": "c",
        "cache_control": {"type": "ephemeral"},
        "speed": "fast",
    }
    request = decode_request(msgspec.json.encode(body))
    done = encode_request(request, Target(model="m", profile=OWN))
    sent = msgspec.json.decode(done.body)
    del body["tools"][0]["defer_loading"]
    assert sent == body
    assert done.losses == ("tools[].defer_loading",)
    bare = msgspec.json.decode(encode_request(request, Target(model="m", profile=Profile(unknown_fields="drop"))).body)
    assert not {"container", "cache_control", "speed", "output_config"} & set(bare)
