"""Show the bill: cost by model, lane, key, harness, session or day, and what routing saved."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import click

from gateway.accounting import report as reports
from gateway.adapters import bill
from gateway.adapters.keys import SqliteKeys
from gateway.adapters.system import SystemClock
from gateway.cli import EXIT_PROBLEMS, _configuration
from gateway.cli._paths import ledger_path_of, state_dir_of
from gateway.errors import ConfigError, GatewayError


@click.command()
@click.option("--by", type=click.Choice(reports.WORDS), default="model", show_default=True, help="What to sum by.")
@click.option("--since", help=f"Only calls since then: {reports.SINCE_FORM}.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with every line.")
@click.option("--limit", type=click.IntRange(0), default=40, show_default=True, help="Most lines shown; 0 shows all.")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file (default: interlock.yaml).")
@click.option("--state-dir", type=click.Path(file_okay=False), help="Where the ledger lives.")
def COMMAND(by: str, since: str | None, as_json: bool, limit: int, config: str | None, state_dir: str | None) -> None:
    """Show the bill, from the ledger."""
    try:
        since_s = None if since is None else reports.since_of(since, time.time())
    except GatewayError as error:
        raise click.BadParameter(error.text(), param_hint="--since") from None
    folder = state_dir_of(state_dir)
    try:
        found = bill.report(ledger_path_of(config, folder), cast("reports.By", by), since_s)
    except ConfigError as error:
        _configuration.tell(error)
    except sqlite3.Error as error:
        click.echo(f"the ledger cannot be read: {error}", err=True)
        sys.exit(EXIT_PROBLEMS)
    if by == "key":
        found = _named(found, folder)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        click.echo(reports.table(found, limit or None))


def _named(found: reports.Report, folder: Path) -> reports.Report:
    """Keys with the names people gave them."""
    path = folder / "keys.sqlite"
    known = SqliteKeys(path, SystemClock()).all_keys() if path.is_file() else []
    names = {row.caller.key_id: f"{row.caller.key_id} ({row.caller.name})" for row in known}
    return replace(found, lines=tuple(replace(line, name=names.get(line.name, line.name)) for line in found.lines))
