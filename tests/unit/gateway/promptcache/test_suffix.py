"""Text behind a conversation: always last from the user's side, and nothing before it moves."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects import registry
from gateway.ir.request import Text
from gateway.promptcache.suffix import with_text

TEXT = 'mind "the"\ngap'
MARK = {"type": "ephemeral"}


def body(dialect, *items, **more):
    field = "input" if dialect == "responses" else "messages"
    return json.dumps(
        {"model": "m", field: list(items), "max_tokens": 9, "temperature": 0.50, **more}, indent=1
    ).encode()


def items(dialect, data):
    return json.loads(data)["input" if dialect == "responses" else "messages"]


USER = {"role": "user", "content": "hi"}


def test_a_users_text_goes_on():
    assert items("chat", with_text("chat", body("chat", USER), TEXT)) == [{"role": "user", "content": f"hi\n\n{TEXT}"}]
    assert items("responses", with_text("responses", body("responses", USER), TEXT))[0]["content"] == f"hi\n\n{TEXT}"
    assert items("messages", with_text("messages", body("messages", USER), TEXT)) == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": TEXT}]}
    ]


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_blocks_get_one_more_and_keep_their_marks(dialect):
    kind = "input_text" if dialect == "responses" else "text"
    block = {"type": kind, "text": "hi", "cache_control": MARK}
    (told,) = items(dialect, with_text(dialect, body(dialect, {"role": "user", "content": [block]}), TEXT))
    assert told["content"] == [block, {"type": kind, "text": TEXT}]


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_empty_content(dialect):
    for content in ("", []):
        (told,) = items(dialect, with_text(dialect, body(dialect, {"role": "user", "content": content}), TEXT))
        said = told["content"]
        assert (said if isinstance(said, str) else said[-1]["text"]) == TEXT
        assert "" not in [part.get("text") for part in said if isinstance(part, dict)]


def test_behind_tool_results():
    call = {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "a", "arguments": "{}"}}],
    }
    result = {"role": "tool", "tool_call_id": "c", "content": "r"}
    assert items("chat", with_text("chat", body("chat", USER, call, result), TEXT))[-2:] == [
        result,
        {"role": "user", "content": TEXT},
    ]
    block = {"type": "tool_result", "tool_use_id": "c", "content": "r"}
    last = items("messages", with_text("messages", body("messages", USER, {"role": "user", "content": [block]}), TEXT))[
        -1
    ]
    assert last["content"] == [block, {"type": "text", "text": TEXT}]
    output = {"type": "function_call_output", "call_id": "c", "output": "r"}
    told = items("responses", with_text("responses", body("responses", USER, output), TEXT))
    assert told[-2] == output
    assert told[-1]["content"][0]["text"] == TEXT


def test_a_begun_answer_stays_last():
    begun = {"role": "assistant", "content": "Once"}
    told = items("messages", with_text("messages", body("messages", USER, begun), TEXT))
    assert told[-1] == begun
    assert told[0]["content"][-1]["text"] == TEXT
    only = items("chat", with_text("chat", body("chat", begun), TEXT))
    assert only == [begun, {"role": "user", "content": TEXT}]


def test_a_string_input_becomes_one_message():
    data = json.dumps({"model": "m", "input": "hi"}).encode()
    (told,) = items("responses", with_text("responses", data, TEXT))
    assert [part["text"] for part in told["content"]] == ["hi", TEXT]


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_what_stands_before_and_behind_stays_byte_for_byte(dialect):
    first, last = {"role": "user", "content": "ü  \\u00fc"}, {"role": "user", "content": "last"}
    held = body(dialect, first, {"role": "assistant", "content": "ok"}, last, tools=[{"name": "x"}])
    told = with_text(dialect, held, TEXT)
    assert told.startswith(held[: held.rindex(b'"last"')].rsplit(b"{", 1)[0])
    assert told.endswith(held[held.rindex(b'"last"') + len(b'"last"') + 3 :].lstrip())


words = st.text(max_size=30)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["chat", "messages", "responses"]),
    st.lists(words.filter(len), min_size=1, max_size=4),
    words.filter(len),
)
def test_the_dialect_still_reads_it_and_the_text_is_last(dialect, said, text):
    turns = [{"role": "user" if n % 2 == 0 else "assistant", "content": word} for n, word in enumerate(said)]
    held = body(dialect, *turns)
    told = registry.by_name(dialect).decode_request(with_text(dialect, held, text))
    before = registry.by_name(dialect).decode_request(held)
    users = [m for m in told.messages if m.role == "user"]
    last = users[-1].parts[-1]
    assert isinstance(last, Text)
    assert last.text.endswith(text)
    place = max(n for n, m in enumerate(before.messages) if m.role == "user")
    assert told.messages[:place] == before.messages[:place]
