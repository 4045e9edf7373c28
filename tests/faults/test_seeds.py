"""Thousands of schedules in which everything goes wrong at once, on virtual time. `make faults N=…` plays more of them.

`FAULTS_N` (default 2,000) and `FAULTS_FIRST` (0) choose the seeds. A failure names the command that replays it.
"""

import os

import pytest

from tests.faults import stage
from tests.faults.__main__ import broken, replay
from tests.faults.schedule import make
from tests.faults.shrink import kind_of, shrink

N, FIRST = int(os.environ.get("FAULTS_N", "2000")), int(os.environ.get("FAULTS_FIRST", "0"))
BLOCK = 50


@pytest.mark.timeout(300)
@pytest.mark.parametrize("start", range(FIRST, FIRST + N, BLOCK))
def test_promises_hold(start):
    failures = broken(range(start, min(start + BLOCK, FIRST + N)))
    told = "\n".join(f"{replay(seed)}  # {'; '.join(problems)[:500]}" for seed, problems in failures)
    assert not failures, f"{len(failures)} of {BLOCK} seeds broke a promise; replay with\n{told}"


@pytest.mark.parametrize("seed", [3, 23, 145, 2032])
def test_a_seed_replays_exactly(seed):
    assert stage.run(make(seed)).digest() == stage.run(make(seed)).digest()


def test_a_failing_schedule_is_made_small():
    def no_rows(gateway):
        gateway.ports.ledger.record = lambda row: None

    original = stage.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "run", lambda schedule: original(schedule, no_rows))
        big = next(make(seed) for seed in range(100) if len(make(seed).asks) >= 4)
        small = shrink(big)
        assert len(small.asks) == 1
        assert small.asks[0].index in {ask.index for ask in big.asks}
        assert "rows in the ledger" in kind_of(stage.run(small).problems[0])
