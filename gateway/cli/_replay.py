"""`interlock route replay`: what a changed configuration would have done with the calls of a ledger."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.accounting import report as reports
from gateway.adapters import outcomes
from gateway.adapters.prices import ListPrices
from gateway.app import runtime_of
from gateway.cli import EXIT_PROBLEMS, _configuration
from gateway.errors import ConfigError, GatewayError
from gateway.pipeline.replay import Call, Interval, Report, replay

FEW_SESSIONS = 30


@click.command(name="replay")
@click.argument("log", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--config", type=click.Path(dir_okay=False), help="The changed configuration (default: interlock.yaml).")
@click.option("--since", help=f"Only calls since then: {reports.SINCE_FORM}.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Most moves shown; 0 shows all.")
def COMMAND(log: Path, config: str | None, since: str | None, as_json: bool, limit: int) -> None:
    """Replay the calls of the ledger LOG through a changed configuration: what would move, cost and risk. Calls nothing."""
    try:
        since_s = 0.0 if since is None else reports.since_of(since, time.time())
    except GatewayError as error:
        raise click.BadParameter(error.text(), param_hint="--since") from None
    try:
        report = _replayed(log, config, since_s)
    except ConfigError as error:
        _configuration.tell(error)
    except sqlite3.Error as error:
        click.echo(f"the ledger cannot be read: {error}", err=True)
        sys.exit(EXIT_PROBLEMS)
    click.echo(json.dumps(as_data(report), indent=2) if as_json else for_people(report, limit or None))


@click.command(name="outcomes")
@click.argument("log", type=click.Path(dir_okay=False, path_type=Path))
def OUTCOMES(log: Path) -> None:
    """Print the decisions of the ledger LOG with their outcomes, one JSON object per line, as `interlock classifier
    retrain` takes them. Only asks that were kept (`ledger.keep_asks`) and whose outcome was seen."""
    try:
        for line in outcomes.lines(log):
            click.echo(json.dumps(line, ensure_ascii=False))
    except ConfigError as error:
        _configuration.tell(error)
    except sqlite3.Error as error:
        click.echo(f"the ledger cannot be read: {error}", err=True)
        sys.exit(EXIT_PROBLEMS)


def _replayed(log: Path, config: str | None, since_s: float) -> Report:
    found = asyncio.run(_configuration.load_or_discover(_configuration.locate(config)))
    runtime, _ = runtime_of(found.loaded, 1)
    prices = ListPrices()
    prices.load()
    seen = {row.request_id: row.success for row in outcomes.rows(log, since_s) if row.success is not None}
    return replay(outcomes.calls(log, since_s), runtime, prices, seen)


def _moves(report: Report) -> list[tuple[str, str, list[Call]]]:
    """(from, to, calls), the most calls first."""
    groups: defaultdict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in report.calls:
        if call.moves:
            groups[call.was, call.would].append(call)
    return sorted(((was, would, calls) for (was, would), calls in groups.items()), key=lambda m: -len(m[2]))


def as_data(report: Report) -> dict[str, Any]:
    return {
        "calls": len(report.calls),
        "sessions": report.sessions,
        "from_s": report.first_s,
        "to_s": report.last_s,
        "skipped": dict(report.skipped),
        "unpriced": report.unpriced,
        "cost_usd": {"was": report.was_usd_micros / 1e6, "would": report.would_usd_micros / 1e6},
        "cost_change_pct": _bounds(report.cost_pct),
        "moved_pct": _bounds(report.moved_pct),
        "expected_success_points": _bounds(report.success_points),
        "scored_asks": report.scored,
        "moves": [
            {
                "from": was,
                "to": would,
                "calls": len(calls),
                "was_usd": sum(c.was_usd_micros for c in calls) / 1e6,
                "would_usd": sum(c.would_usd_micros for c in calls) / 1e6,
                "seen": sum(c.seen is not None for c in calls),
                "seen_success": _mean([c.seen for c in calls if c.seen is not None]),
                "example": calls[0].why,
            }
            for was, would, calls in _moves(report)
        ],
    }


def _bounds(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else {"value": interval.value, "low": interval.low, "high": interval.high}


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def for_people(report: Report, limit: int | None) -> str:
    if not report.calls:
        return "nothing to replay: the ledger has no decisions of `auto`" + _left_out(report)
    lines = [
        f"{len(report.calls)} calls of auto in {report.sessions} sessions, {_day(report.first_s)} to {_day(report.last_s)}"
        + _left_out(report),
        f"cost     {_usd(report.was_usd_micros)} would be {_usd(report.would_usd_micros)}: {_said(report.cost_pct, ' %')}",
        f"moved    {_said(report.moved_pct, ' % of calls', sign='')}",
        f"risk     expected success {_said(report.success_points, ' points')}, over {report.scored} asks with scores"
        if report.success_points
        else "risk     not known: no call has scores (they come with a trained classifier)",
        "intervals: 95 %, bootstrapped over sessions",
    ]
    if report.sessions < FEW_SESSIONS:
        lines.append(f"beware: {report.sessions} sessions are few; the intervals are narrower than the truth")
    if report.unpriced:
        lines.append(f"beware: {report.unpriced} calls would go to models without a known price and count as free")
    return "\n".join([*lines, "", *_table(report, limit)])


def _table(report: Report, limit: int | None) -> list[str]:
    found = _moves(report)
    if not found:
        return ["nothing would move"]
    rows = [("FROM", "TO", "CALLS", "WAS", "WOULD BE", "SEEN TO SUCCEED", "WHY (FIRST)")]
    for was, would, calls in found[:limit]:
        seen = [c.seen for c in calls if c.seen is not None]
        mean = _mean(seen)
        said = f"{mean:.0%} of {len(seen)}" if mean is not None else "-"
        money = (_usd(sum(c.was_usd_micros for c in calls)), _usd(sum(c.would_usd_micros for c in calls)))
        rows.append((was, would or "(nobody)", str(len(calls)), *money, said, calls[0].why[:80]))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    shown = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return shown + ([f"and {len(found) - limit} more"] if limit and len(found) > limit else [])


def _left_out(report: Report) -> str:
    if not report.skipped:
        return ""
    return "; left out: " + ", ".join(f"{count} {why}" for why, count in sorted(report.skipped.items()))


def _said(interval: Interval | None, unit: str, sign: str = "+") -> str:
    if interval is None:
        return "no change can be stated"
    value, low, high = (f"{x:{sign}.1f}" for x in (interval.value, interval.low, interval.high))
    return f"{value}{unit} ({low} to {high})"


def _usd(micros: int) -> str:
    return f"${micros / 1_000_000:.4f}"


def _day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")
