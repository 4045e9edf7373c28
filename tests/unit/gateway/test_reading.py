"""Roles, texts and human words from raw messages of all dialects, within bounds."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from gateway import reading
from tests.unit.gateway.harnesses import shapes as s


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("role", "message"),
    [
        ("user", {"role": "user", "content": "x"}),
        ("user", {"content": "x", "role": "user"}),
        ("user", {"role": "user", "content": 'a text about "tool_result" and {"role":"assistant"}'}),
        ("assistant", {"role": "assistant", "content": "x"}),
        ("system", {"role": "developer", "content": "x"}),
        ("system", {"type": "message", "role": "system", "content": "x"}),
        ("tool", {"role": "tool", "tool_call_id": "c", "content": "x"}),
        ("tool", {"role": "function", "name": "f", "content": "x"}),
        ("tool", {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "x"}]}),
        ("tool", {"content": [{"type": "tool_result", "tool_use_id": "c", "content": "x"}], "role": "user"}),
        ("tool", {"type": "function_call_output", "call_id": "c", "output": "x"}),
        ("tool", {"type": "custom_tool_call_output", "call_id": "c", "output": "x"}),
        ("assistant", {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"role":"user"}'}),
        ("assistant", {"type": "reasoning", "summary": []}),
        ("other", {"type": "item_reference", "id": "x"}),
        ("other", {"role": "critic", "content": "x"}),
        ("other", {}),
        ("other", {"role": 5}),
    ],
)
def test_roles(role: str, message: dict[str, Any]) -> None:
    assert reading.role_of(raw(message)) == role


@pytest.mark.parametrize(
    ("texts", "content"),
    [
        (["x"], "x"),
        (["x", "y"], [{"type": "text", "text": "x"}, {"type": "image", "source": {}}, {"type": "text", "text": "y"}]),
        (["x"], [{"type": "input_text", "text": "x"}, {"type": "tool_result", "content": "no"}]),
        ([], None),
        ([], 5),
        ([], [5]),
        ([], [{"type": "text", "text": 5}]),
    ],
)
def test_texts(texts: list[str], content: Any) -> None:
    assert reading.texts_of(raw({"role": "user", "content": content})) == texts


@pytest.mark.parametrize("filler", ["x", "é", "\\", '"', "\n", "😀"])
def test_of_a_huge_message_only_the_beginning_is_read(filler: str) -> None:
    """Cut in the middle of an escape or of a surrogate pair it must still be text."""
    for shift in range(12):
        text = "fix it " + "a" * shift + filler * 600_000
        message = msgspec.Raw(json.dumps({"role": "user", "content": text}).encode())
        (found,) = reading.texts_of(message)
        assert text.startswith(found)
        assert 1000 < len(found) <= reading.TEXT_CHARS_MAX


def test_a_long_text_is_bounded() -> None:
    (found,) = reading.texts_of(raw({"role": "user", "content": "x" * 100_000}))
    assert len(found) == reading.TEXT_CHARS_MAX


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_the_head_is_the_system_text_wherever_it_stands(dialect: str) -> None:
    head = reading.system_head(s.view(dialect, s.body(dialect, "You are someone. " * 500, ["not this"])))
    assert b"You are someone." in head
    assert b"not this" not in head
    assert len(head) <= reading.HEAD_BYTES + 8


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("do it", "do it"),
        ("do it", '"do it"'),
        ('say "a" and "b"', 'say "a" and "b"'),
        ("do it", "<system-reminder>x</system-reminder>do it<environment_details>y</environment_details>"),
        ("do it", "do it\n<output>never closed"),
        ("do it", "<user_query>do it</user_query>"),
        ("do it\n\nnow", "do it\n```py\nx = 1\n```\nnow"),
        ("do it", "do it\n~~~\nnever closed"),
        ("do it", "do it\n> quoted"),
        ("do it", 'do it\nTraceback (most recent call last):\n  File "x.py", line 1\nValueError: x'),
        ("compare a <b> c", "compare a <b> c"),
        ("", "<system-reminder>x</system-reminder>"),
    ],
)
def test_human_words(words: str, text: str) -> None:
    assert reading.human_words(text) == words


@pytest.mark.parametrize(
    "text", ["<context>" * 2000, "```\n" * 4000, "<" * 16_000, "> \n" * 5000, "Traceback (most" * 1000, " at " * 4000]
)
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    """16,000 characters each; a quadratic reader would need minutes (the suite's time limit fails it)."""
    reading.human_words(text[: reading.TEXT_CHARS_MAX])
