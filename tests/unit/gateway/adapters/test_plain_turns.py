"""What is plain is read as the dialect's own reader reads it; what is not is left to that one."""

import json

import msgspec
import pytest

from gateway.adapters.history import decoded
from gateway.adapters.plain_turns import plain_turns, text_of
from gateway.ir.request import Text, ToolCall, ToolResult

CALL = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": '{"path":"a"}'}}
USER = {"role": "user", "content": 'say "hi"\n'}
SYSTEM = {"role": "system", "content": "be brief"}
DEVELOPER = {"role": "developer", "content": "be brief", "name": "d"}
CALLS = {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2", "index": 1}]}
SAYS = {"role": "assistant", "content": "done", "reasoning_content": "hm", "refusal": None}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "ä line\n"}
SECOND = {"role": "tool", "tool_call_id": "c2", "content": "", "name": "read"}


def raws(*messages):
    return [msgspec.Raw(json.dumps(message).encode()) for message in messages]


@pytest.mark.parametrize(
    "said",
    [
        [USER],
        [SYSTEM, DEVELOPER, USER],
        [USER, CALLS, RESULT, SECOND, SAYS, USER],
        [CALLS, SECOND, USER, RESULT],
    ],
)
def test_the_dialects_reader_finds_the_same(said):
    turns = plain_turns(raws(*said))
    messages = decoded("chat", raws(*said))
    assert turns.own == [part.text for m in messages if m.role == "user" for part in m.parts if isinstance(part, Text)]
    parts = [part for message in messages for part in message.parts]
    assert turns.calls == [part for part in parts if isinstance(part, ToolCall)]
    found = {part.call_id: "".join(text.text for text in part.parts) for part in parts if isinstance(part, ToolResult)}
    assert {id_: text_of(content) for id_, content in turns.results} == found


@pytest.mark.parametrize(
    "other",
    [
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
        {"role": "user", "content": "x", "cache_control": {"type": "ephemeral"}},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "x"}]},
        {"role": "tool", "tool_call_id": "", "content": "x"},
        {"role": "tool", "content": "x"},
        {"role": "function", "name": "read", "content": "x"},
        {"role": "assistant", "content": [{"type": "web_search", "text": "x"}]},
        {"role": "assistant", "content": None, "function_call": {"name": "read", "arguments": "{}"}},
        {"role": "assistant", "tool_calls": [{**CALL, "id": ""}]},
        {"role": "assistant", "tool_calls": [{"type": "function", "function": CALL["function"]}]},
        {"role": "assistant", "tool_calls": [{**CALL, "type": "custom", "custom": {"name": "x", "input": "y"}}]},
        {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "", "arguments": "{}"}}]},
        {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "read", "arguments": {"path": "a"}}}]},
        {"role": "owner", "content": "x"},
        {"content": "x"},
        ["x"],
    ],
)
def test_anything_else_is_left_to_it(other):
    assert plain_turns(raws(USER, other, CALLS)) is None


def test_half_a_character_is_not_plain():
    assert plain_turns([msgspec.Raw(b'{"role":"tool","tool_call_id":"c","content":"\\ud800"}')]) is None
