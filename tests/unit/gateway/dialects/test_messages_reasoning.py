import msgspec
import pytest

from gateway.dialects._messages_ids import to_wire
from gateway.dialects._messages_read import read
from gateway.dialects._messages_reasoning import block_of, rewrite_reasoning, seen_reasoning, without_reasoning
from gateway.dialects.contract import SeenReasoning
from gateway.ir.profile import Profile
from gateway.ir.request import Reasoning

LOOSE = Profile()
STRICT = Profile(verifies_signatures=True)
THINK = {"type": "thinking", "thinking": "hm", "signature": "sig"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "t", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "r"}]}


def request(*messages, **fields):
    user = {"role": "user", "content": "hi"}
    return msgspec.json.encode({"model": "m", "max_tokens": 9, "messages": [user, *messages], **fields})


def assistant(*blocks):
    return {"role": "assistant", "content": list(blocks)}


def test_traces_are_seen_with_seal_and_calls():
    redacted = {"type": "redacted_thinking", "data": "blob"}
    unsigned = {"type": "thinking", "thinking": "x", "signature": ""}
    foreign = {**CALL, "id": to_wire("functions.Read:0")}
    body = request(
        assistant(THINK, redacted, {"type": "text", "text": "t"}, CALL, foreign), RESULT, assistant(unsigned)
    )
    calls = ("toolu_1", "functions.Read:0")
    assert seen_reasoning(read(body)) == [
        SeenReasoning((1, 0), "sig", calls),
        SeenReasoning((1, 1), "blob", calls),
        SeenReasoning((3, 0), None, ()),
    ]


def test_a_turn_of_calls_without_thinking_is_a_gap():
    body = request(assistant(CALL), RESULT)
    assert seen_reasoning(read(body)) == [SeenReasoning((1, -1), None, ("toolu_1",), missing=True)]


def test_adjacent_assistant_messages_are_one_turn():
    body = request(assistant(THINK), assistant(CALL), RESULT)
    assert seen_reasoning(read(body)) == [SeenReasoning((1, 0), "sig", ("toolu_1",))]


def test_words_in_text_are_not_traces():
    body = request(
        assistant({"type": "text", "text": "thinking about tool_use"}), {"role": "user", "content": "thinking"}
    )
    assert seen_reasoning(read(body)) == []


def test_a_dropped_trace_leaves_the_rest_of_the_body():
    body = request(assistant(THINK, CALL), RESULT, top_p=0.50)
    done = rewrite_reasoning(body, read(body), [(1, 0)], {}, LOOSE)
    assert done == body.replace(msgspec.json.encode(THINK) + b",", b"")
    assert rewrite_reasoning(body, read(body), [], {}, LOOSE) is body
    assert rewrite_reasoning(body, read(body), [(1, 7), (1, -1), (99, 0)], {99: (Reasoning("x"),)}, LOOSE) == body


def test_a_message_left_empty_goes():
    body = request(assistant(THINK), {"role": "user", "content": "more"})
    done = msgspec.json.decode(rewrite_reasoning(body, read(body), [(1, 0)], {}, LOOSE))
    assert [m["role"] for m in done["messages"]] == ["user", "user"]


@pytest.mark.parametrize("content", ["answer", [{"type": "text", "text": "answer"}, CALL], []])
def test_a_restored_trace_stands_first(content):
    body = request({"role": "assistant", "content": content}, RESULT)
    traces = (Reasoning("hm", signature="sig"), Reasoning(encrypted="blob", redacted=True))
    done = msgspec.json.decode(rewrite_reasoning(body, read(body), [], {1: traces}, STRICT))
    blocks = done["messages"][1]["content"]
    rest = [{"type": "text", "text": "answer"}] if content == "answer" else content
    assert blocks == [THINK, {"type": "redacted_thinking", "data": "blob"}, *rest]


def test_a_foreign_trace_is_replaced_by_the_true_one():
    body = request(assistant({**THINK, "signature": "foreign"}, CALL), RESULT)
    done = rewrite_reasoning(body, read(body), [(1, 0)], {1: (Reasoning("hm", signature="sig"),)}, STRICT)
    assert done == request(assistant(THINK, CALL), RESULT)


@pytest.mark.case("3B.38")
@pytest.mark.case("3B.39")
def test_no_seal_is_invented():
    """Thinking that a verifying vendor did not seal never reaches it, and no seal is made up.
    weave-os/router#860 (57 of 152 turns 400 "invalid signature"), openclaw#91205, cc-switch#7226 (sessions bricked)."""
    assert block_of(Reasoning("hm"), STRICT) is None
    assert block_of(Reasoning("hm"), LOOSE) == {"type": "thinking", "thinking": "hm", "signature": ""}
    assert block_of(Reasoning(summary=("a", "b")), LOOSE) == {"type": "thinking", "thinking": "a\n\nb", "signature": ""}
    assert block_of(Reasoning(redacted=True), LOOSE) is None
    assert block_of(Reasoning(), LOOSE) is None


@pytest.mark.case("3B.40")
def test_the_repair_of_a_reasoning_400():
    """A request refused for its thinking can be sent once more without any, with thinking off and nothing that needs it.
    nguyenphutrong/quotio#218; claude-code#11773 for clear_thinking."""
    body = request(
        assistant(THINK, CALL),
        RESULT,
        thinking={"type": "enabled", "budget_tokens": 2000},
        output_config={"effort": "max"},
        context_management={"edits": [{"type": "clear_thinking_20251015"}, {"type": "clear_tool_uses_20250919"}]},
    )
    done = msgspec.json.decode(without_reasoning(body, read(body), LOOSE))
    assert done["messages"][1]["content"] == [CALL]
    assert done["thinking"] == {"type": "disabled"}
    assert "output_config" not in done
    assert done["context_management"] == {"edits": [{"type": "clear_tool_uses_20250919"}]}


@pytest.mark.parametrize(
    ("profile", "thinking"),
    [
        (Profile(thinking_modes=()), None),
        (Profile(thinking_modes=("adaptive",)), {"type": "adaptive"}),
        (Profile(thinking_modes=(), disable_thinking=b'{"type":"off"}'), {"type": "off"}),
    ],
)
def test_off_is_said_as_the_profile_says_it(profile, thinking):
    body = request(assistant(THINK, {"type": "text", "text": "x"}), thinking={"type": "adaptive"})
    done = msgspec.json.decode(without_reasoning(body, read(body), profile))
    assert done.get("thinking") == thinking
    assert b'"thinking":"hm"' not in msgspec.json.encode(done)


def test_a_request_without_thinking_is_returned_as_it_is():
    body = request(
        assistant({"type": "text", "text": "x"}), thinking={"type": "disabled"}, output_config={"effort": "low"}
    )
    assert without_reasoning(body, read(body), LOOSE) is body
