"""`MemoryLedger`: the bill as a list."""

from __future__ import annotations

from collections.abc import Callable

from gateway.ir.exchange import LedgerRow, Seen
from gateway.ports import Ledger


class MemoryLedger:
    """Implements `ports.Ledger`. `rows` are in the order in which calls ended; `under_way` those that have not."""

    def __init__(self) -> None:
        self.rows: list[LedgerRow] = []
        self.under_way: dict[str, Callable[[], LedgerRow]] = {}
        self.outcomes: list[Seen] = []
        self.closed = False
        self.lost_rows = 0

    @property
    def queued(self) -> int:
        return 0

    @property
    def last(self) -> LedgerRow:
        """The newest row; AssertionError when there is none."""
        assert self.rows, "no call has been recorded"
        return self.rows[-1]

    def opened(self, request_id: str, look: Callable[[], LedgerRow], /) -> None:
        self.under_way[request_id] = look

    def record(self, row: LedgerRow) -> None:
        if self.closed:
            raise RuntimeError("the ledger is closed")
        self.under_way.pop(row.request_id, None)
        self.rows.append(row)

    def saw(self, outcome: Seen) -> None:
        self.outcomes.append(outcome)

    async def flush(self) -> None: ...

    async def aclose(self) -> None:
        self.closed = True


_: type[Ledger] = MemoryLedger
