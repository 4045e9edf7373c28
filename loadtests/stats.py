"""Percentiles and ratios. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0..1) of all values do not exceed (nearest rank); NaN of none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """NaN of none; values that are NaN (a cell that failed) do not count."""
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def ratios(rounds: Sequence[Mapping[str, float]], base: str) -> dict[str, float]:
    """Median over the rounds of each target's cost divided by that of `base` *in the same round*.

    What a shared machine takes or gives moves all targets of a round alike, so the ratio holds where the figure does not.
    A round without `base` counts for nothing.
    """
    seen: dict[str, list[float]] = {}
    for costs in rounds:
        unit = costs.get(base, math.nan)
        if math.isnan(unit) or unit <= 0:
            continue
        for target, cost in costs.items():
            seen.setdefault(target, []).append(cost / unit)
    return {target: median(values) for target, values in seen.items()}


def added(rounds: Sequence[Mapping[str, float]], base: str) -> dict[str, float]:
    """Median over the rounds of each target's figure minus that of `base` in the same round."""
    seen: dict[str, list[float]] = {}
    for figures in rounds:
        if base in figures:
            for target, figure in figures.items():
                seen.setdefault(target, []).append(figure - figures[base])
    return {target: median(values) for target, values in seen.items()}


def shown(value: float) -> str:
    """Two to three significant digits; `-` for what is not known."""
    if math.isnan(value):
        return "-"
    size = abs(value)
    return (
        f"{value:.0f}"
        if size >= 100
        else f"{value:.1f}"
        if size >= 10
        else f"{value:.2f}"
        if size >= 1
        else f"{value:.3f}"
    )
