"""Turns: endings follow from the parts, arguments keep their text."""

from __future__ import annotations

from gateway.testing.scripted.turns import Answer, Call, Cut, Text, Turn, call, say


def test_endings() -> None:
    assert say("x").ending == "stop"
    assert call("bash", command="ls").ending == "tool"
    assert Turn(parts=(Text("x"),), finish="length").ending == "length"


def test_arguments() -> None:
    assert Call("a", {"x": "ä"}).arguments_text == '{"x": "ä"}'
    assert Call("a", "{broken").arguments_text == "{broken"


def test_the_body_is_all_that_is_written() -> None:
    assert Answer(200, (), (b"a", Cut(), b"b"), whole=False).body == b"ab"
