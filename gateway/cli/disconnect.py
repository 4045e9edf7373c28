"""Undo `interlock connect`: puts a coding agent's configuration back, byte for byte."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, cast

import click

from gateway.cli import EXIT_PROBLEMS, _configuration, _connections
from gateway.cli._merge import merge
from gateway.cli._paths import state_dir_of
from gateway.cli.connect import CONNECTABLE
from gateway.errors import ConfigError
from gateway.harnesses.registry import all_harnesses

Choice = Literal["merge", "restore", "keep"]

CHOICES: dict[Choice, str] = {
    "merge": "take our change out and keep yours",
    "restore": "put back the file as it was before `interlock connect`; your later edits are lost",
    "keep": "leave the file as it is and forget the backup",
}


@click.command()
@click.argument("harness", type=click.Choice(CONNECTABLE))
@click.option("--merge", "choice", flag_value="merge", help="If you edited the file since: keep your edits.")
@click.option("--restore", "choice", flag_value="restore", help="If you edited the file since: drop your edits.")
@click.option("--keep", "choice", flag_value="keep", help="Leave the files as they are and forget the backup.")
@click.option("--home", type=click.Path(file_okay=False, exists=True), help="Home folder (default: yours).")
@click.option("--state-dir", type=click.Path(file_okay=False), help="Where the backup is kept.")
def COMMAND(harness: str, choice: str | None, home: str | None, state_dir: str | None) -> None:
    """Put the configuration of HARNESS back as it was before `interlock connect`."""
    title = all_harnesses()[harness].title
    place = Path(home) if home else Path.home()
    path = _connections.record_path(state_dir_of(state_dir), harness, place)
    try:
        record = _connections.load(path)
        if record is None:
            click.echo(f"{title} is not connected.")
            return
        decided = _decide(record, place, cast("Choice | None", choice))
        if decided is None:
            sys.exit(EXIT_PROBLEMS)
        _undo(record, place, decided)
    except ConfigError as error:
        _configuration.tell(error)
    path.unlink()
    click.echo(f"{title} keeps its files as they are." if decided == "keep" else f"{title} is as it was.")


def _decide(record: _connections.Record, home: Path, choice: Choice | None) -> Choice | None:
    """What to do; None: nothing, the user must say more."""
    edited = _connections.edited_since(record, home)
    if not edited and not record.edited:
        return choice or "restore"
    if choice is not None:
        return choice
    names = ", ".join(f"~/{name}" for name in edited) or "a file"
    click.echo(f"{names} was edited after `interlock connect`. Choose one:", err=True)
    for name, what in CHOICES.items():
        click.echo(f"  --{name:8} {what}", err=True)
    if not sys.stdin.isatty():
        click.echo("Nothing was changed.", err=True)
        return None
    answer: Choice = click.prompt("Which", type=click.Choice(list(CHOICES)), default="merge", err=True)
    return answer


def _undo(record: _connections.Record, home: Path, choice: Choice) -> None:
    """All files or, when a merge is impossible, none."""
    if choice == "keep":
        return
    new = [(kept, _wanted(kept, home, choice)) for kept in record.files]
    for kept, data in reversed(new):  # folders were noted with the first file that needed them
        _connections.put_back(kept, home, data)


def _wanted(kept: _connections.Kept, home: Path, choice: Choice) -> bytes | None:
    now = _connections.read(home, kept.path)
    if choice == "restore" or now in (kept.after, kept.before):
        return kept.before
    if now is None:
        return None
    try:
        texts = kept.after.decode(), (kept.before or b"").decode(), now.decode()
    except UnicodeDecodeError:
        texts = None
    merged = merge(*texts) if texts else None
    if merged is None:
        raise ConfigError(f"~/{kept.path}: your edits touch the lines that connect wrote; use --restore or --keep")
    return merged.encode() if merged or kept.before is not None else None
