"""Write what was found on this machine as a commented interlock.yaml."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from gateway.adapters import discovery
from gateway.cli import EXIT_PROBLEMS, _configuration
from gateway.config import discover, render
from gateway.config.routes import RouteConfig
from gateway.routing.table import DEFAULT_ROUTES


@click.command(name="init")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option(
    "--output",
    default=_configuration.FILE_NAME,
    show_default=True,
    type=click.Path(dir_okay=False),
    help="File to write; - prints.",
)
def COMMAND(force: bool, output: str) -> None:
    """Look for keys in the environment and model servers on this machine, and write them as a commented configuration.
    Keys are written as env: references, never themselves."""
    probes = asyncio.run(discovery.probe(_configuration.catalog(), os.environ))
    found = discover.discover(os.environ, probes, _configuration.catalog())
    routes = tuple(
        RouteConfig.model_validate({"id": id_, "when": when, "to": list(to)}) for id_, when, to in DEFAULT_ROUTES
    )
    text = render.render_yaml(discover.settings_from(found), found, routes)
    if output == "-":
        click.echo(text, nl=False)
        return
    _write(Path(output), text, force)
    click.echo(render.table(found), nl=False)
    click.echo(f"\nwritten: {output}   next: interlock serve --config {output}")


def _write(path: Path, text: str, force: bool) -> None:
    """Whole or not at all; an existing file only with `force`."""
    if path.exists() and not force:
        click.echo(f"{path} exists; --force replaces it", err=True)
        sys.exit(EXIT_PROBLEMS)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as e:
        temporary.unlink(missing_ok=True)
        click.echo(f"{path}: {e.strerror}", err=True)
        sys.exit(EXIT_PROBLEMS)
