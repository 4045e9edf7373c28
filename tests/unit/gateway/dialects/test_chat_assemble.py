"""Deltas to blocks: every way in which vendors send tool calls and thoughts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects._chat_assemble import Assembler, DeltaShape
from gateway.errors import UpstreamProtocol
from gateway.ir.events import BlockStart, BlockStop, Delta, Event, Finished, Sealed, fold
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall


def _events(*deltas: Any, seed: bytes = b"seed") -> list[Event]:
    assembler, out = Assembler(seed), []
    for delta in deltas:
        assembler.delta(msgspec.json.decode(msgspec.json.encode(delta), type=DeltaShape), out)
    assembler.close(out)
    return out


def _parts(*deltas: Any) -> tuple[Any, ...]:
    response = fold(_events(*deltas))
    assert not hasattr(response, "status")
    return response.parts  # type: ignore[union-attr]


def _piece(index: Any = None, call_id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    piece = {"index": index, "id": call_id, "function": function or None}
    return {"tool_calls": [{k: v for k, v in piece.items() if v is not None}]}


@pytest.mark.case("3A.25")
def test_a_mixed_delta_is_reasoning_then_text_then_calls() -> None:
    """Reasoning, text and a call in one delta come out in that order, each block closed before the next kind begins.

    gateways.md 3A.25 (Switchyard#387)."""
    mixed = {"content": "t", "reasoning": "r", **_piece(0, "c", "f", "{}")}
    assert _events(mixed) == [
        BlockStart(0, Reasoning()),
        Delta(0, "r"),
        BlockStop(0),
        BlockStart(1, Text("")),
        Delta(1, "t"),
        BlockStop(1),
        BlockStart(2, ToolCall("c", "f", "")),
        Delta(2, "{}"),
        BlockStop(2),
    ]


@pytest.mark.case("3A.3")
def test_the_first_text_after_thinking_is_not_lost() -> None:
    """The delta that ends the thinking by bringing text keeps its text.

    gateways.md 3A.3 (litellm#30765)."""
    assert _parts(
        {"reasoning_content": "r"}, {"reasoning_content": None, "content": "First"}, {"content": " word"}
    ) == (
        Reasoning("r"),
        Text("First word"),
    )


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_under_either_name_and_once_under_both(name: str) -> None:
    assert _parts({name: "a"}, {name: "b"}) == (Reasoning("ab"),)
    assert _parts({"reasoning_content": "a", "reasoning": "a"}) == (Reasoning("a"),)


def test_reasoning_details_are_read_and_their_seals_kept() -> None:
    details = [{"type": "reasoning.text", "text": "a", "signature": "S"}, {"type": "reasoning.encrypted", "data": "E"}]
    assert _parts({"reasoning": "a", "reasoning_details": details[:1]}) == (Reasoning("a", signature="S"),)
    assert Sealed(0, None, "E") in _events({"reasoning_details": details})
    assert _parts({"reasoning_details": details[:1]}) == (Reasoning("a", signature="S"),)


def test_content_as_parts() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}
    assert _parts({"content": [thinking, {"type": "text", "text": "t"}]}) == (Reasoning("r"), Text("t"))


def test_refusals_annotations_and_audio() -> None:
    assert _parts({"refusal": "no"}) == (Refusal("no"),)
    assert _parts({"content": "t"}, {"annotations": [{"type": "url_citation"}]}) == (
        Text("t", annotations=b'[{"type":"url_citation"}]'),
    )
    assert _parts({"audio": {"id": "a"}}) == (Opaque("chat", "audio", b'{"id":"a"}'),)


@pytest.mark.case("3A.15")
def test_empty_deltas_make_no_blocks() -> None:
    """Empty or null content beside tool calls begins no text block.

    gateways.md 3A.15 (agentgateway#2148)."""
    parts = _parts(
        {"role": "assistant", "content": ""}, {"content": None, **_piece(0, "c", "f", "{}")}, {"content": ""}, {}
    )
    assert parts == (ToolCall("c", "f", "{}"),)


@pytest.mark.case("3A.1")
def test_every_piece_of_the_arguments_arrives() -> None:
    """No piece of tool arguments is lost, the first one included, also when other blocks open in between.

    gateways.md 3A.1 (litellm#25321), 3A.2 (litellm#29491)."""
    text = '{"path": "' + "x" * 5000 + '"}'
    pieces = [text[i : i + 7] for i in range(0, len(text), 7)]
    deltas: list[Any] = [{"content": "I will."}, _piece(0, "a", "f", pieces[0]), _piece(1, "b", "g", "{")]
    deltas += [_piece(0, None, None, piece) for piece in pieces[1:]]
    deltas += [{"content": "and"}, _piece(1, "", None, "}")]
    assert _parts(*deltas) == (Text("I will."), ToolCall("a", "f", text), ToolCall("b", "g", "{}"), Text("and"))


@pytest.mark.case("3A.32")
def test_indices_with_gaps_are_numbered_anew() -> None:
    """Tool calls at indices 3 and 7 become blocks 0 and 1.

    gateways.md 3A.32 (workweave#735)."""
    events = _events(_piece(7, "a", "f", "{}"), _piece(3, "b", "g", "{}"))
    assert [e.index for e in events if isinstance(e, BlockStart)] == [0, 1]


@pytest.mark.case("3A.24")
def test_arguments_in_one_shot_are_sent_once() -> None:
    """A call that arrives whole is one call with its arguments once.

    gateways.md 3A.24 (Switchyard #469)."""
    whole = {
        "tool_calls": [
            {"id": "a", "function": {"name": "f", "arguments": '{"a":1}'}},
            {"id": "b", "function": {"name": "f"}},
        ]
    }
    assert _parts(whole) == (ToolCall("a", "f", '{"a":1}'), ToolCall("b", "f", ""))


def test_pieces_without_an_index() -> None:
    assert _parts(_piece(None, "a", "f", "{"), _piece(None, None, None, "}"), _piece(None, "a", None, " ")) == (
        ToolCall("a", "f", "{} "),
    )
    assert _parts(_piece(None, "a", "f", "{}"), _piece(None, "b", "f", "{}")) == (
        ToolCall("a", "f", "{}"),
        ToolCall("b", "f", "{}"),
    )


def test_ids_decide_nothing_where_there_is_an_index() -> None:
    """protocols.md 1.1: old servers sent an empty or a fresh id with every piece."""
    for other in ("", "x"):
        assert _parts(_piece(0, "a", "f", "{"), _piece(0, other, None, "}")) == (ToolCall("a", "f", "{}"),)
    assert _parts(_piece(0, "a", "f", '{"x'), _piece(0, "b", "f", '":1}')) == (ToolCall("a", "f", '{"x":1}'),)


def test_complete_calls_that_share_an_index_are_several_calls() -> None:
    assert _parts(_piece(0, "a", "f", "{}"), _piece(0, "b", "g", '{"x":1}')) == (
        ToolCall("a", "f", "{}"),
        ToolCall("b", "g", '{"x":1}'),
    )


def test_a_name_that_comes_late_loses_nothing() -> None:
    assert _parts(_piece(0, "a", None, '{"x"'), _piece(0, None, "f", ":1}")) == (ToolCall("a", "f", '{"x":1}'),)


def test_missing_ids_are_minted_and_differ() -> None:
    calls = _parts(_piece(0, None, "f", "{}"), _piece(1, "", "f", "{}"))
    assert len({call.id for call in calls}) == 2
    assert all(call.id.startswith("call_") for call in calls)
    other = fold(_events(_piece(0, None, "f", "{}"), seed=b"other reply"))
    assert other.parts[0].id != calls[0].id  # type: ignore[union-attr]


def test_custom_calls_and_the_function_call_of_2023() -> None:
    custom = {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "p", "input": "x"}}]}
    more = {"tool_calls": [{"index": 0, "custom": {"input": "y"}}]}
    assert _parts(custom, more) == (ToolCall("a", "p", "xy", "custom"),)
    (call,) = _parts({"function_call": {"name": "f", "arguments": "{"}}, {"function_call": {"arguments": "}"}})
    assert (call.name, call.arguments) == ("f", "{}")


def test_arguments_as_an_object_keep_their_text() -> None:
    assert _parts(_piece(0, "a", "f", {"b": 1.5, "a": [1]})) == (ToolCall("a", "f", '{"b":1.5,"a":[1]}'),)


@pytest.mark.parametrize("delta", [_piece(0, "a", None, "{}"), _piece(None, None, None, "{}")])
def test_a_call_that_cannot_be_put_together_is_refused(delta: dict[str, Any]) -> None:
    with pytest.raises(UpstreamProtocol, match="tool call"):
        _events(delta)


def test_the_end_knows_what_was_said() -> None:
    assembler, out = Assembler(b""), []
    assembler.delta(DeltaShape(refusal="no"), out)
    assert assembler.finished("stop", None) == Finished("refusal")
