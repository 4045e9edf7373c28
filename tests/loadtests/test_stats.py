"""Percentiles, ratios inside a round, what a target adds."""

from __future__ import annotations

import math

import pytest

from loadtests import stats


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert stats.percentile(values, 0.5) == 50
    assert stats.percentile(values, 0.99) == 99
    assert stats.percentile(values, 1) == 100
    assert stats.percentile(values, 0) == 1
    assert stats.percentile([7.0], 0.99) == 7


def test_percentile_of_nothing_is_unknown() -> None:
    assert math.isnan(stats.percentile([], 0.5))


def test_median_leaves_out_what_is_unknown() -> None:
    assert stats.median([1.0, math.nan, 3.0]) == 2
    assert math.isnan(stats.median([math.nan]))


def test_ratios_are_taken_inside_a_round() -> None:
    """A machine that is twice as slow in one round changes no ratio; a ratio of medians would."""
    rounds = [{"nginx": 1.0, "ours": 5.0}, {"nginx": 2.0, "ours": 10.0}, {"nginx": 4.0, "ours": 20.0}]
    assert stats.ratios(rounds, "nginx") == {"nginx": 1.0, "ours": 5.0}


def test_ratios_take_the_median_round() -> None:
    rounds = [{"nginx": 1.0, "ours": 5.0}, {"nginx": 1.0, "ours": 6.0}, {"nginx": 1.0, "ours": 90.0}]
    assert stats.ratios(rounds, "nginx")["ours"] == 6


@pytest.mark.parametrize("base", [{}, {"nginx": math.nan}, {"nginx": 0.0}])
def test_a_round_without_the_base_counts_for_nothing(base: dict[str, float]) -> None:
    assert stats.ratios([{**base, "ours": 5.0}], "nginx") == {}
    rounds = [{**base, "ours": 5.0}, {"nginx": 2.0, "ours": 6.0}]
    assert stats.ratios(rounds, "nginx")["ours"] == 3


def test_a_failed_cell_does_not_spoil_the_others() -> None:
    rounds = [{"nginx": 1.0, "ours": math.nan}, {"nginx": 1.0, "ours": 4.0}]
    assert stats.ratios(rounds, "nginx")["ours"] == 4


def test_added_is_the_median_difference_in_a_round() -> None:
    rounds = [{"direct": 1.0, "ours": 3.0}, {"direct": 10.0, "ours": 12.5}, {"direct": 5.0, "ours": 7.1}]
    assert stats.added(rounds, "direct") == {"direct": 0.0, "ours": pytest.approx(2.1)}
    assert stats.added([{"ours": 3.0}], "direct") == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01234, "0.012"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1234"), (math.nan, "-"), (-2.5, "-2.50")],
)
def test_shown(value: float, text: str) -> None:
    assert stats.shown(value) == text
