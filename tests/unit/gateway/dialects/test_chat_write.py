"""Neutral messages to chat messages: what chat's rules make of any history."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects._chat_write import MISSING_RESULT, write_messages
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import DEFAULT, Profile
from gateway.ir.request import (
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

PICTURE = Image("image/png", "QUI=")
WRITTEN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUI="}}


def _write(*messages: Message, profile: Profile = DEFAULT) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(write_messages(messages, profile)))
    return written


def _user(*parts: Part) -> Message:
    return Message("user", parts)


def _calls(*ids: str) -> Message:
    return Message("assistant", tuple(ToolCall(i, "f", "{}") for i in ids))


def _results(*results: ToolResult) -> Message:
    return Message("tool", results)


def test_roles_follow_the_profile() -> None:
    history = (Message("developer", (Text("a"),)), _user(Text("u")), Message("system", (Text("late"),), "ops"))
    assert [m["role"] for m in _write(*history)] == ["system", "user", "system"]
    assert [m["role"] for m in _write(*history, profile=Profile(developer_role=True))] == [
        "developer",
        "user",
        "system",
    ]
    assert [m["role"] for m in _write(*history, profile=Profile(mid_system=False))] == ["system", "user", "user"]
    assert _write(*history)[2]["name"] == "ops"


def test_text_is_one_string_and_empty_text_is_left_out() -> None:
    assert _write(_user(Text("a"), Text(""), Text("b"))) == [{"role": "user", "content": "a\n\nb"}]
    assert _write(_user(Text(""))) == [{"role": "user", "content": ""}]
    assert _write(_user(Text(""), PICTURE)) == [{"role": "user", "content": [WRITTEN]}]


def test_cache_marks_go_where_they_are_understood() -> None:
    part = Text("a", cache=b'{"type":"ephemeral"}')
    assert _write(_user(part)) == [{"role": "user", "content": "a"}]
    marked = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    assert _write(_user(part), profile=Profile(cache_marks=True)) == [{"role": "user", "content": [marked]}]
    answer = Message("assistant", (part,))
    assert _write(answer, profile=Profile(cache_marks=True)) == [{"role": "assistant", "content": [marked]}]


def test_an_assistant_turn() -> None:
    parts = (Reasoning("t"), Text("a"), Text("b"), ToolCall("c", "f", '{"x": 1}'))
    written = _write(Message("assistant", parts), _results(ToolResult("c", (Text("r"),))))
    assert written == [
        {
            "role": "assistant",
            "content": "ab",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]
    assert _write(_calls("c"))[0]["content"] is None
    assert _write(Message("assistant", (Refusal("no"),))) == [{"role": "assistant", "content": "no"}]
    assert _write(Message("assistant", (Reasoning("only"),)), _user(Text("u"))) == [{"role": "user", "content": "u"}]


@pytest.mark.case("3B.41")
def test_reasoning_is_passed_back_as_the_upstream_wants_it() -> None:
    """A tool turn carries its reasoning to DeepSeek, under its word, and to nobody who does not ask.

    gateways.md 3B.41 (claude-code-router#1378 and eight more threads)."""
    called = Message("assistant", (Reasoning("t", signature="S"), Reasoning(summary=("s",)), ToolCall("c", "f", "{}")))
    said = Message("assistant", (Reasoning("t"), Text("a")))
    deepseek = Profile(reasoning_field="reasoning_content", echo_reasoning="tool_turns")
    written = _write(called, _results(ToolResult("c", ())), said, profile=deepseek)
    assert written[0]["reasoning_content"] == "t\n\ns"
    assert "reasoning_content" not in written[2]
    vllm = Profile(reasoning_field="reasoning", echo_reasoning="optional")
    assert _write(said, profile=vllm)[0]["reasoning"] == "t"
    assert not any("reasoning" in key for m in _write(called, said) for key in m)


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"b": 1, "a": 1.50}', '{"b": 1, "a": 1.50}'),
        ("", "{}"),
        ("  ", "{}"),
        ('{"broken', '{"_raw":"{\\"broken"}'),
        ("[1]", '{"_raw":"[1]"}'),
    ],
)
def test_arguments_are_always_an_object(arguments: str, sent: str) -> None:
    written = _write(Message("assistant", (ToolCall("c", "f", arguments),)))
    assert written[0]["tool_calls"][0]["function"]["arguments"] == sent


def test_custom_calls_are_custom_or_wrapped() -> None:
    turn = Message("assistant", (ToolCall("c", "patch", 'free "text"', "custom"),))
    assert _write(turn)[0]["tool_calls"][0]["function"] == {"name": "patch", "arguments": '{"input":"free \\"text\\""}'}
    native = _write(turn, profile=Profile(custom_tools=True))[0]["tool_calls"][0]
    assert native == {"id": "c", "type": "custom", "custom": {"name": "patch", "input": 'free "text"'}}


@pytest.mark.case("3A.31")
def test_broken_histories_are_mended() -> None:
    """A call without a result gets an error as its result; a result without a call becomes user text.

    gateways.md 3A.31 (workweave#866, #855); protocols.md 1.5."""
    written = _write(
        _calls("a", "b"), _results(ToolResult("b", (Text("B"),)), ToolResult("zz", (Text("Z"),))), _user(Text("u"))
    )
    assert [m["role"] for m in written] == ["assistant", "tool", "tool", "user", "user"]
    assert written[1] == {"role": "tool", "tool_call_id": "b", "content": "B"}
    assert written[2] == {"role": "tool", "tool_call_id": "a", "content": MISSING_RESULT}
    assert "zz" in written[3]["content"]
    assert "Z" in written[3]["content"]
    interrupted = _write(_calls("a"), _user(Text("stop")))
    assert [m["role"] for m in interrupted] == ["assistant", "tool", "user"]


@pytest.mark.case("3A.27")
def test_an_orphaned_result_alone_is_no_crash() -> None:
    """A request that is nothing but an orphaned tool result is sent as user text.

    gateways.md 3A.27 (Switchyard#309)."""
    assert [m["role"] for m in _write(_results(ToolResult("a", (Text("x"),))))] == ["user"]
    assert [m["role"] for m in _write(_calls("a"))] == ["assistant"]


@pytest.mark.case("3A.30")
def test_images_in_tool_results_follow_all_results() -> None:
    """Images of tool results reach the model in one user message behind all results of the turn.

    gateways.md 3A.30 (workweave#965), 3A.26 (Switchyard#389)."""
    history = (
        _calls("a", "b"),
        _results(ToolResult("a", (Text("A"), PICTURE)), ToolResult("b", (PICTURE,))),
    )
    written = _write(*history)
    assert [m["role"] for m in written] == ["assistant", "tool", "tool", "user"]
    assert written[1]["content"].startswith("A\n")
    assert written[3]["content"][1:] == [WRITTEN, WRITTEN]
    kept = _write(*history, profile=Profile(tool_images=True))
    assert [m["role"] for m in kept] == ["assistant", "tool", "tool"]
    assert kept[1]["content"] == [{"type": "text", "text": "A"}, WRITTEN]
    assert kept[2]["content"] == [WRITTEN]


@pytest.mark.case("3A.35")
def test_a_failed_call_stays_a_failed_call() -> None:
    """The model is told that the tool failed although chat has no field for it.

    gateways.md 3A.35 (olla)."""
    for text, sent in (
        ("no file", "Error: no file"),
        ("Error: x", "Error: x"),
        ("<tool_use_error>x", "<tool_use_error>x"),
    ):
        written = _write(_calls("a"), _results(ToolResult("a", (Text(text),), is_error=True)))
        assert written[1]["content"] == sent
    assert _write(_calls("a"), _results(ToolResult("a", (), is_error=True)))[1]["content"].startswith("Error")


def test_a_cache_mark_on_a_result() -> None:
    result = ToolResult("a", (Text("x"),), cache=b'{"type":"ephemeral"}')
    content = _write(_calls("a"), _results(result), profile=Profile(cache_marks=True))[1]["content"]
    assert content == [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]


def test_documents_and_audio_where_they_are_understood() -> None:
    rich = Profile(documents=True, audio=True)
    written = _write(
        _user(
            File("application/pdf", "QQ==", filename="a.pdf"), File(file_id="f1"), Audio("QQ==", "wav"),
            File("text/plain", "words", filename="n.txt"), Image(url="https://x/y", detail="high"),
            Opaque("chat", "video_url", b'{"type":"video_url"}'),
        ),
        profile=rich,
    )  # fmt: skip
    assert written[0]["content"] == [
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "f1"}},
        {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
        {"type": "text", "text": "[n.txt]\nwords"},
        {"type": "image_url", "image_url": {"url": "https://x/y", "detail": "high"}},
        {"type": "video_url"},
    ]


@pytest.mark.parametrize(
    ("message", "profile"),
    [
        (_user(PICTURE), Profile(images=False)),
        (_user(Image(file_id="f")), Profile()),
        (_user(File("application/pdf", "QQ==")), Profile()),
        (_user(File(url="https://x")), Profile(documents=True)),
        (_user(Audio("QQ==", "wav")), Profile()),
        (_user(Opaque("messages", "search_result", b"{}")), Profile()),
        (_user(ToolCall("c", "f", "{}")), Profile()),
        (Message("assistant", (Opaque("messages", "server_tool_use", b"{}"),)), Profile()),
        (Message("assistant", (PICTURE,)), Profile()),
        (_results(ToolResult("a", (Audio("QQ==", "wav"),))), Profile()),
        (Message("tool", (Text("x"),)), Profile()),
    ],
)
def test_content_without_a_place_is_refused(message: Message, profile: Profile) -> None:
    with pytest.raises(UnsupportedFeature):
        write_messages([message], profile)


def test_the_first_call_of_each_turn_gets_the_seal_that_the_upstream_asks_for() -> None:
    """Gemini 3 answers 400 to a history whose calls it did not sign."""
    history = (_user(Text("u")), _calls("a", "b"), _results(ToolResult("a", ()), ToolResult("b", ())), _calls("c"))
    written = _write(*history, profile=Profile(call_seal=b'{"google":{"thought_signature":"skip"}}'))
    extras = [[call.get("extra_content") for call in m["tool_calls"]] for m in written if "tool_calls" in m]
    assert extras == [[{"google": {"thought_signature": "skip"}}, None], [{"google": {"thought_signature": "skip"}}]]
    assert "extra_content" not in str(_write(*history))
