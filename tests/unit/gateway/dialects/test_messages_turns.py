import msgspec
import pytest

from gateway.dialects._messages_ids import to_wire
from gateway.dialects._messages_turns import TurnWriter, arguments_object, wire_name
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import Audio, File, Image, Message, Opaque, Reasoning, Refusal, Text, ToolCall, ToolResult

PROFILE = Profile(cache_marks=True, tool_images=True, documents=True)


def write(*messages, profile=PROFILE, origin="chat"):
    writer = TurnWriter(origin, profile)
    turns = writer.write(messages)
    return msgspec.json.decode(msgspec.json.encode(turns)), list(writer.losses)


def user(*parts):
    return Message("user", tuple(Text(p) if isinstance(p, str) else p for p in parts))


def assistant(*parts):
    return Message("assistant", tuple(Text(p) if isinstance(p, str) else p for p in parts))


def results(*pairs):
    return Message("tool", tuple(ToolResult(call_id, (Text(text),)) for call_id, text in pairs))


def text(value):
    return {"type": "text", "text": value}


def test_results_come_first_and_in_one_turn_whatever_the_order():
    turns, losses = write(
        user("do"),
        assistant(ToolCall("a", "n", "{}"), ToolCall("b", "n", "{}")),
        results(("b", "2")),
        user("and"),
        results(("a", "1")),
        user("go on"),
    )
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "b", "content": "2"},
        {"type": "tool_result", "tool_use_id": "a", "content": "1"},
        text("and"),
        text("go on"),
    ]
    assert losses == []


@pytest.mark.case("3A.31")
def test_orphans_of_both_kinds():
    """A call without a result gets an error result, a result without a call goes on as text: no 400, nothing lost.
    workweave#866/#855; protocols.md 1.5."""
    turns, losses = write(
        user("do"),
        results(("ghost", "found")),
        assistant(ToolCall("a", "n", "{}")),
        user("never mind"),
        assistant("ok"),
    )
    assert turns[0]["content"] == [text("do"), text("[Result of earlier tool call ghost]"), text("found")]
    filled = turns[2]["content"][0]
    assert (filled["tool_use_id"], filled["is_error"]) == ("a", True)
    assert turns[2]["content"][1] == text("never mind")
    assert len(losses) == 2


@pytest.mark.case("3A.27")
def test_an_orphan_result_never_crashes():
    """History that begins with a tool result is still a legal request.
    Switchyard#309."""
    turns, _ = write(results(("ghost", "r")), user("x"))
    assert [turn["role"] for turn in turns] == ["user"]


def test_a_second_result_for_one_call_is_text():
    turns, _ = write(user("x"), assistant(ToolCall("a", "n", "{}")), results(("a", "1"), ("a", "2")))
    kinds = [block["type"] for block in turns[2]["content"]]
    assert kinds == ["tool_result", "text", "text"]


@pytest.mark.case("3A.35")
def test_is_error_survives():
    """A failed tool result stays marked as failed.
    olla: `is_error` must survive."""
    failed = Message("tool", (ToolResult("a", (Text("boom"),), is_error=True),))
    turns, _ = write(user("x"), assistant(ToolCall("a", "n", "{}")), failed)
    assert turns[2]["content"][0]["is_error"] is True


def test_a_late_system_message_stays_in_place_or_becomes_a_reminder():
    late = Message("system", (Text("careful"),))
    call = assistant(ToolCall("a", "n", "{}"))
    turns, _ = write(user("x"), call, late, results(("a", "1")))
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "system"]
    turns, _ = write(user("x"), call, late, results(("a", "1")), profile=Profile(mid_system=False))
    assert turns[2]["content"][1] == text("<system-reminder>\ncareful\n</system-reminder>")
    assert len(turns) == 3


def test_empty_texts_vanish_and_equal_roles_merge():
    turns, _ = write(user("a", "", "  "), user("b"), assistant(""), user("c"), assistant("x "), assistant("y \n"))
    assert turns == [
        {"role": "user", "content": [text("a"), text("b"), text("c")]},
        {"role": "assistant", "content": [text("x "), text("y")]},
    ]


def test_a_conversation_begins_with_the_user():
    turns, _ = write(assistant("hello"), user("x"))
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    with pytest.raises(UnsupportedFeature):
        write(user(" "))


def test_foreign_ids_are_coded_on_both_sides():
    turns, _ = write(user("x"), assistant(ToolCall("functions.Read:0", "n", "{}")), results(("functions.Read:0", "1")))
    wire = to_wire("functions.Read:0")
    assert turns[1]["content"][0]["id"] == turns[2]["content"][0]["tool_use_id"] == wire


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("", "{}"),
        (" \n", "{}"),
        ('{"a" : 1}', '{"a" : 1}'),
        ('{"a', '{"_raw":"{\\"a"}'),
        ("[1]", '{"_raw":"[1]"}'),
        ("rm -rf", '{"_raw":"rm -rf"}'),
        ('{"a":' + "[" * 5000 + "]" * 5000 + "}", None),
        ("\ud800", None),
    ],
)
def test_arguments_are_always_an_object(arguments, wanted):
    made = arguments_object(arguments)
    assert isinstance(msgspec.json.decode(made), dict)
    assert wanted in (None, made)


def test_reasoning_goes_first_and_only_where_it_may():
    parts = (Text("t"), ToolCall("a", "n", "{}"), Reasoning("hm"))
    turns, _ = write(user("x"), Message("assistant", parts), results(("a", "1")))
    assert [block["type"] for block in turns[1]["content"]] == ["thinking", "text", "tool_use"]
    turns, _ = write(
        user("x"), Message("assistant", parts), results(("a", "1")), profile=Profile(verifies_signatures=True)
    )
    assert [block["type"] for block in turns[1]["content"]] == ["text", "tool_use"]
    turns, _ = write(user("x"), Message("assistant", parts), results(("a", "1")), profile=Profile(thinking_modes=()))
    assert [block["type"] for block in turns[1]["content"]] == ["text", "tool_use"]
    foreign = (Reasoning(encrypted="blob", redacted=True), Text("t"))
    turns, _ = write(user("x"), Message("assistant", foreign), user("y"))
    assert turns[1]["content"] == [text("t")]


def test_media():
    png = Image(None, "iVBORw0", cache=b'{"type":"ephemeral"}')
    turns, losses = write(
        user(png, Image(url="https://x", detail="high"), File("application/pdf", "JV", filename="a.pdf"))
    )
    assert turns[0]["content"] == [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0"},
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "image", "source": {"type": "url", "url": "https://x"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JV"},
            "title": "a.pdf",
        },
    ]
    assert losses == ["image detail"]


def test_text_documents_survive_without_document_support():
    plain = Profile()
    turns, _ = write(user(File("text/plain", "hello", filename="a.txt")), profile=plain)
    assert turns[0]["content"] == [text("a.txt:\nhello")]
    turns, _ = write(user(File("text/markdown", "hello")))
    assert turns[0]["content"][0]["source"] == {"type": "text", "media_type": "text/plain", "data": "hello"}


@pytest.mark.case("3A.30")
def test_images_of_results_follow_them_where_results_cannot_carry_any():
    """Images of tool results are kept: inside the result, or right after all results.
    workweave#965; jcode#276 (splitting the results was refused)."""
    shown = Message("tool", (ToolResult("a", (Text("see"), Image("image/png", "iV"))), ToolResult("b", ())))
    call = assistant(ToolCall("a", "n", "{}"), ToolCall("b", "n", "{}"))
    turns, _ = write(user("x"), call, shown, user("y"))
    assert [block["type"] for block in turns[2]["content"][0]["content"]] == ["text", "image"]
    turns, losses = write(user("x"), call, shown, user("y"), profile=Profile())
    assert [block["type"] for block in turns[2]["content"]] == ["tool_result", "tool_result", "image", "text"]
    assert losses


@pytest.mark.parametrize(
    ("part", "profile"),
    [
        (Audio("x", "wav"), PROFILE),
        (Image(url="https://x"), Profile(images=False)),
        (Image(file_id="f"), PROFILE),
        (File("application/pdf", "JV"), Profile()),
        (Opaque("responses", "item_reference", b"{}"), PROFILE),
        (ToolResult("a", (Audio("x", "wav"),)), PROFILE),
    ],
)
def test_content_that_cannot_go_is_refused(part, profile):
    with pytest.raises(UnsupportedFeature):
        write(Message("user", (Text("x"), part)), profile=profile)


def test_own_opaque_blocks_and_refusals():
    raw = b'{"type":"server_tool_use","id":"s","name":"web_search","input":{}}'
    turns, _ = write(user("x"), assistant(Opaque("messages", "server_tool_use", raw), Refusal("no")), user("y"))
    assert turns[1]["content"] == [msgspec.json.decode(raw), text("no")]


def test_custom_calls_are_wrapped():
    turns, _ = write(user("x"), assistant(ToolCall("a", "patch", "*** Begin", kind="custom")), results(("a", "ok")))
    assert turns[1]["content"][0]["input"] == {"input": "*** Begin"}


def test_names():
    assert wire_name("mcp__server__" + "x" * 100) == "mcp__server__" + "x" * 100
    assert len(wire_name("y" * 129)) <= 64
    assert wire_name("a.b") == wire_name("a.b") != wire_name("a:b")


def test_repeated_ids_become_unique_and_keep_their_results():
    turns, losses = write(
        user("x"),
        assistant(ToolCall("call_0", "n", "{}"), ToolCall("call_0", "m", "{}")),
        results(("call_0", "1"), ("call_0", "2")),
        assistant(ToolCall("call_0", "n", "{}")),
        results(("call_0", "3")),
    )
    calls = [block["id"] for turn in turns for block in turn["content"] if block["type"] == "tool_use"]
    assert calls == ["call_0", "call_0_2", "call_0_3"]
    answers = [(b["tool_use_id"], b["content"]) for t in turns for b in t["content"] if b["type"] == "tool_result"]
    assert answers == [("call_0", "1"), ("call_0_2", "2"), ("call_0_3", "3")]
    assert losses == []
