import pytest

from gateway.testing.ledger import MemoryLedger
from tests.support.rows import row


async def test_rows_in_the_order_in_which_calls_ended():
    ledger = MemoryLedger()
    with pytest.raises(AssertionError):
        _ = ledger.last
    for name in "abc":
        ledger.record(row(name))
    await ledger.flush()
    assert [r.request_id for r in ledger.rows] == ["a", "b", "c"]
    assert ledger.last.request_id == "c"
    assert ledger.queued == ledger.lost_rows == 0


async def test_nothing_after_the_end():
    ledger = MemoryLedger()
    await ledger.aclose()
    with pytest.raises(RuntimeError):
        ledger.record(row("late"))
