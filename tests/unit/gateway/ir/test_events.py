"""fold and unfold: a stream and the whole reply it amounts to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.ir.events import (
    Annotated,
    BlockStart,
    BlockStop,
    Delta,
    Event,
    Failed,
    Finished,
    Response,
    Sealed,
    Started,
    UsageReport,
    fold,
    unfold,
)
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage

WORDS = st.text(max_size=12)
SEALS = st.none() | st.text(min_size=1, max_size=8)
PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Refusal, WORDS),
    st.builds(ToolCall, WORDS, WORDS, WORDS),
    st.builds(Reasoning, WORDS, st.lists(WORDS, max_size=3).map(tuple), SEALS, SEALS),
    st.builds(Opaque, st.just("messages"), WORDS, st.binary(max_size=8)),
)
RESPONSES = st.builds(
    Response,
    WORDS,
    WORDS,
    st.lists(PARTS, max_size=4).map(tuple),
    st.sampled_from([Finished("stop"), Finished("length"), Finished("stop_sequence", "END")]),
    st.none() | st.builds(Usage, st.integers(0, 99), st.integers(0, 99)),
    st.none() | st.integers(0, 2**31),
)


@given(RESPONSES)
def test_unfold_then_fold_is_the_same_reply(response: Response) -> None:
    assert fold(unfold(response)) == response


@given(RESPONSES)
def test_unfold_keeps_the_grammar(response: Response) -> None:
    """Started first, Finished last, each block opened once in order and closed before the end."""
    events = unfold(response)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    opened = [event.index for event in events if isinstance(event, BlockStart)]
    closed = [event.index for event in events if isinstance(event, BlockStop)]
    assert opened == closed == list(range(len(response.parts)))


def test_interleaved_tool_calls_stay_apart() -> None:
    events: list[Event] = [
        Started("r", "m"),
        BlockStart(0, ToolCall("a", "read", "")),
        BlockStart(1, ToolCall("b", "write", "")),
        Delta(0, '{"x"'),
        Delta(1, "{}"),
        Delta(0, ":1}"),
        BlockStop(1),
        BlockStop(0),
        Finished("tool_calls"),
    ]
    whole = fold(events)
    assert isinstance(whole, Response)
    assert whole.parts == (ToolCall("a", "read", '{"x":1}'), ToolCall("b", "write", "{}"))
    assert whole.finish.reason == "tool_calls"


def test_usage_reports_are_cumulative() -> None:
    events = [
        Started("r", "m", usage=Usage(input_tokens=10)),
        UsageReport(Usage(output_tokens=3)),
        UsageReport(Usage(output_tokens=5)),
        Finished("stop"),
    ]
    whole = fold(events)
    assert isinstance(whole, Response)
    assert whole.usage == Usage(input_tokens=10, output_tokens=5)


def test_a_seal_and_citations_belong_to_their_block() -> None:
    events = [
        BlockStart(0, Reasoning()),
        Delta(0, "because"),
        Sealed(0, signature="sig"),
        BlockStop(0),
        BlockStart(1, Text("")),
        Delta(1, "so"),
        Annotated(1, b'{"n":1}'),
        Annotated(1, b'{"n":2}'),
        BlockStop(1),
        Finished("stop"),
    ]
    whole = fold(events)
    assert isinstance(whole, Response)
    assert whole.parts == (Reasoning("because", signature="sig"), Text("so", annotations=b'[{"n":1},{"n":2}]'))


def test_a_failed_stream_is_its_failure() -> None:
    failed = Failed("overloaded", "overloaded_error", None, 529)
    assert fold([Started("r", "m"), BlockStart(0, Text("")), Delta(0, "half"), failed]) == failed
