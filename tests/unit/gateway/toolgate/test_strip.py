"""Tools taken out of a request's bytes, in each dialect."""

import json

import pytest

from gateway.dialects import registry
from gateway.errors import PolicyDenied
from gateway.toolgate.strip import without
from tests.support.toolcalls import asking, offered

DIALECTS = ("chat", "messages", "responses")
MARK = {"type": "ephemeral"}


def gone(*names):
    return lambda name, namespace: (f"{namespace}/{name}" if namespace else name) in names


def stripped(dialect, test, **more):
    body = json.dumps(asking(dialect, **more)).encode()
    return json.loads(without(dialect, body, registry.by_name(dialect).read(body), test))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_only_the_tools_change(dialect):
    body = json.dumps(
        asking(dialect, tool_choice="auto" if dialect != "messages" else {"type": "auto"}), indent=2
    ).encode()
    view = registry.by_name(dialect).read(body)
    told = without(dialect, body, view, gone("webfetch"))
    assert json.loads(told)["tools"] == offered(dialect)[:2]
    start, end = body.index(b'"tools"'), body.index(b"]", body.rindex(b'"url"'))
    assert told.startswith(body[:start])
    assert told.endswith(body[end + 1 :].lstrip(b" \n}]")[-40:])
    registry.by_name(dialect).read(told)
    assert without(dialect, body, view, gone("other")) is body


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_tool_left(dialect):
    auto = {"type": "auto"} if dialect == "messages" else "auto"
    told = stripped(dialect, lambda *_: True, tool_choice=auto, parallel_tool_calls=True)
    assert "tools" not in told
    assert "tool_choice" not in told
    assert ("parallel_tool_calls" in told) is (dialect != "chat")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_cache_mark_moves_to_the_tool_before(dialect):
    tools = offered(dialect)
    tools[2]["cache_control"] = MARK
    told = stripped(dialect, gone("webfetch"), tools=tools)
    assert told["tools"][-1]["cache_control"] == MARK
    tools[1]["cache_control"] = {"type": "own"}
    assert stripped(dialect, gone("webfetch"), tools=tools)["tools"][-1]["cache_control"] == {"type": "own"}
    assert stripped(dialect, gone("bash", "read", "webfetch"), tools=tools).get("tools") is None


CHOICES = [
    ("chat", {"type": "function", "function": {"name": "bash"}}),
    ("chat", {"type": "custom", "custom": {"name": "bash"}}),
    ("chat", {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "bash"}}]}}),
    ("messages", {"type": "tool", "name": "bash"}),
    ("responses", {"type": "function", "name": "bash"}),
    ("responses", {"type": "custom", "name": "bash"}),
    ("responses", {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "bash"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "choice"), CHOICES)
def test_a_choice_that_names_what_is_gone_is_refused(dialect, choice):
    with pytest.raises(PolicyDenied, match="tool_choice") as error:
        stripped(dialect, gone("bash"), tool_choice=choice)
    assert error.value.where == "$.tool_choice"
    assert stripped(dialect, gone("webfetch"), tool_choice=choice)["tool_choice"] == choice


@pytest.mark.parametrize(
    ("dialect", "choice"), [("chat", "required"), ("responses", "required"), ("messages", {"type": "any"})]
)
def test_a_demanded_call_needs_a_tool(dialect, choice):
    assert stripped(dialect, gone("bash"), tool_choice=choice)["tool_choice"] == choice
    with pytest.raises(PolicyDenied, match="no tool is left"):
        stripped(dialect, lambda *_: True, tool_choice=choice)


def test_fewer_are_allowed():
    tools = [{"type": "function", "name": name} for name in ("bash", "read")]
    told = stripped("responses", gone("bash"), tool_choice={"type": "allowed_tools", "mode": "auto", "tools": tools})
    assert told["tool_choice"] == {"type": "allowed_tools", "mode": "auto", "tools": tools[1:]}


def test_namespaces_and_vendors_own_tools():
    inner = [{"type": "function", "name": name, "parameters": {}} for name in ("get", "delete")]
    tools = [{"type": "namespace", "name": "mcp__gh", "tools": inner}, {"type": "web_search"}, *offered("responses")]
    told = stripped("responses", gone("mcp__gh/delete", "web_search"), tools=tools)
    assert told["tools"] == [{"type": "namespace", "name": "mcp__gh", "tools": inner[:1]}, *offered("responses")]
    told = stripped("responses", gone("mcp__gh/delete", "mcp__gh/get"), tools=tools)
    assert told["tools"] == tools[1:]
    with pytest.raises(PolicyDenied):
        stripped("responses", gone("web_search"), tools=tools, tool_choice={"type": "web_search"})


def test_functions_of_2023():
    functions = [{"name": "bash", "parameters": {}}, {"name": "read", "parameters": {}}]
    body = asking("chat") | {"functions": functions, "function_call": "auto"}
    del body["tools"]
    raw = json.dumps(body).encode()
    view = registry.by_name("chat").read(raw)
    assert json.loads(without("chat", raw, view, gone("bash")))["functions"] == functions[1:]
    named = json.dumps(body | {"function_call": {"name": "bash"}}).encode()
    with pytest.raises(PolicyDenied, match="function_call"):
        without("chat", named, registry.by_name("chat").read(named), gone("bash"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_equal_tools_give_equal_bytes_in_every_turn(dialect):
    seen = set()
    for turns in range(4):
        history = [{"role": role, "content": str(n)} for n in range(turns) for role in ("assistant", "user")]
        body = json.dumps(asking(dialect, "do it", *history)).encode()
        told = without(dialect, body, registry.by_name(dialect).read(body), gone("bash"))
        start = told.index(b'"tools"')
        seen.add(told[start : told.index(b'"webfetch"', start)])
    assert len(seen) == 1
