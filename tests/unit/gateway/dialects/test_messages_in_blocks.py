import msgspec
import pytest

from gateway.dialects._messages_ids import to_wire
from gateway.errors import UpstreamProtocol
from gateway.ir.events import Annotated, BlockStart, BlockStop, Finished
from gateway.ir.request import Opaque, Reasoning, Text, ToolCall
from tests.support.messages_in import END, START, delta, golden, run, sse, start, stop, whole


def test_server_tools_are_whole_opaque_blocks_and_citations_annotate():
    events = run(golden("anthropic_server_tools.sse"))
    search, found = [event.block for event in events if isinstance(event, BlockStart)][:2]
    assert isinstance(search, Opaque)
    assert msgspec.json.decode(search.raw)["input"] == {"query": "rail signals"}
    assert isinstance(found, Opaque)
    assert found.kind == "web_search_tool_result"
    assert any(isinstance(event, Annotated) and b"web_search_result_location" in event.raw for event in events)
    assert events[-1] == Finished("pause")


@pytest.mark.case("3A.1")
@pytest.mark.case("3A.24")
def test_one_shot_arguments():
    """Arguments told only in the start of the block are not lost.
    litellm#25321 (empty input for every call), Switchyard #469 (arguments emitted once)."""
    made = whole(start(0, type="tool_use", id="a", name="n", input={"x": 1}), stop(0))
    assert made.parts == (ToolCall("a", "n", '{"x":1}'),)
    both = whole(
        start(0, type="tool_use", id="a", name="n", input={}),
        delta(0, "input_json_delta", partial_json='{"y":2}'),
        stop(0),
    )
    assert both.parts == (ToolCall("a", "n", '{"y":2}'),)
    assert made.finish == Finished("tool_calls")


def test_ids_are_minted_when_missing_and_read_back_when_coded():
    made = whole(start(0, type="tool_use", id="", name="n"), start(1, type="tool_use", name="n"), stop(0), stop(1))
    ids = [part.id for part in made.parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 2
    assert all(ids)
    coded = whole(start(0, type="tool_use", id=to_wire("f.x:0"), name="n"))
    assert coded.parts == (ToolCall("f.x:0", "n", "{}"),)


def test_blocks_left_open_are_closed_and_gaps_in_indices_are_closed_up():
    events = run(sse(START, start(3, type="text", text="a"), start(9, type="thinking", thinking="b"), *END))
    assert [event.index for event in events if isinstance(event, BlockStart)] == [0, 1]
    assert [event.index for event in events if isinstance(event, BlockStop)] == [0, 1]


def test_deltas_without_a_start_open_their_block():
    made = whole(delta(0, "text_delta", text="a"), delta(0, "text_delta", text="b"))
    assert made.parts == (Text("ab"),)
    thought = whole(delta(0, "thinking_delta", thinking="a"), delta(5, "signature_delta", signature="s"))
    assert thought.parts == (Reasoning("a"),)


def test_deltas_without_a_type_or_index_are_understood():
    bare = {"type": "content_block_delta", "delta": {"partial_json": '{"a":1}'}}
    made = whole(start(0, type="tool_use", id="a", name="n"), bare, {"type": "content_block_stop"})
    assert made.parts == (ToolCall("a", "n", '{"a":1}'),)
    made = whole(start(0, type="thinking"), {"type": "content_block_delta", "index": 0, "delta": {"thinking": "t"}})
    assert made.parts == (Reasoning("t"),)


@pytest.mark.parametrize(
    "payload",
    [
        delta(0, "input_json_delta", partial_json="{}"),
        start(0, type="tool_use", id="a"),
        start(0, type="client_tool_use", id="a", name="n"),
        start(0, type="function_call"),
        {"type": "content_block_start", "index": 0},
        {"type": "tool_call_event", "name": "rm"},
        {"type": "new_event", "content_block": {"type": "text"}},
        {"type": "content_block_delta", "index": "x", "delta": {}},
    ],
)
def test_what_might_be_an_unseen_tool_call_is_refused(payload):
    with pytest.raises(UpstreamProtocol):
        run(sse(START, payload))


@pytest.mark.parametrize("block", [{"type": "text"}, {"type": "thinking"}])
def test_arguments_in_a_block_of_another_kind_are_refused(block):
    with pytest.raises(UpstreamProtocol):
        run(sse(START, start(0, **block), delta(0, "input_json_delta", partial_json="{}")))
    with pytest.raises(UpstreamProtocol):
        run(sse(START, start(0, type="tool_use", id="a", name="n"), delta(0, "text_delta", text="x")))


def test_new_deltas_are_ignored_in_text_and_merged_into_opaque_blocks():
    made = whole(start(0, type="text", text="a"), delta(0, "sparkle_delta", x=1))
    assert made.parts == (Text("a"),)
    made = whole(start(0, type="compaction", content=""), delta(0, "compaction_delta", content="sum"), stop(0))
    (block,) = made.parts
    assert isinstance(block, Opaque)
    assert msgspec.json.decode(block.raw) == {"type": "compaction", "content": "sum"}
