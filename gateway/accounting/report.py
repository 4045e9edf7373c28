"""The bill for people: sums of the ledger by one word, and the saving against the frontier lane. Pure; SQL is elsewhere.

Three honesties: calls without a known price are counted and shown, never taken for free (and never for a saving); counts
that nobody reported are marked as estimates; the saving compares only calls whose price and whose baseline are both known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from gateway.errors import MalformedRequest

By = Literal["model", "lane", "key", "harness", "session", "day", "route", "call", "task"]
WORDS: tuple[str, ...] = get_args(By)

_AGO = re.compile(r"(\d{1,6})\s*([mhdw])\Z")
_UNIT_S = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
SINCE_FORM = "30m, 24h, 7d, 4w, or a date such as 2026-11-01 or 2026-11-01T08:00 (UTC)"


@dataclass(frozen=True, slots=True)
class Sums:
    """What was summed under one name. Money in micro-dollars. `attempts` counts calls of upstreams. `unpriced` are calls
    that used tokens of unknown price, `estimated` calls whose tokens nobody reported. `compared_*` are cost and baseline
    of the calls where both are known."""

    name: str
    calls: int = 0
    attempts: int = 0
    failed: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_written_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd_micros: int = 0
    baseline_usd_micros: int = 0
    compared_cost_usd_micros: int = 0
    compared_baseline_usd_micros: int = 0
    unpriced: int = 0
    estimated: int = 0

    @property
    def saved_usd_micros(self) -> int:
        """Against everything on the baseline model; negative when the models used were dearer."""
        return self.compared_baseline_usd_micros - self.compared_cost_usd_micros

    def plus(self, other: Sums) -> Sums:
        pairs = ((f.name, getattr(self, f.name) + getattr(other, f.name)) for f in fields(self) if f.name != "name")
        return Sums(self.name, **dict(pairs))


@dataclass(frozen=True, slots=True)
class Report:
    """`lines` are in order of cost, dearest first (days in order of time); they sum to `total` exactly."""

    by: By
    lines: tuple[Sums, ...]
    total: Sums
    since_s: float | None = None

    def as_json(self) -> dict[str, Any]:
        since = None if self.since_s is None else datetime.fromtimestamp(self.since_s, UTC).isoformat()
        return {
            "by": self.by,
            "since": since,
            "lines": [_json(line) for line in self.lines],
            "total": _json(self.total),
        }


def build(by: By, parts: Iterable[Sums], since_s: float | None = None) -> Report:
    """Sums of equal names are joined: calls and attempts come from different tables."""
    lines: dict[str, Sums] = {}
    for part in parts:
        known = lines.get(part.name)
        lines[part.name] = part if known is None else known.plus(part)
    total = Sums("total")
    for line in lines.values():
        total = total.plus(line)
    if by == "day":
        ordered = sorted(lines.values(), key=lambda line: line.name)
    else:
        ordered = sorted(lines.values(), key=lambda line: (-line.cost_usd_micros, -line.calls, line.name))
    return Report(by, tuple(ordered), total, since_s)


def since_of(text: str, now_s: float) -> float:
    """Unix seconds of a moment in the past. MalformedRequest for anything else."""
    if found := _AGO.match(text.strip()):
        return now_s - int(found[1]) * _UNIT_S[found[2]]
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise MalformedRequest(f"{text!r} is no moment", accepted=SINCE_FORM) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def usd(micros: int) -> str:
    """Dollars to the micro-dollar, exactly."""
    sign = "-" if micros < 0 else ""
    return f"{sign}{abs(micros) // 1_000_000}.{abs(micros) % 1_000_000:06d}"


def table(report: Report, limit: int | None = None) -> str:
    """For a terminal: dollars to the cent where that says something, else to the micro-dollar."""
    head = (
        report.by.upper(),
        "CALLS",
        "FAILED",
        "INPUT",
        "CACHED",
        "WRITTEN",
        "OUTPUT",
        "COST $",
        "FRONTIER $",
        "SAVED $",
    )
    shown = report.lines if limit is None else report.lines[:limit]
    rows = [head, *map(_row, shown), _row(report.total)]
    lines = _aligned(rows)
    lines.insert(len(lines) - 1, "-" * max(map(len, lines)))
    if len(shown) < len(report.lines):
        lines.append(f"({len(report.lines) - len(shown)} more lines; --limit 0 shows all)")
    return "\n".join([*lines, *_notes(report.total)])


def _row(line: Sums) -> tuple[str, ...]:
    compared = line.compared_baseline_usd_micros or line.compared_cost_usd_micros
    return (
        line.name or "-",
        str(line.calls),
        str(line.failed or "-"),
        f"{line.input_tokens:,}",
        f"{line.cached_tokens:,}",
        f"{line.cache_written_tokens:,}",
        f"{line.output_tokens:,}",
        _money(line.cost_usd_micros) + ("?" if line.unpriced else "") + ("~" if line.estimated else ""),
        _money(line.baseline_usd_micros) if compared else "-",
        _money(line.saved_usd_micros) if compared else "-",
    )


def _money(micros: int) -> str:
    return usd(micros) if abs(micros) < 1_000_000 else f"{micros / 1_000_000:,.2f}"


def _notes(total: Sums) -> list[str]:
    notes = []
    if total.unpriced:
        notes.append(f"? {total.unpriced} calls used tokens without a known price: give one under `prices` or `cost`.")
    if total.estimated:
        notes.append(f"~ {total.estimated} calls include estimated tokens: nobody reported them (cut streams, mostly).")
    if total.compared_baseline_usd_micros:
        share = total.saved_usd_micros / total.compared_baseline_usd_micros
        notes.append(f"Saved {share:.0%} against everything on the frontier lane, over the calls priced on both sides.")
    return ["", *notes] if notes else []


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _json(line: Sums) -> dict[str, Any]:
    return {
        "name": line.name,
        "calls": line.calls,
        "attempts": line.attempts,
        "failed": line.failed,
        "tokens": {
            "input": line.input_tokens,
            "cached": line.cached_tokens,
            "cache_written": line.cache_written_tokens,
            "output": line.output_tokens,
            "reasoning": line.reasoning_tokens,
        },
        "cost_usd": usd(line.cost_usd_micros),
        "baseline_usd": usd(line.baseline_usd_micros),
        "saved_usd": usd(line.saved_usd_micros),
        "unpriced_calls": line.unpriced,
        "estimated_calls": line.estimated,
    }
