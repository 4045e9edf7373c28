"""Point a coding agent at the gateway: edits its own configuration, shows the change, keeps what was there."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import get_args

import click

from gateway.cli import EXIT_PROBLEMS, _configuration, _connections
from gateway.cli._paths import state_dir_of
from gateway.errors import ConfigError
from gateway.harnesses.contract import Harness, Wish
from gateway.harnesses.registry import all_harnesses
from gateway.ir.request import DialectName

NO_KEY = "sk-interlock-local"
"""On loopback the gateway needs no key, yet every client insists on sending one."""
CONNECTABLE = tuple(sorted(name for name, harness in all_harnesses().items() if harness.connect))


@click.command()
@click.argument("harness", type=click.Choice(CONNECTABLE))
@click.option(
    "--dialect", type=click.Choice(get_args(DialectName)), help="Wire dialect (default: the harness's most used)."
)
@click.option("--model", default="auto", show_default=True, help="Model name to ask for.")
@click.option("--base-url", default="http://127.0.0.1:4242", show_default=True, help="The gateway, without a path.")
@click.option("--key", help="Key of the gateway, or env:NAME to read it now (default: $INTERLOCK_API_KEY, else none).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--home", type=click.Path(file_okay=False, exists=True), help="Home folder (default: yours).")
@click.option("--state-dir", type=click.Path(file_okay=False), help="Where the backup is kept.")
def COMMAND(
    harness: str,
    dialect: str | None,
    model: str,
    base_url: str,
    key: str | None,
    yes: bool,
    home: str | None,
    state_dir: str | None,
) -> None:
    """Point HARNESS at the gateway. Shows the change to its configuration first; `interlock disconnect` undoes it."""
    found = all_harnesses()[harness]
    place = Path(home) if home else Path.home()
    try:
        wish = _wish(found, dialect, model, base_url, _key(key))
        changed = _connect(found, wish, place, state_dir_of(state_dir), yes)
    except ConfigError as error:
        _configuration.tell(error)
    if changed is None:
        sys.exit(EXIT_PROBLEMS)
    click.echo(f"{found.title} asks {wish.base_url} for {wish.model} now." if changed else "Nothing to change.")
    assert found.connect is not None
    for note in found.connect.notes(wish):
        click.echo(f"note: {note}")


def _wish(harness: Harness, dialect: str | None, model: str, base_url: str, key: str) -> Wish:
    assert harness.connect is not None
    dialects = harness.connect.dialects
    if dialect is not None and dialect not in dialects:
        raise ConfigError(f"{harness.title} does not speak {dialect}; it speaks {', '.join(dialects)}")
    base = base_url.rstrip("/").removesuffix("/v1")
    if not base.startswith(("http://", "https://")) or any(c in base for c in " \t\n\"'"):
        raise ConfigError(f"--base-url {base_url!r} is no address; like http://127.0.0.1:4242")
    if not model or not model.isprintable() or '"' in model:
        raise ConfigError("--model must be a name, like auto or auto:local")
    return Wish(base_url=base, key=key, model=model, dialect=dialect or dialects[0])


def _key(given: str | None) -> str:
    if given is None:
        return os.environ.get("INTERLOCK_API_KEY") or NO_KEY
    if given.startswith("env:"):
        value = os.environ.get(given[4:])
        if not value:
            raise ConfigError(f"--key {given}: the variable is not set")
        return value
    if not given.isprintable() or " " in given:
        raise ConfigError("--key must be printable and without spaces")
    return given


def _connect(harness: Harness, wish: Wish, home: Path, state: Path, yes: bool) -> bool | None:
    """True: changed. False: it was so already. None: the user said no."""
    assert harness.connect is not None
    before = _connections.texts(home, _connections.located(harness.connect, home))
    # The contract's `files` are what `edit` knows; where another spelling of a file exists, it stands in for that one.
    after = dict(harness.connect.edit(before, wish))
    changes = {name: text for name, text in after.items() if text != before[name]}
    if not changes:
        return False
    for name, text in changes.items():
        click.echo(_difference(name, before[name], text, wish.key), nl=False)
    if not yes and not click.confirm("Write this?", default=True):
        click.echo("Nothing was changed.")
        return None
    path = _connections.record_path(state, harness.name, home)
    record = _connections.apply(harness, home, after, _connections.load(path))
    record.base_url, record.model, record.dialect = wish.base_url, wish.model, wish.dialect
    _connections.save(path, record)
    return True


def _difference(name: str, before: str | None, after: str, key: str) -> str:
    """A unified diff in which our key is not shown."""
    old, new = (before or "").splitlines(keepends=True), after.splitlines(keepends=True)
    title = "/dev/null" if before is None else f"~/{name}"
    text = "".join(
        line if line.endswith("\n") else line + "\n" for line in difflib.unified_diff(old, new, title, f"~/{name}")
    )
    return text if key == NO_KEY else text.replace(key, "********")
