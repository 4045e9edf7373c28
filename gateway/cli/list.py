"""List the plug-ins that were found: providers, dialects, harnesses, routing strategies."""

from __future__ import annotations

from collections.abc import Sequence

import click

from gateway.dialects.registry import all_dialects
from gateway.harnesses.registry import all_harnesses
from gateway.providers.registry import all_providers
from gateway.routing.strategies.registry import all_strategies


@click.group(name="list", no_args_is_help=True)
def COMMAND() -> None:
    """List the plug-ins that were found."""


@COMMAND.command()
def providers() -> None:
    """Providers: name, dialects (preferred first), key variable, address."""
    rows = [("NAME", "DIALECTS", "KEY", "ADDRESS")]
    for name, p in all_providers().items():
        rows.append((name, ", ".join(p.dialects), p.env_keys[0] if p.env_keys else "-", p.base_url or "(configured)"))
    _table(rows)


@COMMAND.command()
def dialects() -> None:
    """Dialects: name, paths they are served at."""
    _table([("NAME", "PATHS"), *((str(name), ", ".join(sorted(d.paths))) for name, d in all_dialects().items())])


@COMMAND.command()
def harnesses() -> None:
    """Harnesses that are recognised."""
    _table([("NAME", "TITLE"), *((name, harness.title) for name, harness in all_harnesses().items())])


@COMMAND.command()
def strategies() -> None:
    """Strategies: how a route's models are ranked by the classifier's scores."""
    _table([("NAME", "RANKS BY"), *((name, found.title) for name, found in all_strategies().items())])


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
