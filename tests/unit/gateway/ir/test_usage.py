"""Token usage: one definition, sums and cumulative reports."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.ir.usage import Usage

COUNTS = st.integers(min_value=0, max_value=10**9)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.sampled_from(["reported", "estimated"]))


def test_fresh_is_what_no_cache_touched() -> None:
    usage = Usage(input_tokens=100, cached_tokens=60, cache_written_tokens=30, output_tokens=7)
    assert usage.fresh_tokens == 10
    assert usage.total_tokens == 107


def test_fresh_is_never_negative() -> None:
    """A vendor whose parts add up to more than the whole must not make a bill negative."""
    assert Usage(input_tokens=10, cached_tokens=8, cache_written_tokens=8).fresh_tokens == 0


def test_a_sum_with_an_estimate_is_an_estimate() -> None:
    assert Usage(1, source="reported").plus(Usage(2, source="estimated")).source == "estimated"
    assert Usage(1, source="estimated").plus(Usage(2)).source == "estimated"
    assert Usage(1).plus(Usage(2)).source == "reported"


@given(USAGES, USAGES)
def test_plus_adds_every_field(one: Usage, two: Usage) -> None:
    total = one.plus(two)
    for name in ("input", "cached", "cache_written", "cache_written_1h", "output", "reasoning"):
        field = f"{name}_tokens"
        assert getattr(total, field) == getattr(one, field) + getattr(two, field)


@given(USAGES, USAGES)
def test_merged_keeps_the_larger_count_and_can_be_repeated(one: Usage, two: Usage) -> None:
    """Reports are cumulative: the same report twice says nothing new, and a later zero takes nothing away."""
    both = one.merged(two)
    assert both.merged(two) == both
    assert both.input_tokens == max(one.input_tokens, two.input_tokens)
    assert both.output_tokens == max(one.output_tokens, two.output_tokens)
    assert both.source == two.source
