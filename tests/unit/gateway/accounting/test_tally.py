from gateway.accounting.tally import KEEP_REASONING_CHARS, Tally
from gateway.ir.events import BlockStart, BlockStop, Delta, Failed, Finished, Sealed, Started, UsageReport
from gateway.ir.request import Reasoning, Text, ToolCall
from gateway.ir.usage import Usage


def fed(*events):
    tally = Tally()
    for event in events:
        tally.feed(event)
    return tally


def test_a_whole_reply():
    tally = fed(
        Started("id", "model", usage=Usage(input_tokens=10)),
        BlockStart(0, Text("")),
        Delta(0, "hello"),
        BlockStop(0),
        BlockStart(1, ToolCall("c1", "run", "")),
        Delta(1, "{}"),
        UsageReport(Usage(input_tokens=10, output_tokens=7)),
        Finished("tool_calls"),
    )
    assert (tally.reply_id, tally.reply_model) == ("id", "model")
    assert tally.tool_call_ids() == ("c1",)
    assert tally.finish == Finished("tool_calls")
    assert tally.text_bytes == len("hello" + "run" + "{}")
    assert tally.billed(99, complete=True) == Usage(input_tokens=10, output_tokens=7)


def test_text_is_measured_in_bytes_either_way():
    """Decoded and forwarded events count alike, beyond ASCII too."""
    decoded = fed(Delta(0, "Größe 大丈夫"), Delta(0, "\ud83d"))
    forwarded = Tally()
    forwarded.plain(len("Größe 大丈夫".encode()) + 3)
    assert decoded.text_bytes == forwarded.text_bytes


def test_reports_are_cumulative():
    tally = fed(UsageReport(Usage(100, 80, output_tokens=1)), UsageReport(Usage(0, 0, output_tokens=50)))
    assert tally.usage == Usage(100, 80, output_tokens=50)


def test_nobody_counted():
    tally = fed(Delta(0, "x" * 41))
    assert tally.billed(30, complete=True) == Usage(input_tokens=30, output_tokens=11, source="estimated")
    assert Tally().billed(30, complete=False) == Usage(input_tokens=30, output_tokens=0, source="estimated")


def test_a_cut_reply_is_billed_for_what_was_delivered():
    tally = fed(Started("", "", usage=Usage(100, 90, output_tokens=1, reasoning_tokens=1)), Delta(0, "x" * 400))
    cut = tally.billed(7, complete=False)
    assert cut == Usage(100, 90, output_tokens=100, reasoning_tokens=1, source="estimated")
    # The vendor's own running count, where it is larger, is a report.
    tally.feed(UsageReport(Usage(100, 90, output_tokens=300)))
    assert tally.billed(7, complete=False).output_tokens == 300
    assert tally.billed(7, complete=False).source == "reported"


def test_nothing_is_nothing():
    assert Tally().nothing() == Usage(source="none")


def test_reasoning_is_kept_for_the_ledger_of_seals():
    tally = fed(
        BlockStart(0, Reasoning()),
        Delta(0, "think"),
        Delta(0, "sum", True, 1),
        Delta(0, "first", True, 0),
        Sealed(0, "sig", None),
        BlockStart(1, Reasoning(encrypted="e", redacted=True)),
    )
    first, second = tally.reasoning()
    assert first == Reasoning("think", ("first", "sum"), "sig")
    assert second.encrypted == "e"
    assert second.redacted


def test_endless_reasoning_is_counted_not_kept():
    tally = fed(BlockStart(0, Reasoning()))
    for _ in range(40):
        tally.feed(Delta(0, "x" * 100_000))
    assert tally.text_bytes == 4_000_000
    assert len(tally.reasoning()[0].text) <= KEEP_REASONING_CHARS + 100_000


def test_failures_are_kept():
    assert fed(Failed("no")).failed == Failed("no")
