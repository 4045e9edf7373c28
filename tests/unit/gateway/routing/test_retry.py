"""Which failures are repeated on the same endpoint, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    UpstreamConnect,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamProtocol,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from gateway.routing.retry import Rules, delay_s

RULES = Rules(max_attempts=3, backoff_base_s=1.0, backoff_max_s=3.0, jitter=0.5, max_wait_s=30.0)


def delay(error: UpstreamError, attempt: int = 1, *, uniform: float = 1.0, last_hop: bool = True) -> float | None:
    return delay_s(error, attempt, RULES, uniform=uniform, last_hop=last_hop)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (UpstreamConnect("refused"), 1.0),
        (UpstreamProtocol("cut"), 1.0),
        (UpstreamOverloaded("503"), 1.0),
        (UpstreamOverloaded("503", retry_after_s=7.0), 7.0),
        (UpstreamOverloaded("503", retry_after_s=0.0), 0.0),
        (UpstreamOverloaded("no", may_retry=False), None),
        (UpstreamRateLimited("429"), 1.0),
        (UpstreamRateLimited("429", retry_after_s=30.0), 30.0),
        (UpstreamRateLimited("429", retry_after_s=30.1), None),
        (UpstreamRateLimited("429", quota=True), None),
        (UpstreamRateLimited("429", quota=True, retry_after_s=1.0), None),
        (UpstreamTimeout("t", phase="connect"), 1.0),
        (UpstreamTimeout("t", phase="idle"), 1.0),
        (UpstreamTimeout("t", phase="first_byte"), None),
        (UpstreamTimeout("t", phase="first_token"), None),
        (UpstreamTimeout("t", phase="total"), None),
        (UpstreamRejected("400", status=400), None),
        (UpstreamRejected("402", status=402, try_next=True), None),
    ],
)
def test_each_failure(error: UpstreamError, seconds: float | None) -> None:
    assert delay(error) == seconds


@pytest.mark.parametrize(("asked_s", "seconds"), [(1.0, 1.0), (1.1, None)])
def test_a_long_wait_is_spent_on_another_hop_while_there_is_one(asked_s: float, seconds: float | None) -> None:
    assert delay(UpstreamRateLimited("429", retry_after_s=asked_s), last_hop=False) == seconds


def test_the_pause_doubles_up_to_its_bound_and_attempts_end() -> None:
    assert [delay(UpstreamConnect("x"), attempt) for attempt in (1, 2, 3, 4)] == [1.0, 2.0, None, None]
    assert delay_s(UpstreamConnect("x"), 9, Rules(10, 1.0, 3.0, 0.0), uniform=0.5, last_hop=True) == 3.0


@given(attempt=st.integers(1, 2), uniform=st.floats(0, 1, exclude_max=True))
def test_chance_only_shortens(attempt: int, uniform: float) -> None:
    pause = delay(UpstreamConnect("x"), attempt, uniform=uniform)
    assert pause is not None
    assert 2 ** (attempt - 1) * (1 - RULES.jitter) <= pause <= 2 ** (attempt - 1)
