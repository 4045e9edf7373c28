"""Reading the ledger for reports. Opened read-only, so a report can be made while the gateway writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.accounting.report import By, Report, Sums, build
from gateway.adapters.ledger import SCHEMA_VERSION
from gateway.errors import ConfigError

_COLUMNS: dict[By, str] = {
    "key": "c.key_id",
    "harness": "c.harness",
    "session": "c.session",
    "day": "strftime('%Y-%m-%d', c.at_s, 'unixepoch')",
    "route": "c.route",
    "call": "c.call",
    "task": "coalesce(c.task, '')",
}
_COMPARED = "c.price_version <> 'none' AND json_extract(c.extra, '$.baseline') IS NULL"
_CALLS = f"""
    count(*), 0, sum(c.outcome NOT IN ('ok', 'loop_guard')), {{tokens}},
    sum(c.baseline_usd_micros),
    sum(CASE WHEN {_COMPARED} THEN c.cost_usd_micros ELSE 0 END),
    sum(CASE WHEN {_COMPARED} THEN c.baseline_usd_micros ELSE 0 END),
    sum(c.price_version = 'none' AND c.usage_source <> 'none'), sum(c.usage_source = 'estimated')
"""
_OWN = """
    sum(c.input_tokens), sum(c.cached_tokens), sum(c.cache_written_tokens), sum(c.output_tokens), sum(c.reasoning_tokens),
    sum(c.cost_usd_micros)
"""
_NONE = "0, 0, 0, 0, 0, 0"
_JOINED = "FROM hops h JOIN calls c ON c.id = h.call_id"
_HOPS = """
    0, count(*), 0, sum(h.input_tokens), sum(h.cached_tokens), sum(h.cache_written_tokens), sum(h.output_tokens),
    sum(h.reasoning_tokens), sum(h.cost_usd_micros), 0, 0, 0, 0, 0
"""


def report(path: Path, by: By, since_s: float | None = None) -> Report:
    """Sums of everything since then. ConfigError when there is no ledger, or it is of another version.

    Money and tokens of models and lanes are those of the attempts, as in /metrics: an attempt that broke was paid to the
    model that broke, not to the one that served in the end."""
    if not path.is_file():
        raise ConfigError(f"there is no ledger at {path}: nothing has been served with this state directory yet")
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise ConfigError(
                f"{path} is of version {version}, not {SCHEMA_VERSION}; a start of the gateway brings it up"
            )
        return build(by, _parts(db, by, since_s), since_s)


def _parts(db: sqlite3.Connection, by: By, since_s: float | None) -> list[Sums]:
    where = "" if since_s is None else "WHERE c.at_s >= ?"
    values = () if since_s is None else (since_s,)
    if by in _COLUMNS:
        word = _COLUMNS[by]
        queries = [
            f"SELECT {word}, {_CALLS.format(tokens=_OWN)} FROM calls c {where} GROUP BY 1",
            f"SELECT {word}, 0, count(*), 0, {_NONE}, 0, 0, 0, 0, 0 {_JOINED} {where} GROUP BY 1",
        ]
    else:
        own, paid = ("c.model", "h.model") if by == "model" else ("c.lane", "coalesce(nullif(h.lane, ''), c.lane)")
        queries = [
            f"SELECT {own}, {_CALLS.format(tokens=_NONE)} FROM calls c {where} GROUP BY 1",
            f"SELECT {paid}, {_HOPS} {_JOINED} {where} GROUP BY 1",
        ]
    return [Sums(str(row[0] or ""), *row[1:]) for query in queries for row in db.execute(query, values)]
