"""The same conversation gives the same turns in all three dialects; odd items say nothing and break nothing."""

import json

import msgspec
import pytest

from classifiers.features.facts import facts_of
from classifiers.features.turns import Turn
from classifiers.features.view import view_of
from gateway.adapters import turns
from gateway.adapters.turns import LONG_BYTES, conversation_of, decoded_bytes, human_of, turns_of
from gateway.reading import DECODE_BYTES_MAX
from tests.unit.gateway.harnesses import shapes as s


def raw(item) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(item).encode())


TALK = ["add a cache", ("assistant", "I look."), ("call", "read"), ("result", "text of a file"), "go on"]


@pytest.mark.parametrize("dialect", s.PATHS)
def test_a_conversation_in_every_dialect(dialect):
    view = s.view(dialect, s.body(dialect, "You are an agent. Migrate nothing.", TALK, ("read", "bash")))
    found = conversation_of(view, dialect)
    assert found.tools == ("read", "bash")
    assert found.turns == (
        Turn("human", text="add a cache"),
        Turn("agent", text="I look."),
        Turn("call", tool="read", arguments="{}", id="c1"),
        Turn("result", text="text of a file", id="c1"),
        Turn("human", text="go on"),
    )


def test_all_dialects_give_one_view():
    views = [view_of(conversation_of(s.view(d, s.body(d, "sys", TALK, ("read",))), d)) for d in s.PATHS]
    assert views[0] == views[1] == views[2]
    assert views[0].ask == "add a cache"


def test_the_text_of_a_message_is_one_turn():
    blocks = [{"type": "text", "text": "<system-reminder>x</system-reminder>"}, {"type": "text", "text": "fix it"}]
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    (turn,) = turns_of(raw({"role": "user", "content": [*blocks, image]}), "chat")
    assert turn.text.endswith("fix it")
    assert turn.images == 1


def test_a_messages_turn_with_results_and_words():
    item = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": [{"type": "text", "text": "no"}]},
            {"type": "tool_result", "tool_use_id": "b"},
            {"type": "text", "text": "stop that"},
        ],
    }
    assert turns_of(raw(item), "messages") == [
        Turn("result", text="no", id="a", is_error=True),
        Turn("result", id="b"),
        Turn("human", text="stop that"),
    ]


@pytest.mark.parametrize(
    ("item", "turn"),
    [
        ({"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Add File: a"},
         Turn("call", tool="apply_patch", arguments="*** Add File: a", id="c")),
        ({"type": "local_shell_call", "call_id": "c", "action": {"command": ["ls"]}},
         Turn("call", tool="shell", arguments='{"command": ["ls"]}', id="c")),
        ({"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
         Turn("result", text="x", id="c")),
        ({"type": "function_call_output", "call_id": "c", "output": "x", "status": "failed"},
         Turn("result", text="x", id="c", is_error=True)),
        ({"type": "function_call_output", "call_id": "c", "output": {"a": 1}}, Turn("result", text='{"a": 1}', id="c")),
    ],
)  # fmt: skip
def test_items_of_responses(item, turn):
    assert turns_of(raw(item), "responses") == [turn]


def test_names_of_2023():
    item = {"role": "assistant", "content": None, "function_call": {"name": "bash", "arguments": '{"command": "ls"}'}}
    assert turns_of(raw(item), "chat") == [Turn("call", tool="bash", arguments='{"command": "ls"}', id="bash")]
    assert turns_of(raw({"role": "function", "name": "bash", "content": "x"}), "chat") == [
        Turn("result", text="x", id="bash")
    ]


@pytest.mark.parametrize(
    "item",
    [
        {"role": "system", "content": "migrate"}, {"role": "developer", "content": "migrate"}, {"role": "user", "content": 3},
        {"role": "wizard", "content": "x"}, {"type": "reasoning", "summary": []}, {"type": "item_reference", "id": "x"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]}, {"role": "assistant", "content": ""}, [], "x",
        {"type": "function_call", "call_id": "c"},
    ],
)  # fmt: skip
def test_what_says_nothing(item):
    assert turns_of(raw(item), "responses") == []


def test_broken_bytes_say_nothing():
    assert turns_of(msgspec.Raw(b'{"role": "user", "content": "\xff'), "chat") == []
    assert turns_of(msgspec.Raw(b'{"role":"user","content":' + b"[" * 50_000), "chat") == []


def test_a_message_too_long_to_decode_is_read_at_its_beginning():
    long = {"role": "user", "content": "fix the parser " + "x" * DECODE_BYTES_MAX}
    (turn,) = turns_of(raw(long), "chat")
    assert turn.kind == "human"
    assert turn.text.startswith("fix the parser")
    tool = {"role": "tool", "content": "y" * DECODE_BYTES_MAX, "tool_call_id": "c"}
    (result,) = turns_of(raw(tool), "chat")
    assert result.kind == "result"


def test_what_one_client_appends_is_taken_away_by_its_file():
    view = s.view("chat", s.body("chat", s.AIDER_HEAD, [*s.AIDER_EXAMPLES, "fix a.py" + s.AIDER_RULES]))
    assert view_of(conversation_of(view, "chat", "aider")).ask == "fix a.py"
    assert human_of("opencode") is None
    assert human_of("nobody") is None


LONG = {
    "code": "".join(f'{n}\t    a["{n}"] = "\\\\" + b  # é\n' for n in range(400)),
    "chinese": "".join(f"第 {n} 行\n" for n in range(2000)),
    "one word": "x" * 9000,
    "words at one end": "a b " * 900 + "x" * 3000,
    "emoji and quotes": '"😀" ' * 3000,
    "backslashes": "\\ " * 4000,
}


def result(dialect: str, text: str) -> dict:
    block = {"type": "tool_result", "tool_use_id": "c", "content": text}
    return {
        "chat": {"role": "tool", "tool_call_id": "c", "content": text},
        "responses": {"type": "function_call_output", "call_id": "c", "output": text},
        "messages": {"role": "user", "content": [block]},
    }[dialect]


@pytest.mark.parametrize("ascii_", [False, True])
@pytest.mark.parametrize("spaced", [False, True])
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("dialect", s.PATHS)
def test_of_a_long_result_the_ends_are_read_as_if_all_were(dialect, text, spaced, ascii_, monkeypatch):
    item = result(dialect, text)
    separators = (", ", ": ") if spaced else (",", ":")
    for more in ({}, {"name": "read"}, {"status": "completed"}):
        said = msgspec.Raw(json.dumps(item | more, separators=separators, ensure_ascii=ascii_).encode())
        found = turns_of(said, dialect)
        with monkeypatch.context() as whole:
            whole.setattr(turns, "LONG_BYTES", 1 << 30)
            assert list(map(facts_of, found)) == list(map(facts_of, turns_of(said, dialect)))


@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_a_long_result_costs_no_more_than_a_short_one(dialect):
    said = raw(result(dialect, LONG["code"]))
    (turn,) = turns_of(said, dialect)
    assert len(turn.text) < len(LONG["code"]) / 4
    assert decoded_bytes(said) == LONG_BYTES
    assert decoded_bytes(raw(result(dialect, "x y" * 100_000))) > 300_000  # might have to be decoded whole
    assert decoded_bytes(raw(result(dialect, "x"))) < 100
    assert decoded_bytes(raw({"role": "system", "content": "x" * 9000})) == 0
