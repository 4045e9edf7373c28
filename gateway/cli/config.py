"""Check, explain and describe the configuration."""

from __future__ import annotations

import asyncio
import json
import os

import click

from gateway.adapters import policy_files, secrets
from gateway.cli import _configuration
from gateway.config import explain as explaining
from gateway.config.load import load
from gateway.config.schema import json_schema
from gateway.errors import ConfigError
from policies.compiled import Guard


@click.group(name="config", no_args_is_help=True)
def COMMAND() -> None:
    """Check, explain and describe the configuration."""


@COMMAND.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False))
def check(file: str | None) -> None:
    """Read FILE (default: the one `serve` would use) and tell every problem. Calls nothing, needs no secret."""
    path = _configuration.locate(file)
    if path is None:
        click.echo(f"no {_configuration.FILE_NAME} here: without a file, models are discovered (see: interlock init)")
        return
    try:
        loaded = load(_configuration.read(path), file=str(path), catalog=_configuration.catalog())
        policy_files.compiled(loaded, Guard())
    except ConfigError as error:
        _configuration.tell(error)
    _, unread = secrets.resolve(loaded.settings)
    for warning in (*loaded.warnings, *(f"{path}: {sentence}" for sentence in unread)):
        click.echo(f"warning: {warning}", err=True)
    if not loaded.settings.policies:
        click.echo(f"warning: {path}: policies: []: no tool call is judged", err=True)
    models, routes = len(loaded.settings.models), len(loaded.settings.routes)
    click.echo(f"{path}: ok ({models} models, {routes} routes)")


@COMMAND.command()
@click.option("--config", "file", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of {path, value, origin}.")
@click.argument("prefix", default="")
def explain(file: str | None, as_json: bool, prefix: str) -> None:
    """Print every setting with where it came from; with PREFIX (e.g. models.local), only those below it."""
    try:
        configuration = asyncio.run(_configuration.load_or_discover(_configuration.locate(file)))
    except ConfigError as error:
        _configuration.tell(error)
    lines = [line for line in explaining.explain(configuration.loaded, set(os.environ)) if line.path.startswith(prefix)]
    if as_json:
        rows = [{"path": line.path, "value": line.value, "origin": line.origin} for line in lines]
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        click.echo(explaining.text(lines), nl=False)


@COMMAND.command()
def schema() -> None:
    """Print the JSON schema of interlock.yaml, for editors."""
    click.echo(json.dumps(json_schema(_configuration.catalog()), indent=2, ensure_ascii=False))
